/** A job's folder, `<workspace>/jobs/<id>/`: what lies where, made before the process starts and emptied after its end was recorded. Only the log stays.
 *  One thing to know: `work`, `artifacts` and `io` belong to the job; whatever Studio reads from them is opened without following links and checked. */
import { constants } from 'node:fs';
import { chmod, chown, mkdir, open, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Files } from '../files/files.ts';
import { filePathFault } from '../contract/files.ts';
import { NodeError } from '../nodes/kit.ts';
import { readFile } from '../store/files.ts';
import type { Sql } from '../store/client.ts';

export interface JobFolder {
  readonly root: string;
  readonly work: string;
  readonly artifacts: string;
  readonly result: string;
  readonly progress: string;
  readonly io: string;
  readonly script: string;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly log: string;
  readonly pumpState: string;
  readonly shimPid: string;
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
    io: at('io'),
    result: join(root, 'io', 'result.json'),
    progress: join(root, 'io', 'progress'),
    script: at('script'),
    stdin: at('stdin'),
    stdout: at('stdout'),
    stderr: at('stderr'),
    log: at('log'),
    pumpState: at('log.state'),
    shimPid: at('shim.pid'),
    exit: at('exit'),
    run: at('run.json'),
  };
}

/** Empties the folder of an attempt; the log stays. */
export async function clearJobFolder(folder: JobFolder): Promise<void> {
  const { work, artifacts, io, script, stdin, stdout, stderr, pumpState, shimPid, exit, run } = folder;
  await Promise.all(
    [work, artifacts, io, script, stdin, stdout, stderr, pumpState, shimPid, exit, run].map((path) => rm(path, { recursive: true, force: true })),
  );
}

export interface FolderContent {
  readonly script: string | undefined;
  readonly stdin: string | undefined;
  readonly uid: number | undefined;
  readonly attempt: number;
}

/** Makes an empty folder for an attempt. */
export async function makeJobFolder(folder: JobFolder, content: FolderContent): Promise<void> {
  await clearJobFolder(folder);
  // Others may pass through to their own part, not list: job ids are no secret, but what runs is nobody else's business.
  await mkdir(dirname(folder.root), { recursive: true, mode: 0o711 });
  await mkdir(folder.root, { recursive: true, mode: 0o711 });
  await chmod(folder.root, 0o711);
  for (const path of [folder.work, folder.artifacts, folder.io]) {
    await mkdir(path, { mode: 0o700 });
    await giveTo(path, content.uid, 0o777);
  }
  // The job's own, so that it may open /dev/stdout anew.
  for (const path of [folder.stdout, folder.stderr]) {
    await writeFile(path, '', { mode: 0o600 });
    await giveTo(path, content.uid, 0o622);
  }
  await writeFile(folder.stdin, content.stdin ?? '', { mode: 0o600 });
  if (content.script !== undefined) {
    await writeFile(folder.script, content.script, { mode: 0o400 });
    await giveTo(folder.script, content.uid, 0o444);
  }
  await writeFile(folder.run, JSON.stringify({ uid: content.uid ?? null, attempt: content.attempt }), { mode: 0o600 });
}

/** Some volumes (FUSE) refuse chown even to root: there the mode lets the job in. */
async function giveTo(path: string, uid: number | undefined, openMode: number): Promise<void> {
  if (uid === undefined) return;
  await chown(path, uid, uid).catch(() => chmod(path, openMode));
}

/** Puts files of the org into the working folder. @throws NodeError file_missing, bad_name */
export async function placeJobFiles(
  folder: JobFolder,
  wanted: Readonly<Record<string, string>>,
  parts: { readonly files: Files; readonly sql: Sql; readonly orgId: string; readonly uid: number | undefined },
): Promise<void> {
  for (const [name, path] of Object.entries(wanted)) {
    const fault = filePathFault(name) ?? filePathFault(path);
    if (fault !== undefined) throw new NodeError('bad_name', `files: "${name}": ${fault}`, { final: true });
    // Serial: copies of large files would only fight for one disk.
    const file = await readFile(parts.sql, { orgId: parts.orgId, path });
    if (file === undefined) throw new NodeError('file_missing', `files: there is no file "${path}"; upload it, or correct the path`, { final: true });
    const target = join(folder.work, name);
    await makeOwnFolders(folder.work, name, parts.uid);
    await parts.files.content.copyTo(parts.orgId, file.sha256, target, parts.uid === undefined ? undefined : { uid: parts.uid, gid: parts.uid });
  }
}

async function makeOwnFolders(work: string, name: string, uid: number | undefined): Promise<void> {
  let path = work;
  for (const segment of name.split('/').slice(0, -1)) {
    path = join(path, segment);
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await giveTo(path, uid, 0o777);
  }
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
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) {
    const mode = (await stat(at)).mode;
    if ((mode & 0o001) === 0) return at;
  }
  return undefined;
}
