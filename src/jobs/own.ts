/** Studio's own hand on a job's folder: whole folders given to another user, by the system's own chown and chmod, which follow no link on the way; only
 *  ever as root. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Gives everything below `path`, links themselves included, to the user. @throws Error where the volume has no owners */
export async function chownTree(path: string, uid: number): Promise<void> {
  await run('chown', ['-Rh', '--', `${uid}:${uid}`, path], { env: { PATH: SYSTEM_PATH } });
}

/** Makes everything below `path` readable by all and writable by nobody but its owner; no program there runs as another user. */
export async function closeTree(path: string): Promise<void> {
  await run('chmod', ['-R', '--', 'a+rX,go-w,u-s,g-s', path], { env: { PATH: SYSTEM_PATH } });
}

const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
