/** Whose process a llama child is: where Studio is root, of a user that nothing else runs as, so that a file which takes over the engine finds neither Studio's own
 *  files nor those of jobs. What it has to read must be open to every user; nothing is opened for it, and nothing falls back to root. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../kernel/fail.ts';

/** Users that nothing runs as. */
export interface LlamaUsers {
  /** @throws Error when all are taken */
  take(): Promise<number>;
  /** To be called when none of its processes is left. */
  release(uid: number): void;
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];

/** The arguments that start `argv` as that user. @param hasDevices it may use the groups of render devices  @throws AppError conflict without the program */
export async function argvAs(uid: number, argv: readonly string[], hasDevices: boolean): Promise<readonly string[]> {
  const found = await Promise.all(
    SETPRIV.map((path) =>
      stat(path).then(
        () => path,
        () => undefined,
      ),
    ),
  );
  const program = found.find((path) => path !== undefined);
  if (program === undefined)
    throw new AppError('conflict', { message: 'models can not run: Studio is root, and setpriv, which changes to their user, is missing; install util-linux' });
  const groups = hasDevices ? await renderGroups() : [];
  const grouped = groups.length === 0 ? ['--clear-groups'] : ['--groups', groups.join(',')];
  return [program, '--reuid', `${uid}`, '--regid', `${uid}`, ...grouped, '--no-new-privs', '--inh-caps=-all', '--', ...argv];
}

/** @throws AppError conflict that names what keeps other users out */
export async function requireOpen(path: string): Promise<void> {
  const real = await realpath(path);
  const closed = await firstClosed(real);
  if (closed === undefined) return;
  throw new AppError('conflict', {
    message: `${path} can't be read by the user that models run as, for Studio is root: ${closed} is closed to others. Allow it: chmod o+${closed === real ? 'r' : 'x'} ${closed}`,
  });
}

async function firstClosed(real: string): Promise<string | undefined> {
  const { mode } = await stat(real);
  for (let folder = dirname(real), before = ''; folder !== before; before = folder, folder = dirname(folder)) {
    // Serial: a handful, from the inside out.
    if (((await stat(folder)).mode & 0o001) === 0) return folder;
  }
  return (mode & 0o004) === 0 ? real : undefined;
}

/** Of devices that only members of a group may use: AMD's, and those of Vulkan. NVIDIA's are open. */
async function renderGroups(): Promise<readonly number[]> {
  const names = (await readdir('/dev/dri').catch(() => [])).filter((name) => name.startsWith('renderD')).map((name) => `/dev/dri/${name}`);
  const gids = await Promise.all(
    [...names, '/dev/kfd'].map((path) =>
      stat(path).then(
        ({ gid }) => gid,
        () => 0,
      ),
    ),
  );
  return [...new Set(gids)].filter((gid) => gid !== 0);
}
