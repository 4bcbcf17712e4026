/** Whole Studios from source, as processes of their own: no build is needed, and one that can't start may be looked at too.
 *  Owns what it started: `endStudios` after each test, `removeWorkspaces` after all. With a bundle and an API client: studio-process.ts. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listProcesses, readArguments } from '../kernel/process-identity.ts';
import { root } from './source-files.ts';
import { freePort, pidsOf } from './studio-process.ts';
import { until } from './until.ts';

export interface Started {
  readonly process: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly workspace: string;
  /** All that stdout and stderr said so far. */
  readonly output: () => string;
  /** Its exit status; null after a signal. */
  readonly exited: Promise<number | null>;
  /** What /health answers; undefined while nobody listens. */
  health(): Promise<{ status: number; body: { status?: string; phase?: string } } | undefined>;
  ready(): Promise<void>;
  /** SIGTERM, and its exit status. */
  stop(): Promise<number | null>;
  /** SIGKILL to the Node process alone. */
  kill(): Promise<void>;
}

const folders: string[] = [];
const running = new Set<Started>();

export function makeWorkspace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-main-'));
  folders.push(folder);
  return folder;
}

/** Starts `studio start` and waits for nothing. */
export async function startFromSource(
  options: { readonly workspace?: string; readonly env?: Readonly<Record<string, string>>; readonly port?: number } = {},
): Promise<Started> {
  const workspace = options.workspace ?? makeWorkspace();
  const port = options.port ?? (await freePort());
  const child = spawn(process.execPath, [join(root, 'src/cli.ts'), 'start'], {
    env: { ...inherited(), HOST: '127.0.0.1', PORT: String(port), WORKSPACE_PATH: workspace, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = collect(child);
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    child.kill(signal);
    const code = await exited;
    running.delete(started);
    return code;
  };
  const started: Started = {
    process: child,
    url: `http://127.0.0.1:${port}`,
    port,
    workspace,
    output,
    exited,
    async health() {
      try {
        const reply = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2_000) });
        return { status: reply.status, body: (await reply.json()) as { status?: string; phase?: string } };
      } catch {
        return undefined;
      }
    },
    ready: async () =>
      void (await until(
        () => `the Studio to be ready; ${output().slice(-2_000)}`,
        async () => (await started.health())?.status === 200,
      )),
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
  };
  running.add(started);
  void exited.then(() => running.delete(started));
  return started;
}

/** A command of the command line on `workspace`, to its end. */
export async function runCommand(
  workspace: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(process.execPath, [join(root, 'src/cli.ts'), ...args], {
    env: { ...inherited(), WORKSPACE_PATH: workspace, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = collect(child);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out: out() };
}

/** SIGKILL to every Studio that still runs. */
export async function endStudios(): Promise<void> {
  for (const one of running) await one.kill();
}

/** Takes every workspace away, and what still runs in it. */
export function removeWorkspaces(): void {
  for (const folder of folders) {
    for (const pid of pidsOf(folder)) process.kill(pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** The pid of the workspace's PostgreSQL. */
export function postmasterOf(workspace: string): number {
  return Number(readFileSync(join(workspace, 'pg/postmaster.pid'), 'utf8').split('\n')[0]);
}

/** The pid of the workspace's Redis; -1 while there is none. */
export function redisOf(workspace: string): number {
  return listProcesses().find((facts) => facts.name.startsWith('redis') && readArguments(facts.pid).join(' ').includes(workspace))?.pid ?? -1;
}

/** Nothing of the caller's environment that would configure a Studio. */
function inherited(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/root' };
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (more: string) => (text += more));
  return () => text;
}
