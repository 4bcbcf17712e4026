/** The drop folder, `<workspace>/jobs/drop` or on the machine's own disk: a JSON file put into `pending/` is submitted as `POST /api/v1/jobs` would be, lies in `running/` while its jobs
 *  run, and ends in `done/` or `failed/` with `<name>.result.json` beside it. Looked at every two seconds, since network volumes tell of no changes.
 *  Who can write there acts as the oldest super administrator: it must be open to Studio's own user alone (0700), or nothing is taken.
 *  One thing to know: the ids of a file's jobs stand beside it in `running/` before they are submitted, so that a killed Studio submits none twice. */
import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { submitJob, type Job } from '../contract/jobs.ts';
import { isTerminalJob } from '../contract/values.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { issueText } from '../kernel/issue-text.ts';
import { isConnectionLoss } from '../store/client.ts';
import { listGroupJobs } from '../store/job-groups.ts';
import { readJob, readJobs } from '../store/jobs.ts';
import { readMachineOwner, type MachineOwner } from '../store/principals.ts';
import type { RunParts } from './parts.ts';
import { countOf, type SubmitBody, type SubmitRequest, type Submitted } from './submit.ts';

export interface DropFolder {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface DropParts extends Pick<RunParts, 'database' | 'clock' | 'log' | 'workspacePath' | 'dropPath'> {
  readonly submit: (request: SubmitRequest) => Promise<Submitted>;
}

const LOOK_MS = 2_000;
/** What is no JSON yet may still be written: by scp, by an editor, by a slow volume. */
const UNFINISHED_MS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;
/** Of one look. */
const MAX_FILES = 1_000;
/** Told in a result; a larger group is counted. */
const MAX_TOLD = 1_000;
const FOLDERS = ['pending', 'running', 'done', 'failed'] as const;

interface State {
  readonly ids: readonly string[];
  readonly groupId: string;
}

export function createDropFolder(parts: DropParts): DropFolder {
  const { clock, log, database } = parts;
  const root = parts.dropPath ?? join(parts.workspacePath, 'jobs', 'drop');
  const halt = new AbortController();
  const at = (folder: (typeof FOLDERS)[number], name: string): string => join(root, folder, name);
  const stateOf = (name: string): string => at('running', `.${name}.state`);
  /** Name → what it looked like, and since when (ms since 1970). */
  let seen = new Map<string, { readonly mark: string; readonly sinceMs: number }>();
  let loop: Promise<void> = Promise.resolve();
  let lastFault = '';

  async function look(): Promise<void> {
    const closed = await ownerOnlyFault(root);
    if (closed !== undefined) return tellOnce(closed);
    const owner = await readMachineOwner(database.engine);
    // Nobody has claimed this Studio yet.
    if (owner === undefined) return;
    for (const name of await namesIn('running')) await advance(name, owner);
    await takePending(owner);
    lastFault = '';
  }

  async function takePending(owner: MachineOwner): Promise<void> {
    const next: typeof seen = new Map();
    for (const name of await namesIn('pending')) {
      const facts = await lstat(at('pending', name)).catch(() => undefined);
      if (facts === undefined) continue;
      const mark = `${facts.ino}:${facts.size}:${facts.mtimeMs}`;
      const before = seen.get(name);
      next.set(name, { mark, sinceMs: before?.mark === mark ? before.sinceMs : clock.now() });
      if (before?.mark !== mark) continue;
      const isYoung = clock.now() - before.sinceMs < UNFINISHED_MS;
      if (isYoung && (await bodyOf(at('pending', name)).catch((error: unknown) => error)) instanceof UnfinishedError) continue;
      await rename(at('pending', name), at('running', name));
      next.delete(name);
      // Serial: in the order of their names.
      await advance(name, owner);
    }
    seen = next;
  }

  /** Takes a file in `running/` as far as it goes now. */
  async function advance(name: string, owner: MachineOwner): Promise<void> {
    try {
      const state = await submitted(name, owner);
      const left = await openJobs(state, owner);
      if (left === 0) await end(name, state, owner);
    } catch (error) {
      // These pass: the file waits where it is.
      if (isConnectionLoss(error) || (error instanceof AppError && ['queue_full', 'disk_full', 'conflict'].includes(error.code))) {
        tellOnce(`${name}: ${messageOf(error)}`);
        return;
      }
      const code = error instanceof AppError ? error.code : error instanceof UnfinishedError ? 'invalid_body' : 'internal';
      await settle(name, 'failed', { file: name, error: { code, message: messageOf(error), ...(error instanceof AppError ? error.details : {}) } });
      log.warn({ file: name, cause: messageOf(error) }, 'a dropped job was refused');
    }
  }

  async function submitted(name: string, owner: MachineOwner): Promise<State> {
    const known = await readState(stateOf(name));
    if (known !== undefined && (await readJob(database.engine, { orgId: owner.orgId, id: known.ids[0] ?? '' })) !== undefined) return known;
    const body = await bodyOf(at('running', name));
    const state = known ?? { ids: Array.from({ length: countOf(body) }, () => newId('job', clock)), groupId: newId('grp', clock) };
    if (known === undefined) await writeWhole(stateOf(name), state);
    const { ids } = await parts.submit({ orgId: owner.orgId, caller: { userId: owner.userId }, body, ...state, requestId: newId('req', clock) });
    log.info({ file: name, jobs: ids.length, first: ids[0] }, 'a dropped job was submitted');
    return state;
  }

  async function openJobs({ ids, groupId }: State, { orgId }: MachineOwner): Promise<number> {
    if (ids.length > 1) return (await listGroupJobs(database.engine, { orgId, id: groupId, statuses: ['queued', 'running'] })).length;
    const job = await readJob(database.engine, { orgId, id: ids[0] ?? '' });
    return job === undefined || isTerminalJob(job.status) ? 0 : 1;
  }

  async function end(name: string, { ids, groupId }: State, { orgId }: MachineOwner): Promise<void> {
    const jobs = await readJobs(database.engine, { orgId, ids: ids.slice(0, MAX_TOLD) });
    const others = ids.length === 1 ? [] : await listGroupJobs(database.engine, { orgId, id: groupId, statuses: ['failed', 'cancelled', 'dead'] });
    const isDone = jobs.length > 0 && jobs.every((job) => job.status === 'completed') && others.length === 0;
    const told = jobs.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(toldOf);
    await settle(name, isDone ? 'done' : 'failed', { file: name, ...(ids.length === 1 ? {} : { groupId }), count: ids.length, jobs: told });
  }

  /** The result first: a file that has moved has its result beside it. */
  async function settle(name: string, folder: 'done' | 'failed', result: unknown): Promise<void> {
    const taken = new Set(await readdir(join(root, folder)));
    const base = name.slice(0, -'.json'.length);
    const free = taken.has(name) ? `${base}.${newId('req', clock).slice(4)}` : base;
    await writeWhole(at(folder, `${free}.result.json`), result);
    await rename(at('running', name), at(folder, `${free}.json`));
    await rm(stateOf(name), { force: true });
  }

  async function namesIn(folder: 'pending' | 'running'): Promise<string[]> {
    const names = await readdir(join(root, folder));
    return names
      .filter((name) => /^[^.].{0,200}\.json$/s.test(name) && !name.endsWith('.result.json'))
      .toSorted()
      .slice(0, MAX_FILES);
  }

  function tellOnce(fault: string): void {
    if (fault !== lastFault) log.warn({ folder: root }, `the drop folder waits: ${fault}`);
    lastFault = fault;
  }

  return {
    async start() {
      await mkdir(dirname(root), { recursive: true, mode: 0o711 });
      if (parts.dropPath !== undefined)
        log.info({ folder: root }, 'the volume of the workspace knows no modes: the drop folder is on the disk of this machine, and goes with it');
      for (const path of [root, ...FOLDERS.map((folder) => join(root, folder))])
        await mkdir(path, { mode: 0o700 }).then(
          () => chmod(path, 0o700),
          (error: NodeJS.ErrnoException) => {
            if (error.code !== 'EEXIST') throw error;
          },
        );
      loop = (async () => {
        while (!halt.signal.aborted) {
          await look().catch((error: unknown) => tellOnce(messageOf(error)));
          await clock.sleep(LOOK_MS, halt.signal).catch(() => undefined);
        }
      })();
    },
    async stop() {
      halt.abort(new Error('Studio stops'));
      await loop;
    },
  };
}

/** Why the folder is not to be trusted; undefined when it is. */
async function ownerOnlyFault(root: string): Promise<string | undefined> {
  for (const path of [root, ...FOLDERS.map((folder) => join(root, folder))]) {
    const facts = await lstat(path).catch(() => undefined);
    if (facts === undefined) return `${path} is not there; make it again, or restart Studio`;
    if (!facts.isDirectory() || facts.uid !== process.geteuid?.() || (facts.mode & 0o077) !== 0)
      return `${path} has to be a folder of Studio's own user that nobody else can enter (chmod 700 ${path})`;
  }
  return undefined;
}

/** It may be whole later. */
class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError';
}

/** @throws UnfinishedError, AppError invalid_body, forbidden, too_large */
async function bodyOf(path: string): Promise<SubmitBody> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) =>
    fail('forbidden', { message: 'It is no plain file that Studio can read; links are not followed.', cause: error }),
  );
  let text: string;
  try {
    const facts = await handle.stat();
    if (!facts.isFile() || facts.nlink !== 1) fail('forbidden', 'It is no plain file with one name; copy it into pending/ instead.');
    if (facts.uid !== process.geteuid?.() && facts.uid !== 0)
      fail('forbidden', `It belongs to the user ${facts.uid}; only files of Studio's own user or of root are taken.`);
    if (facts.size > MAX_BYTES) fail('too_large', `It has ${facts.size} bytes; the limit is ${MAX_BYTES}. Upload what is large under Files.`);
    text = await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UnfinishedError(`It is not JSON: ${messageOf(error).slice(0, 200)}`, { cause: error });
  }
  const parsed = submitJob.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return fail('invalid_body', { message: `${issue?.path.join('.') ?? ''}: ${issue === undefined ? 'refused' : issueText(issue, value)}` });
}

async function readState(path: string): Promise<State | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as State);
}

async function writeWhole(path: string, value: unknown): Promise<void> {
  const temp = `${path}.temp`;
  await writeFile(temp, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true });
  await rename(temp, path);
}

function toldOf({ id, name, status, exitCode, reason, error, attempts, startedAt, endedAt, group }: Job): Partial<Job> {
  return {
    id,
    status,
    attempts,
    startedAt,
    endedAt,
    ...(name === undefined ? {} : { name }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    ...(error === undefined ? {} : { error }),
    ...(group === undefined ? {} : { group }),
  };
}
