/** The file of an upgrade before anything is changed: its checksum, that it starts here, and that it is no step back. */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, createReadStream, existsSync, readFileSync, rmSync, statSync, chownSync } from 'node:fs';
import { basename } from 'node:path';
import { runToEnd } from '../kernel/child.ts';
import type { Versions } from './version.ts';

/** Copies it beside the executable that it is to replace, checks the copy, and asks it for its versions. @throws Error saying what is wrong and what to do */
export async function takeFile(
  file: string,
  options: { readonly target: string; readonly sha256: string | undefined; readonly env: Readonly<Record<string, string>> },
): Promise<{ readonly fresh: string; readonly versions: Versions }> {
  const { target } = options;
  if (!existsSync(file)) throw new Error(`${file} is not there.`);
  // The one that the last upgrade kept was checked then.
  const wanted = options.sha256 ?? (file === `${target}.old` ? await hashOf(file) : readChecksum(file));
  const fresh = `${target}.new`;
  copyFileSync(file, fresh);
  try {
    // The copy is what will run: the file may change under the hands.
    const found = await hashOf(fresh);
    if (found !== wanted) throw new Error(`${file} is not what its checksum says: sha256 ${found}, expected ${wanted}. Download it again.`);
    const { mode, uid, gid } = statSync(target);
    chmodSync(fresh, mode & 0o777);
    if (process.getuid?.() === 0) chownSync(fresh, uid, gid);
    const ended = await runToEnd({ command: fresh, args: ['version', '--json'], env: options.env, timeoutMs: 300_000, keepLines: 50 });
    const text = ended.lines.slice(ended.lines.indexOf('{')).join('\n');
    if (ended.code !== 0) throw new Error(`${file} does not start here: ${ended.lines.at(-1) ?? `exit code ${ended.code}`}`);
    return { fresh, versions: JSON.parse(text) as Versions };
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function readChecksum(file: string): string {
  const beside = `${file}.sha256`;
  const found = existsSync(beside) ? /^[0-9a-f]{64}\b/.exec(readFileSync(beside, 'utf8'))?.[0] : undefined;
  if (found === undefined)
    throw new Error(`there is no checksum for ${basename(file)}: put ${beside} beside it (it comes with each release), or give --sha256.`);
  return found;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** @throws Error when `to` is older than `from`, or made for another machine */
export function requireStepForward(from: Versions, to: Versions, isDowngradeAllowed: boolean): void {
  if (to.target !== from.target) throw new Error(`it is made for ${to.target}; this machine is ${from.target}.`);
  const isBack = compareVersions(to.studio, from.studio) < 0 || to.schema < from.schema;
  if (!isBack || isDowngradeAllowed) return;
  throw new Error(
    `it is Studio ${to.studio} (schema ${to.schema}), older than ${from.studio} (schema ${from.schema}), which is here. ` +
      `To go back: studio upgrade FILE --allow-downgrade, which takes the newer tables away again (a backup is made first); or restore a backup that ${to.studio} made.`,
  );
}

/** By numbers, then a release before its candidates: 1.2.0-rc.1 < 1.2.0 < 1.10.0. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (let index = 0; index < 3; index++) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  if (left.rest === right.rest) return 0;
  if (left.rest === '' || right.rest === '') return left.rest === '' ? 1 : -1;
  return left.rest.localeCompare(right.rest, 'en', { numeric: true }) < 0 ? -1 : 1;
}

function parse(version: string): { readonly numbers: readonly number[]; readonly rest: string } {
  const [core = '', ...rest] = (version.split('+')[0] ?? '').split('-');
  return { numbers: core.split('.').map(Number), rest: rest.join('-') };
}
