/** How large a folder is, as far as can be counted in a time: a network volume is slow at many small files. Follows no links. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';

export interface FolderSize {
  readonly bytes: number;
  readonly files: number;
  /** False: there was more than could be counted until the deadline. */
  readonly complete: boolean;
}

/** @param deadline by the monotonic clock, ms */
export async function measureFolder(root: string, deadline: number, clock: Pick<Clock, 'monotonic'>): Promise<FolderSize> {
  const open = [root];
  const sum = { bytes: 0, files: 0, complete: true };
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (clock.monotonic() > deadline) return { ...sum, complete: false };
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []); // Gone meanwhile, or closed to us.
    for (const entry of entries) {
      if (entry.isDirectory()) open.push(join(folder, entry.name));
      else if (entry.isFile()) {
        sum.bytes += (await stat(join(folder, entry.name)).catch(() => ({ size: 0 }))).size;
        sum.files += 1;
      }
    }
  }
  return sum;
}
