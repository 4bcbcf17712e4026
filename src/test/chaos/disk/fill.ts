/** Fills a disk to its last byte, or its last file. Only ever the disk of `folder`: give it one of its own. */
import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 2 ** 20;

/** Takes all bytes that are left. */
export function fillBytes(folder: string): void {
  const file = openSync(join(folder, `${performance.now()}`), 'w');
  try {
    for (let size = 16 * MIB; size >= 4_096; size = Math.floor(size / 2)) writeAll(file, Buffer.alloc(size));
    fsyncSync(file);
  } catch (error) {
    if (!isFull(error)) throw error;
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, block: Buffer): void {
  try {
    for (;;) if (writeSync(file, block) < block.length) return;
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

/** Takes all inodes that are left. */
export function fillFiles(folder: string): void {
  try {
    for (;;) writeFileSync(join(folder, `${performance.now()}`), '', { flag: 'wx' });
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
