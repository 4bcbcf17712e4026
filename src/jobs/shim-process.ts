/** The process of a job: started under the shim, or found again after Studio was gone. Studio may die at any moment between two lines of this file. */
import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import { identify, isAlive, readArguments, type ProcessIdentity } from '../kernel/process-identity.ts';
import { NodeError } from '../nodes/kit.ts';
import { JOB_PATH } from './job-env.ts';
import type { JobFolder } from './job-folder.ts';
import { findProgram } from './programs.ts';
import { parseExitRecord, SHIM, type ExitRecord } from './shim.ts';

export interface JobProcess {
  readonly shim: ProcessIdentity;
  /** Resolves when the shim is gone. */
  readonly gone: Promise<void>;
}

export interface StartRequest {
  readonly folder: JobFolder;
  readonly argv: readonly string[];
  readonly work: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number | undefined;
  readonly clock: Clock;
}

/** Starts the shim. @throws NodeError when the program or the folder to work in is not there; Error when no process can be made */
export async function startShim(request: StartRequest): Promise<JobProcess> {
  const { folder, argv, uid } = request;
  const program = await requireProgram(argv[0] ?? '', request.work, request.env['PATH'] ?? JOB_PATH);
  if (!(await isFolder(request.work))) throw new NodeError('bad_cwd', `cwd: "${request.work}" is no folder on this machine`, { final: true });
  const child = spawn(
    '/bin/sh',
    ['-c', SHIM, 'studio-job', folder.root, request.work, folder.stdin, uid === undefined ? '-' : String(uid), program, ...argv.slice(1)],
    {
      cwd: folder.root,
      env: { ...request.env },
      detached: true, // A session and a group of its own.
      stdio: 'ignore',
    },
  );
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'E2BIG')
        reject(
          new NodeError('too_large', 'the arguments and the environment together are larger than the system allows; pass them by stdin or files', {
            final: true,
          }),
        );
      else reject(new Error(`the job's process could not be started: ${cause.message}`, { cause }));
    });
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error('the job process has no id');
  // It must not hold Studio's event loop open: it may outlive it.
  child.unref();
  return { shim: identify(pid) ?? { pid, started: 'ended' }, gone };
}

/** @throws NodeError command_not_found */
async function requireProgram(name: string, work: string, path: string): Promise<string> {
  if (name === '' || name.includes('\0'))
    throw new NodeError('command_not_found', 'the command is empty; give the program as the first argument', { final: true });
  const found = await findProgram(name, work, path);
  if (found !== undefined) return found;
  const where = name.includes('/') ? 'there is no such program, or it is not executable' : `it is not on the PATH of jobs (${path})`;
  throw new NodeError('command_not_found', `the command "${name.slice(0, 200)}" was not found: ${where}; install it, or give its full path`, { final: true });
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** The shim of a job that an earlier Studio started: by what the row says, else by what the shim itself left.
 *  @returns undefined when it is not running any more */
export async function findShim(folder: JobFolder, recorded: ProcessIdentity | undefined): Promise<ProcessIdentity | undefined> {
  if (recorded !== undefined) return isAlive(recorded) ? recorded : undefined;
  const text = await readFile(folder.shimPid, 'utf8').catch(() => '');
  const pid = /^\d{1,10}\n?$/.test(text) ? Number(text) : undefined;
  // The number alone may be someone else's by now: the shim names its folder in its arguments.
  if (pid === undefined || !readArguments(pid).includes(folder.root)) return undefined;
  return identify(pid);
}

/** Waits for a shim that is not our child. */
export function watchShim(shim: ProcessIdentity, clock: Clock): JobProcess {
  const gone = (async () => {
    while (isAlive(shim)) await clock.sleep(100);
  })();
  return { shim, gone };
}

/** What the shim recorded, and when; undefined when it never came to that. */
export async function readExitRecord(folder: JobFolder): Promise<(ExitRecord & { readonly endedAtMs: number }) | undefined> {
  const text = await readFile(folder.exit, 'utf8').catch(() => undefined);
  const record = text === undefined ? undefined : parseExitRecord(text);
  return record === undefined ? undefined : { ...record, endedAtMs: (await stat(folder.exit)).mtimeMs };
}
