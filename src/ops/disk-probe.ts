/** One write to a disk, as everything else writes: a limit that the file system does not tell (a quota), a device that fails and a file system that went read-only
 *  show themselves only so. New blocks each time, and synced: writing over old ones, or into memory, would say nothing. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../kernel/fail.ts';

export interface ProbeFault {
  /** full: no room, whatever the file system says of itself. */
  readonly kind: 'full' | 'failing';
  /** The word of the system, and what it means. */
  readonly reason: string;
}

const MEANINGS: Readonly<Record<string, string>> = {
  EIO: 'EIO: the device fails',
  EROFS: 'EROFS: it is read-only',
  ENOSPC: 'ENOSPC: no space left',
  EDQUOT: 'EDQUOT: the quota is used up',
  ESTALE: 'ESTALE: the volume is gone',
};
const CHUNK = 2 ** 20;

/** Leaves nothing behind. @returns undefined when all of it came through; never rejects */
export async function probeDisk(folder: string, bytes: number): Promise<ProbeFault | undefined> {
  const path = join(folder, '.probe');
  try {
    const file = await open(path, 'w', 0o600);
    try {
      const block = crypto.getRandomValues(Buffer.allocUnsafe(65_536));
      const chunk = bytes < CHUNK ? block.subarray(0, Math.min(block.length, bytes)) : Buffer.concat(Array.from({ length: CHUNK / block.length }, () => block));
      for (let written = 0; written < bytes; written += chunk.length) await file.write(chunk, 0, Math.min(chunk.length, bytes - written));
      await file.sync();
    } finally {
      await file.close();
    }
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { kind: code === 'ENOSPC' || code === 'EDQUOT' ? 'full' : 'failing', reason: MEANINGS[code] ?? messageOf(error) };
  } finally {
    await rm(path, { force: true }).catch(() => undefined); // On a read-only file system it was never made.
  }
}
