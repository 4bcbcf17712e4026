/** The Studio that runs on a workspace, for commands that stop and start it: how it was started, by whom, and whether systemd keeps it.
 *  Ends only the process that holds the workspace's lock. */
import { spawn, spawnSync } from 'node:child_process';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { closeSync, mkdirSync, openSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CompleteConfig } from '../config/schema.ts';
import { sendSignal, waitGone } from '../kernel/child.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { identify, readArguments, type ProcessIdentity } from '../kernel/process-identity.ts';
import { findHolder } from '../supervise/lock.ts';

/** How a Studio is started again as it was. */
export interface StartFacts {
  readonly env: Readonly<Record<string, string>>;
  readonly account: { readonly uid: number; readonly gid: number };
  /** What it is: an executable, and what stands before `args`. */
  readonly program: { readonly command: string; readonly args: readonly string[] };
  /** After the program: `start`, and its options. */
  readonly args: readonly string[];
  readonly cwd: string;
  /** Where its output goes: a file, a terminal; undefined when that can't be opened again. */
  readonly output: string | undefined;
}

export interface RunningStudio {
  readonly process: ProcessIdentity;
  readonly port: number;
  readonly facts: StartFacts;
  readonly isSystemd: boolean;
}

/** @throws Error when it runs where this process can't see or start it */
export function findRunning(workspacePath: string, unit: string): RunningStudio | undefined {
  const holder = findHolder(workspacePath);
  if (holder === undefined) return undefined;
  if (!holder.isVisible) throw new Error(`Studio runs on ${holder.host}, in another container or machine: run this command there.`);
  const found = identify(holder.pid);
  if (found === undefined) return undefined;
  if (holder.pid === 1) throw new Error('Studio is the first process of this container, which ends with it: replace the image instead.');
  const { uid, gid } = statSync(`/proc/${holder.pid}`);
  const words = readArguments(holder.pid);
  const at = words.findIndex((word) => /\/studio\.js$|\/cli\.ts$/.test(word)) + 1;
  const env = Object.fromEntries(readEnvironment(holder.pid));
  const single = env['STUDIO_EXECUTABLE'];
  const facts: StartFacts = {
    env,
    account: { uid, gid },
    program: single === undefined ? { command: readlinkSync(`/proc/${holder.pid}/exe`), args: words.slice(1, at) } : { command: single, args: [] },
    args: words.slice(at),
    cwd: readlinkSync(`/proc/${holder.pid}/cwd`),
    output: outputOf(holder.pid),
  };
  return { process: found, port: holder.port, facts, isSystemd: mainPidOf(unit) === holder.pid };
}

/** What this command has itself, for a Studio that does not run. */
export function ownFacts(): StartFacts {
  const env = Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  const single = process.env['STUDIO_EXECUTABLE'];
  const program = single === undefined ? { command: process.execPath, args: [...process.execArgv, process.argv[1] ?? ''] } : { command: single, args: [] };
  return { env, account: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, program, args: ['start'], cwd: '/', output: undefined };
}

function readEnvironment(pid: number): readonly [string, string][] {
  return readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .filter((entry) => entry.includes('='))
    .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]);
}

function outputOf(pid: number): string | undefined {
  const path = readlinkSync(`/proc/${pid}/fd/1`);
  return path.startsWith('/') && !path.endsWith(' (deleted)') ? path : undefined;
}

function mainPidOf(unit: string): number | undefined {
  const asked = systemctl('show', '--property=MainPID', '--value', unit);
  return asked.status === 0 ? Number(asked.output.trim()) : undefined;
}

/** @returns status 127 where there is no systemctl */
export function systemctl(...args: readonly string[]): { readonly status: number; readonly output: string } {
  const ended = spawnSync('systemctl', args, { encoding: 'utf8', timeout: 120_000 });
  return { status: ended.status ?? 127, output: `${ended.stdout ?? ''}${ended.stderr ?? ''}` };
}

/** Longer than the longest GRACEFUL_TIMEOUT_S that is usual. */
const STOP_MS = 60_000;

/** SIGTERM, and its end; its jobs go on. @throws Error when it does not end even by force */
export async function stopProcess(one: ProcessIdentity): Promise<void> {
  sendSignal(one, 'SIGTERM');
  if (await waitGone([one], STOP_MS, clock)) return;
  sendSignal(one, 'SIGKILL');
  if (!(await waitGone([one], 5_000, clock))) throw new Error(`Studio (pid ${one.pid}) does not end; the kernel holds it.`);
}

/** Starts it in a session of its own, so that it outlives this command. */
export async function startDetached(
  facts: StartFacts,
  config: Pick<CompleteConfig, 'workspacePath'>,
  program: StartFacts['program'] = facts.program,
): Promise<ProcessIdentity> {
  mkdirSync(join(config.workspacePath, 'logs'), { recursive: true });
  const output = openSync(facts.output ?? join(config.workspacePath, 'logs/start.log'), 'a', 0o640);
  try {
    const isOther = process.getuid?.() === 0 && facts.account.uid !== 0;
    const child = spawn(program.command, [...program.args, ...facts.args], {
      detached: true,
      cwd: facts.cwd,
      env: facts.env,
      stdio: ['ignore', output, output],
      ...(isOther ? facts.account : {}),
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    return identify(child.pid ?? 0) ?? { pid: child.pid ?? 0, started: 'ended' };
  } finally {
    closeSync(output);
  }
}

/** Waits until /health says it can work. @param isThere whether there is anything to wait for  @throws Error when it ended or the time is over */
export async function waitHealthy(at: { readonly host: string; readonly port: number }, isThere: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    if (await answersHealthy(`${nameOf(at.host)}:${at.port}`)) return;
    if (!isThere()) throw new Error('it ended while starting');
    if (clock.monotonic() > deadline) throw new Error(`it was not ready within ${timeoutMs / 1_000} s`);
    await clock.sleep(200); // Serial: this is a watch.
  }
}

/** What stands in a URL for the address that Studio listens on. */
export function nameOf(host: string): string {
  if (['0.0.0.0', '::'].includes(host)) return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function answersHealthy(authority: string): Promise<boolean> {
  return (await statusOf(plainRequest, `http://${authority}`)) === 200 || (await statusOf(tlsRequest, `https://${authority}`)) === 200;
}

/** Over TLS the certificate bears another name than the loopback's: that it answers is what is asked. */
function statusOf(send: typeof plainRequest | typeof tlsRequest, url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = send(`${url}/health`, { agent: false, timeout: 3_000, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined)).end();
  });
}
