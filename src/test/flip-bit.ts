/** What a disk does that changes what it holds. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** @param mask the bits of the byte at `at` that change */
export function flipBit(path: string, at: number, mask = 1): void {
  const file = openSync(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    readSync(file, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ mask;
    writeSync(file, byte, 0, 1, at);
  } finally {
    closeSync(file);
  }
}
