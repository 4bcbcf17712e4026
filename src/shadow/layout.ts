/** Where the shadow keeps what on the volume, and what the names mean. Few large files: a network volume is slow at many small ones.
 *
 *    pg-shadow/state.json                                  who may write, and the generations (state.ts)
 *    pg-shadow/base/g0001-00000001-00000000020000D8.tar.zst   one base backup, and its commit mark beside it (.json)
 *    pg-shadow/wal/g0001-00000001-0000000002000000.wal        the log from that position on, joined; block sums beside it (.sums)
 *
 *  A generation is one life of the database's directory: each restore begins the next, on a timeline of its own. */
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export function shadowFolder(workspacePath: string): string {
  return join(workspacePath, 'pg-shadow');
}

export function baseFolder(shadow: string): string {
  return join(shadow, 'base');
}

export function walFolder(shadow: string): string {
  return join(shadow, 'wal');
}

/** What a file's name says: the generation that wrote it, its timeline, and the position it begins at. */
export interface Place {
  readonly generation: number;
  readonly timeline: number;
  readonly start: bigint;
}

export function placeName({ generation, timeline, start }: Place): string {
  const hex = (value: bigint, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');
  return `g${String(generation).padStart(4, '0')}-${hex(BigInt(timeline), 8)}-${hex(start, 16)}`;
}

/** @returns undefined for a name that is none of ours */
export function readPlace(name: string): Place | undefined {
  const parts = /^g(\d{4,})-([0-9A-F]{8})-([0-9A-F]{16})\./.exec(name);
  if (parts === null) return undefined;
  return { generation: Number(parts[1]), timeline: Number.parseInt(parts[2] ?? '', 16), start: BigInt(`0x${parts[3]}`) };
}

/** Oldest first. */
export function byPlace(a: Place, b: Place): number {
  return a.generation - b.generation || Number(a.start - b.start);
}

/** Makes entries of a folder last. Some network volumes refuse to sync a folder: there the metadata server has them already. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EINVAL' || error.code === 'ENOTSUP'))) throw error;
  } finally {
    await folder.close();
  }
}

/** Replaces a file as a whole: it holds the old text or the new one, also after a power cut.
 *  @param owner whose it becomes; only as root */
export async function replaceFile(path: string, text: string, owner?: { readonly uid: number; readonly gid: number }): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.writeFile(text);
    if (owner !== undefined && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  await syncFolder(dirname(path));
}
