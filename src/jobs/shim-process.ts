/** The process of a job: started under the shim, or found again after Studio was gone. Studio may die at any moment between two lines of this file. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { isAlive, type ProcessIdentity } from '../kernel/process-identity.ts';
import { NodeError } from '../nodes/kit.ts';
import { JOB_PATH } from './job-env.ts';
import type { JobFolder } from './job-folder.ts';
import type { JobProcess, Nursery } from './nursery.ts';
import { findProgram } from './programs.ts';
import { parseExitRecord, type ExitRecord, type ShimOrder } from './shim.ts';

export interface StartRequest {
  readonly folder: JobFolder;
  readonly argv: readonly string[];
  readonly work: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number | undefined;
  readonly hasStdin: boolean;
  readonly nursery: Nursery;
}

/** Gives a waiting shim the job. @throws NodeError when the program or the folder to work in is not there, or the arguments are too large; Error when no
 *  process can be made */
export async function startShim(request: StartRequest): Promise<JobProcess> {
  const { folder, uid, work, env } = request;
  const [program, isThere] = await Promise.all([requireProgram(request.argv[0] ?? '', work, env['PATH'] ?? JOB_PATH), isFolder(work)]);
  if (!isThere) throw new NodeError('bad_cwd', `cwd: "${work}" is no folder on this machine`, { final: true });
  const argv = [...asUser(uid), 'env', '-i', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...runnable(program, request.argv.slice(1))];
  requirePassable(argv);
  const order: ShimOrder = { folder: folder.root, work, stdin: request.hasStdin ? folder.stdin : '/dev/null', argv };
  // One that was ended from outside before it began has done nothing: another one gets the job, once.
  return handOver(request, order).catch(() => handOver(request, order));
}

async function handOver({ folder, nursery }: StartRequest, order: ShimOrder): Promise<JobProcess> {
  const shim = await nursery.take();
  try {
    // Before it knows what to do: a Studio that comes after this one, whenever that is, finds the process that may do it.
    await writeFile(folder.shimPid, `${shim.identity.pid} ${shim.identity.started}\n`, { mode: 0o600 });
  } catch (error) {
    shim.putBack();
    throw error;
  }
  return shim.give(order);
}

function asUser(uid: number | undefined): readonly string[] {
  return uid === undefined ? [] : ['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--no-new-privs', '--inh-caps=-all', '--'];
}

/** For env, what holds an equals sign is no program. */
function runnable(program: string, argv: readonly string[]): readonly string[] {
  return program.includes('=') ? ['/bin/sh', '-c', 'exec "$0" "$@"', program, ...argv] : [program, ...argv];
}

/** Linux takes 128 KiB for one text, and a quarter of the stack (2 MiB as it comes) for all. */
const MAX_TEXT_BYTES = 131_071;
const MAX_ALL_BYTES = 2_000_000;

function requirePassable(argv: readonly string[]): void {
  if (argv.some((text) => text.includes('\0')))
    throw new NodeError('bad_params', 'an argument or a value of the environment holds a NUL character; they are text', { final: true });
  const sizes = argv.map((text) => Buffer.byteLength(text));
  if (sizes.every((bytes) => bytes <= MAX_TEXT_BYTES) && sizes.reduce((sum, bytes) => sum + bytes + 9, 0) <= MAX_ALL_BYTES) return;
  throw new NodeError('too_large', 'the arguments and the environment together are larger than the system allows; pass them by stdin or files', {
    final: true,
  });
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

/** The shim of a job that an earlier Studio started: by what the row says, else by what was written down before it began.
 *  @returns undefined when it is not running any more */
export async function findShim(folder: JobFolder, recorded: ProcessIdentity | undefined): Promise<ProcessIdentity | undefined> {
  const shim = recorded ?? (await readShim(folder));
  return shim !== undefined && isAlive(shim) ? shim : undefined;
}

async function readShim(folder: JobFolder): Promise<ProcessIdentity | undefined> {
  const [, pid, started] = /^(\d{1,10}) (\d{1,20})\n$/.exec(await readFile(folder.shimPid, 'utf8').catch(() => '')) ?? [];
  return pid === undefined || started === undefined ? undefined : { pid: Number(pid), started };
}

/** What the shim recorded, and when; undefined when it never came to that. */
export async function readExitRecord(folder: JobFolder): Promise<(ExitRecord & { readonly endedAtMs: number }) | undefined> {
  const text = await readFile(folder.exit, 'utf8').catch(() => undefined);
  const record = text === undefined ? undefined : parseExitRecord(text);
  return record === undefined ? undefined : { ...record, endedAtMs: (await stat(folder.exit)).mtimeMs };
}
