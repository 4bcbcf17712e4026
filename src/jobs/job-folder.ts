/** A job's folder, `<workspace>/jobs/<id>/`: what lies where, made before the process starts and emptied after its end was recorded. Only the log stays, and
 *  until it completed what it keeps for its next attempt (`checkpoint`).
 *  One thing to know: `work`, `artifacts` and `io` belong to the job; whatever Studio reads from them is opened without following links and checked. */
import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, open, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { chownTree } from './own.ts';
import { begunIn } from './shim.ts';

export interface JobFolder {
  readonly root: string;
  readonly work: string;
  readonly artifacts: string;
  readonly result: string;
  readonly progress: string;
  /** The job's own, from attempt to attempt. */
  readonly checkpoint: string;
  readonly io: string;
  readonly script: string;
  readonly stdin: string;
  /** What was printed while the environment was made. */
  readonly setup: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly log: string;
  /** When its lines were written. */
  readonly logTimes: string;
  readonly pumpState: string;
  /** The last result that was printed as a marker. */
  readonly printedResult: string;
  readonly progressState: string;
  /** Which process is to run the attempt. Written before it knows. */
  readonly shimPid: string;
  /** The shim leaves it before it starts anything: without it, nothing has run. */
  readonly begun: string;
  readonly exit: string;
  /** What runs here, for a Studio that comes back: uid and attempt. */
  readonly run: string;
}

export function jobFolder(workspacePath: string, jobId: string): JobFolder {
  if (!/^job_[0-9a-z]{1,60}$/.test(jobId)) throw new Error(`job id ${jobId} names no folder`);
  const root = join(workspacePath, 'jobs', jobId);
  const at = (name: string): string => join(root, name);
  return {
    root,
    work: at('work'),
    artifacts: at('artifacts'),
    checkpoint: at('checkpoint'),
    io: at('io'),
    result: join(root, 'io', 'result.json'),
    progress: join(root, 'io', 'progress'),
    script: at('script'),
    stdin: at('stdin'),
    setup: at('setup'),
    stdout: at('stdout'),
    stderr: at('stderr'),
    log: at('log'),
    logTimes: at('log.times'),
    pumpState: at('log.state'),
    printedResult: at('result.printed'),
    progressState: at('progress.state'),
    shimPid: at('shim.pid'),
    begun: begunIn(root),
    exit: at('exit'),
    run: at('run.json'),
  };
}

/** Whether anything of the attempt has run. */
export function hasBegun(root: string): Promise<boolean> {
  return access(begunIn(root)).then(
    () => true,
    () => false,
  );
}

/** Empties the folder of an attempt; the log and what the job keeps for its next attempt stay. */
export async function clearJobFolder(folder: JobFolder): Promise<void> {
  const { work, artifacts, io, script, stdin, setup, stdout, stderr, pumpState, printedResult, progressState, shimPid, begun, exit, run } = folder;
  const paths = [work, artifacts, io, script, stdin, setup, stdout, stderr, pumpState, printedResult, progressState, shimPid, begun, exit, run];
  const halfWritten = [pumpState, printedResult, progressState].map((path) => `${path}.new`);
  await Promise.all([...paths, ...halfWritten].map((path) => rm(path, { recursive: true, force: true })));
}

export interface FolderContent {
  readonly script: string | undefined;
  readonly stdin: string | undefined;
  readonly uid: number | undefined;
  readonly attempt: number;
}

/** Makes an empty folder for an attempt. */
export async function makeJobFolder(folder: JobFolder, content: FolderContent): Promise<void> {
  if (!(await makeRoot(folder.root))) await clearJobFolder(folder);
  const { uid } = content;
  const give = async (path: string, made: Promise<unknown>, openMode: number): Promise<void> => {
    await made;
    await giveTo(path, uid, openMode);
  };
  // All at once: each is a few calls to the system, and a job waits for all of them.
  await Promise.all([
    // Others may pass through to their own part, not list: job ids are no secret, but what runs is nobody else's business.
    chmod(folder.root, 0o711),
    ...[folder.work, folder.artifacts, folder.io].map((path) => give(path, mkdir(path, { mode: 0o700 }), 0o777)),
    makeCheckpoint(folder.checkpoint, uid),
    // The job's own, so that it may open /dev/stdout anew.
    ...[folder.stdout, folder.stderr].map((path) => give(path, writeFile(path, '', { mode: 0o600 }), 0o622)),
    ...(content.stdin === undefined ? [] : [writeFile(folder.stdin, content.stdin, { mode: 0o600 })]),
    ...(content.script === undefined ? [] : [give(folder.script, writeFile(folder.script, content.script, { mode: 0o400 }), 0o444)]),
    writeFile(folder.run, JSON.stringify({ uid: uid ?? null, attempt: content.attempt }), { mode: 0o600 }),
  ]);
}

/** @returns whether it is new */
async function makeRoot(root: string): Promise<boolean> {
  try {
    await mkdir(root, { mode: 0o711 });
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return false;
    if (code !== 'ENOENT') throw error;
    await mkdir(root, { recursive: true, mode: 0o711 });
    return true;
  }
}

async function makeCheckpoint(path: string, uid: number | undefined): Promise<void> {
  const isNew = await mkdir(path, { mode: 0o700 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      return false;
    },
  );
  if (isNew) return giveTo(path, uid, 0o777);
  // An attempt before this one had another user.
  if (uid !== undefined) await chownTree(path, uid).catch(() => chmod(path, 0o777));
}

/** Some volumes (FUSE) refuse chown even to root: there the mode lets the job in. */
export async function giveTo(path: string, uid: number | undefined, openMode: number): Promise<void> {
  if (uid === undefined) return;
  await chown(path, uid, uid).catch(() => chmod(path, openMode));
}

/** Opens a file that a job made: no link is followed, no pipe waited for, only the job's own plain file is taken.
 *  @returns undefined when it is not there or is something else */
export async function openForeign(
  path: string,
  uid: number | undefined,
): Promise<{ readonly handle: FileHandle; readonly bytes: number; readonly links: number } | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined; // ENOENT, ELOOP, EACCES, ENXIO: nothing that could be taken.
  }
  const facts = await handle.stat();
  // On a volume without owners everything reads as root's.
  const isOwn = uid === undefined || facts.uid === uid || facts.uid === 0;
  if (facts.isFile() && isOwn && !(facts.uid === 0 && uid !== undefined && facts.nlink > 1)) return { handle, bytes: facts.size, links: facts.nlink };
  await handle.close();
  return undefined;
}

/** The text of a small file that a job made, at most `maxBytes`; undefined when there is none, or it is larger. */
export async function readForeign(path: string, options: { readonly uid: number | undefined; readonly maxBytes: number }): Promise<string | undefined> {
  const opened = await openForeign(path, options.uid);
  if (opened === undefined) return undefined;
  try {
    return opened.bytes > options.maxBytes ? undefined : (await opened.handle.readFile()).toString();
  } finally {
    await opened.handle.close();
  }
}

/** The first folder above `path` that another user can't pass; undefined when all are open. */
export async function closedAncestor(path: string): Promise<string | undefined> {
  const above: string[] = [];
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) above.push(at);
  const modes = await Promise.all(above.map(async (at) => (await stat(at)).mode));
  return above.find((_, index) => ((modes[index] ?? 0) & 0o001) === 0);
}
