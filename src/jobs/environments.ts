/** Virtual environments of Python, made once for a lock file and kept on the local disk (a network volume makes every import slow). They are made by a
 *  process of the job that first needs one, under the job's own user and into its log; then they belong to Studio and no job can change them.
 *  One thing to know: the folder without its record beside it is half-made, and is made anew. */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { lstat, mkdir, open, readdir, readFile, realpath, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import { NodeError } from '../nodes/kit.ts';
import { JOB_PATH } from './job-env.ts';
import { giveTo, type JobFolder } from './job-folder.ts';
import { endJobProcesses } from './job-processes.ts';
import { readTail } from './log-pump.ts';
import { chownTree, closeTree } from './own.ts';
import { findProgram } from './programs.ts';

export interface EnvironmentRequest {
  readonly orgId: string;
  readonly jobId: string;
  readonly requirements: string;
  readonly python: string | undefined;
  readonly uid: number | undefined;
  readonly folder: JobFolder;
  readonly redact: readonly string[];
  readonly note: (line: string) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Environments {
  /** The folder of the environment, made when it is not there; it stays until the job lets go of it.
   *  @throws NodeError python_missing, venv_failed, requirements_failed; the signal's reason */
  hold(request: EnvironmentRequest): Promise<string>;
  /** The environment of a job that was found running. */
  holdFound(request: Pick<EnvironmentRequest, 'orgId' | 'jobId' | 'requirements' | 'python'>): Promise<void>;
  letGo(jobId: string): void;
  /** Removes the ones not used for longest, until all together fit. @returns how many */
  tidy(): Promise<number>;
}

export interface EnvironmentSettings {
  readonly path: string;
  readonly limitBytes: number;
}

/** On the local disk, apart for each workspace. */
export function defaultEnvironments(workspacePath: string): string {
  return join(tmpdir(), `studio-venvs-${createHash('sha256').update(workspacePath).digest('hex').slice(0, 12)}`);
}

const LAST_LINE_BYTES = 4_096;
const GRACE_MS = 2_000;

export function createEnvironments(parts: EnvironmentSettings & { readonly clock: Clock; readonly log: Logger }): Environments {
  const { path: root, clock, log } = parts;
  /** Job → key. */
  const held = new Map<string, string>();
  const making = new Map<string, Promise<unknown>>();
  const isReady = async (key: string): Promise<boolean> => (await stat(join(root, `${key}.json`)).catch(() => undefined)) !== undefined;

  async function make(key: string, interpreter: string, request: EnvironmentRequest): Promise<void> {
    const target = join(root, key);
    const temp = join(root, `${key}.temp`);
    await Promise.all([target, temp].map((path) => rm(path, { recursive: true, force: true })));
    for (const path of [target, temp]) {
      await mkdir(path, { mode: 0o755 });
      await giveTo(path, request.uid, 0o777);
    }
    try {
      await request.note(`making the environment ${key.slice(0, 12)} for its requirements`);
      const startedAt = clock.monotonic();
      await build({ interpreter, target, temp, request, clock });
      if (request.uid !== undefined) {
        await chownTree(target, process.getuid?.() ?? 0);
        await closeTree(target);
      }
      const bytes = await sizeOfTree(target);
      await writeFile(join(temp, 'record'), JSON.stringify({ interpreter, bytes, madeAt: new Date(clock.now()).toISOString() }), { mode: 0o600 });
      await rename(join(temp, 'record'), join(root, `${key}.json`));
      await request.note(`the environment is there: ${bytes} bytes, made in ${Math.round(clock.monotonic() - startedAt)} ms`);
    } catch (error) {
      await rm(target, { recursive: true, force: true });
      throw error;
    } finally {
      await rm(temp, { recursive: true, force: true });
    }
  }

  async function tidy(): Promise<number> {
    const kept = await listMade(root);
    let bytes = kept.reduce((sum, one) => sum + one.bytes, 0);
    let removed = 0;
    const inUse = new Set(held.values());
    for (const one of kept.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
      if (bytes <= parts.limitBytes) break;
      if (inUse.has(one.key)) continue;
      // Serial; the record goes first, so that a kill leaves what is made anew.
      await rm(join(root, `${one.key}.json`), { force: true });
      await rm(join(root, one.key), { recursive: true, force: true });
      bytes -= one.bytes;
      removed++;
    }
    if (removed > 0) log.info({ removed, bytes, limitBytes: parts.limitBytes }, 'environments that were not used for longest were removed');
    return removed;
  }

  return {
    tidy,
    async hold(request) {
      await requireOwnFolder(root);
      const interpreter = await interpreterOf(request);
      const key = await keyOf(interpreter, request);
      held.set(request.jobId, key);
      for (let told = false; !(await isReady(key)); told = true) {
        request.signal.throwIfAborted();
        const other = making.get(key);
        if (other === undefined) {
          const mine = make(key, interpreter, request).finally(() => making.delete(key));
          making.set(
            key,
            mine.catch(() => undefined),
          );
          await mine;
        } else {
          if (!told) await request.note('another job is making its environment; waits for it');
          await Promise.race([
            other,
            new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason), { once: true })),
          ]);
        }
      }
      const now = new Date(clock.now());
      await utimes(join(root, `${key}.json`), now, now);
      await tidy();
      return join(root, key);
    },
    async holdFound(request) {
      held.set(request.jobId, await keyOf(await interpreterOf(request), request));
    },
    letGo: (jobId) => void held.delete(jobId),
  };
}

async function interpreterOf({ python = 'python3' }: Pick<EnvironmentRequest, 'python'>): Promise<string> {
  const found = await findProgram(python, '/', JOB_PATH);
  if (found !== undefined) return found;
  throw new NodeError(
    'python_missing',
    `requirements: there is no "${python.slice(0, 200)}" on the PATH of jobs (${JOB_PATH}); install Python 3 with its venv module (Debian: apt-get install python3 python3-venv), or name another in "python"`,
    { final: true },
  );
}

/** The same lock file, interpreter and org: the same environment. */
async function keyOf(interpreter: string, request: Pick<EnvironmentRequest, 'orgId' | 'requirements'>): Promise<string> {
  const real = await realpath(interpreter);
  const { size, mtimeMs } = await stat(real);
  const lock = request.requirements.replaceAll('\r\n', '\n').trim();
  return createHash('sha256')
    .update(JSON.stringify([request.orgId, real, size, mtimeMs, lock]))
    .digest('hex');
}

/** Others may pass through to their environment, not list; and nobody else may have made the folder. */
async function requireOwnFolder(root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o711 });
  const facts = await lstat(root);
  if (!facts.isDirectory() || facts.uid !== process.getuid?.() || (facts.mode & 0o022) !== 0)
    throw new NodeError('venv_failed', `${root} is not a folder of Studio's own that only it can write to; remove it, or set STUDIO_VENV_PATH`, {
      final: true,
    });
}

interface Build {
  readonly interpreter: string;
  readonly target: string;
  readonly temp: string;
  readonly request: EnvironmentRequest;
  readonly clock: Clock;
}

async function build({ interpreter, target, temp, request, clock }: Build): Promise<void> {
  const { folder, uid, jobId, signal } = request;
  const requirements = join(temp, 'requirements.txt');
  await writeFile(requirements, request.requirements, { mode: 0o400 });
  await giveTo(requirements, uid, 0o444);
  const env = {
    PATH: JOB_PATH,
    HOME: temp,
    TMPDIR: temp,
    LANG: 'C.UTF-8',
    PYTHONUNBUFFERED: '1',
    PIP_NO_INPUT: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_CACHE_DIR: '1',
    // By it the process is found and ended with the job, also by a Studio that comes after this one.
    STUDIO_JOB_ID: jobId,
  };
  const run = async (argv: readonly string[]): Promise<number> => {
    signal.throwIfAborted();
    const end = (): void => void endJobProcesses({ jobId, shim: undefined, uid }, { graceMs: GRACE_MS, clock });
    signal.addEventListener('abort', end, { once: true });
    try {
      return await runInto(folder.setup, argv, { env, cwd: temp, uid });
    } finally {
      signal.removeEventListener('abort', end);
      // Nothing of it may go on changing the folder while it is taken over.
      await endJobProcesses({ jobId, shim: undefined, uid }, { graceMs: 0, clock });
      signal.throwIfAborted();
    }
  };
  const lastLine = async (): Promise<string> => {
    const text = await readTail(folder.setup, { maxBytes: LAST_LINE_BYTES, redact: request.redact });
    return text.trimEnd().split('\n').at(-1)?.slice(0, 500) ?? '';
  };
  const made = await run([interpreter, '-m', 'venv', target]);
  if (made !== 0)
    throw new NodeError(
      'venv_failed',
      `python -m venv ended with exit code ${made}: ${await lastLine()}; is its venv module installed? (Debian: apt-get install python3-venv)`,
      { final: true },
    );
  const installed = await run([join(target, 'bin', 'python'), '-m', 'pip', 'install', '--requirement', requirements]);
  if (installed !== 0)
    throw new NodeError('requirements_failed', `pip could not install the requirements (exit code ${installed}): ${await lastLine()}; the log says more`);
}

/** Runs a program with its output at the end of a file. @returns its exit code, 128 + the signal's number where it died of one */
async function runInto(
  path: string,
  argv: readonly string[],
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string; readonly uid: number | undefined },
): Promise<number> {
  const output = await open(path, 'a', 0o600);
  try {
    const { uid, env, cwd } = options;
    const [program = '', ...rest] = uid === undefined ? argv : ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, ...LIMITS, '--', ...argv];
    return await new Promise<number>((resolve, reject) => {
      const child = spawn(program, rest, { cwd, env: { ...env }, stdio: ['ignore', output.fd, output.fd], detached: true });
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 128));
    });
  } finally {
    await output.close();
  }
}

const LIMITS = ['--clear-groups', '--no-new-privs', '--inh-caps=-all'];

async function sizeOfTree(path: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

async function listMade(root: string): Promise<{ key: string; bytes: number; usedAtMs: number }[]> {
  const made: { key: string; bytes: number; usedAtMs: number }[] = [];
  for (const name of await readdir(root).catch(() => [])) {
    const key = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
    if (key === undefined) continue;
    const path = join(root, name);
    const { bytes } = JSON.parse(await readFile(path, 'utf8')) as { bytes: number };
    made.push({ key, bytes, usedAtMs: (await stat(path)).mtimeMs });
  }
  return made;
}
