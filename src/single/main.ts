/** The first steps of the single executable: finds or makes its unpacked folder, then becomes the plain Node of it with the bundle.
 *  The process stays the same one: its pid, its terminal, its arguments. Loads nothing of Studio itself. */
import { getAsset, getRawAsset } from 'node:sea';
import { join } from 'node:path';
import { systemClock as clock } from '../kernel/clock.ts';
import { choosePlace } from './place.ts';
import { ensureUnpacked, nodeOf } from './unpack.ts';
import type { Pack } from './pack.ts';

async function begin(): Promise<void> {
  const pack = JSON.parse(getAsset('index', 'utf8')) as Pack;
  const place = choosePlace(process.env, process.getuid?.() ?? 0);
  const say = (line: string): void => void process.stderr.write(`studio: ${line}\n`);
  if (place.isRemote) say(`${place.folder} is on a network volume; set STUDIO_UNPACK_PATH to a folder on a local disk`);
  const home = await ensureUnpacked({
    base: place.folder,
    pack,
    bytes: () => new Uint8Array(getRawAsset('blocks')),
    executable: process.execPath,
    clock,
    say,
  });
  const node = nodeOf(home);
  // Commands that act on the file itself (upgrade, install-service) read it.
  const env = { ...process.env, STUDIO_EXECUTABLE: process.execPath };
  const flags = ['--disallow-code-generation-from-strings'];
  process.execve?.(node, [node, ...flags, join(home, 'dist/studio.js'), ...process.argv.slice(2)], env);
}

begin().catch((error: unknown) => {
  process.stderr.write(`studio: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
