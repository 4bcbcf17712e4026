/** Small files that a kill leaves whole. Never for what has to outlive the machine: nothing is synced. */
import { rename, writeFile } from 'node:fs/promises';

/** Replaces a small file: whoever reads it, at any moment, finds what was there or the new. Not synced: it has to outlive Studio, not the machine (a job does
 *  not outlive that either). */
export async function writeWhole(path: string, text: string | Buffer): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
