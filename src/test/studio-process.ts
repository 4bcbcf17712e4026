/** A real Studio for tests that need the whole of it: the built bundle, in a workspace of its own, on a free port of the loopback.
 *  Owns what it started: `destroy` leaves neither processes nor files. For API tests in this process use app.ts: it is far cheaper. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiClient, type ApiClient } from './api-client.ts';
import { root } from './source-files.ts';

export const bundlePath = join(root, 'dist/studio.js');

export interface StudioOptions {
  /** Default: a new one, removed by `destroy`. */
  readonly workspace?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that becomes Studio: it gets Studio's own as its last arguments. */
  readonly prefix?: readonly string[];
}

/** Milliseconds from the start of the process. */
export interface StartTimes {
  readonly bootPageMs: number;
  readonly readyMs: number;
}

export interface Studio {
  readonly url: string;
  readonly workspace: string;
  /** Starts the process and waits until /health says it is ready. */
  start(): Promise<StartTimes>;
  /** Of the Node process. @throws when it does not run */
  pid(): number;
  /** SIGKILL to the Node process alone, and the proof that it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and its exit status. */
  stop(): Promise<number | null>;
  /** Last lines of stdout and stderr of every start. */
  log(): string;
  /** The token of the claim link. */
  claimToken(): string;
  destroy(): Promise<void>;
}

/** What of the caller's environment reaches it: nothing that configures a Studio. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'USER', 'LOGNAME', 'TMPDIR'];
const READY_LIMIT_MS = 120_000;
const KEPT_LOG = 200_000;

export async function createStudio(options: StudioOptions = {}): Promise<Studio> {
  if (!existsSync(bundlePath)) throw new Error(`${bundlePath} is not there: build it first with npm run build.`);
  const workspace = options.workspace ?? mkdtempSync(join(tmpdir(), 'studio-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const inherited = Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  const env = { ...inherited, HOST: '127.0.0.1', PORT: String(port), WORKSPACE_PATH: workspace, LOG_FORMAT: 'json', ...options.env };
  let child: ChildProcess | undefined;
  let log = '';

  const running = (): ChildProcess => {
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null)
      throw new Error(`Studio does not run. Its last lines:\n${log.slice(-4_000)}`);
    return child;
  };
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> => {
    const ending = running();
    const ended = new Promise<number | null>((resolve) => ending.once('exit', (code) => resolve(code)));
    ending.kill(signal);
    return ended;
  };
  return {
    url,
    workspace,
    async start() {
      const startedAt = performance.now();
      // In a session of its own, as an init system would start it: a Ctrl-C to the tests reaches it through `destroy` only.
      const own = [process.execPath, '--disallow-code-generation-from-strings', bundlePath, 'start'];
      const [command, ...args] = [...(options.prefix ?? []), ...own];
      const started = spawn(command ?? process.execPath, args, {
        env,
        cwd: workspace,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      child = started;
      for (const stream of [started.stdout, started.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-KEPT_LOG)));
      return waitReady(url, startedAt, () => running());
    },
    pid: () => running().pid ?? 0,
    async kill() {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
    log: () => log,
    claimToken() {
      const link = readFileSync(join(workspace, 'claim-url'), 'utf8').trim();
      const token = /[?&#]token=([^&#]+)/.exec(link)?.[1] ?? link.split('/').at(-1);
      if (token === undefined || token === '') throw new Error(`no token in the claim link "${link}"`);
      return decodeURIComponent(token);
    },
    async destroy() {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) await end('SIGTERM');
      for (const pid of pidsOf(workspace)) killHard(pid);
      if (options.workspace === undefined) rmSync(workspace, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

/** Polls fast: boot page and readiness are what the bench measures. */
async function waitReady(url: string, startedAt: number, mustRun: () => unknown): Promise<StartTimes> {
  let bootPageMs: number | undefined;
  for (;;) {
    mustRun();
    const status = await statusOf(`${url}/health`);
    const ms = performance.now() - startedAt;
    if (status !== undefined) bootPageMs ??= ms;
    if (status === 200) return { bootPageMs: bootPageMs ?? ms, readyMs: ms };
    if (ms > READY_LIMIT_MS) throw new Error(`Studio was not ready after ${READY_LIMIT_MS} ms; /health answered ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}

/** The first administrator of every claimed test Studio. */
export const owner = { email: 'owner@example.com', password: 'correct horse battery staple', name: 'Owner' } as const;

/** Makes the first administrator. @returns a client with an API key for everything: unlike an access token it does not end */
export async function claimStudio(studio: Studio): Promise<ApiClient> {
  const anonymous = createApiClient(studio.url);
  const claimed = await anonymous.expect(201, 'POST', '/api/v1/auth/claim', { token: studio.claimToken(), ...owner });
  const signedIn = createApiClient(studio.url, String(claimed['accessToken']));
  const made = await signedIn.expect(201, 'POST', '/api/v1/api-keys', { name: 'test', scopes: ['*'] });
  return createApiClient(studio.url, String(made['key']));
}

/** Processes that work below `folder` or carry it in their arguments or environment: its PostgreSQL, Redis and jobs. */
export function pidsOf(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => ['cmdline', 'environ'].some((file) => readProc(`/proc/${pid}/${file}`).includes(folder)))
    .map(Number);
}

/** `pid` and all that descend from it. */
export function processTree(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(name)] as const);
  const tree = [pid];
  for (const member of tree) for (const [child, parent] of parents) if (parent === member) tree.push(child);
  return tree;
}

/** After the name in brackets, which may hold anything: state, then the parent. */
function parentOf(pid: string): number {
  return Number(readProc(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[1] ?? 0);
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Gone meanwhile, or another user's.
    return '';
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile: what was wanted.
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
