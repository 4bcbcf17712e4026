/** Long-running children: spawn in a session of their own, keep their last lines, wait until ready, stop with proof.
 *  Never restarts anything (supervise/service does). A session of its own: a Ctrl-C to Studio's group must not reach a child under the drain. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { systemClock, type Clock } from './clock.ts';
import { messageOf } from './fail.ts';
import { groupMembers, identify, type ProcessIdentity } from './process-identity.ts';

export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited, so that no secret leaks into a child. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Only as root: who it runs as. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  /** Written to its standard input, which is then closed. Default: nothing. */
  readonly stdin?: string;
  readonly onLine?: (line: string) => void;
  /** What it writes, as it comes. While a promise is pending nothing more is read of that stream: who writes faster than the disk waits. */
  readonly onChunk?: (chunk: Buffer, stream: 'stdout' | 'stderr') => void | Promise<void>;
  /** How many last lines to keep. */
  readonly keepLines?: number;
  /** True: its descriptor 3 is the other end of `Child.channel`. */
  readonly hasChannel?: boolean;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly uptimeMs: number;
}

export interface Child {
  readonly identity: ProcessIdentity;
  readonly pid: number;
  /** Settles once, when the process is gone. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly hasExited: () => boolean;
  /** The last lines it wrote to stdout or stderr, oldest first. */
  readonly lines: () => readonly string[];
  /** Bytes both ways; undefined unless asked for. Ends when the child does. */
  readonly channel?: Duplex | undefined;
  signal(signal: NodeJS.Signals): void;
  /** Asks with `signal`, waits `graceMs`, then kills its whole group; resolves when no process of the group is left. */
  stop(options?: StopOptions): Promise<ExitStatus>;
}

export interface StopOptions {
  readonly signal?: NodeJS.Signals;
  readonly graceMs?: number;
}

/** Enough to hold a stack trace or PostgreSQL's reason for refusing to start. */
const KEEP_LINES = 50;
/** A longer line is cut: a child that writes no newline must not fill the memory. */
const MAX_LINE = 2_000;
/** Same as Kubernetes' default grace, cut to fit into Studio's own 30 s. */
const GRACE_MS = 10_000;

/** @throws Error when the program can't be started (not there, not allowed), with the system's reason as cause */
export async function startChild(spec: ChildSpec, clock: Clock = systemClock): Promise<Child> {
  const process = spawn(spec.command, [...spec.args], {
    detached: true,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...spec.env },
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...(spec.account === undefined ? {} : { uid: spec.account.uid, gid: spec.account.gid }),
    stdio: [spec.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(spec.hasChannel === true ? (['pipe'] as const) : [])],
  });
  await spawned(process, spec.command);
  const pid = process.pid;
  if (pid === undefined) throw new Error(`${spec.command} has no process id`);
  const startedAt = clock.monotonic();
  // A child that ended at once has no /proc entry any more; its pid with an impossible start time is then never alive.
  const identity = identify(pid) ?? { pid, started: 'ended' };
  const keep = ringOf(spec.keepLines ?? KEEP_LINES);
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    if (stream === null) continue;
    readLines(stream, (line) => (keep.push(line), spec.onLine?.(line)));
    if (spec.onChunk !== undefined) handOn(stream, (chunk) => spec.onChunk?.(chunk, name));
  }
  if (process.stdin) {
    process.stdin.on('error', () => undefined); // EPIPE: it ended before it read; its exit says why.
    process.stdin.end(spec.stdin);
  }
  let ended = false;
  // 'close' comes after the pipes are drained, but a grandchild may hold them open for ever: 'exit' plus a moment for the last lines.
  const exited = new Promise<ExitStatus>((resolve) => {
    process.once('exit', (code, signal) => {
      ended = true;
      const status = { code, signal, uptimeMs: Math.round(clock.monotonic() - startedAt) };
      const cancel = clock.after(100, () => resolve(status));
      process.once('close', () => (cancel(), resolve(status)));
    });
  });
  const child: Child = {
    identity,
    pid,
    exited,
    hasExited: () => ended,
    lines: keep.lines,
    ...(spec.hasChannel === true ? { channel: process.stdio[3] as Duplex } : {}),
    signal: (signal) => void (ended || process.kill(signal)),
    stop: (options = {}) => stopChild(child, options, clock),
  };
  return child;
}

function spawned(process: ChildProcess, command: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.once('spawn', () => {
      process.on('error', () => undefined); // A failed kill(): the exit tells.
      resolve();
    });
    process.once('error', (cause) => reject(new Error(`${command} could not be started: ${messageOf(cause)}`, { cause })));
  });
}

async function stopChild(child: Child, options: StopOptions, clock: Clock): Promise<ExitStatus> {
  child.signal(options.signal ?? 'SIGTERM');
  const late = new AbortController();
  const isLate = await Promise.race([
    child.exited.then(() => false),
    clock.sleep(options.graceMs ?? GRACE_MS, late.signal).then(
      () => true,
      () => false,
    ),
  ]);
  late.abort();
  if (isLate || groupMembers(child.pid).length > 0) await killGroup(child.pid, clock);
  return child.exited;
}

/** Kills the process group until none of it is left; a child forked between two looks is caught by the next.
 *  @throws Error when a member survives 5 s (uninterruptible sleep) */
export async function killGroup(groupId: number, clock: Clock = systemClock): Promise<void> {
  const deadline = clock.monotonic() + 5_000;
  for (;;) {
    const members = groupMembers(groupId);
    if (members.length === 0) return;
    for (const member of members) sendSignal(member, 'SIGKILL');
    if (clock.monotonic() > deadline) throw new Error(`process ${members[0]?.pid} (${members[0]?.name}) does not die; the kernel holds it`);
    await clock.sleep(10);
  }
}

/** Signals exactly this process. @returns false when it is already gone, or is not ours to signal */
export function sendSignal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (identify(identity.pid)?.started !== identity.started) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false; // ESRCH: it ended in between. EPERM: the caller sees that it lives on.
  }
}

/** Waits until none of these processes lives. @returns false when some still live after `timeoutMs` */
export async function waitGone(processes: readonly ProcessIdentity[], timeoutMs: number, clock: Clock = systemClock): Promise<boolean> {
  const deadline = clock.monotonic() + timeoutMs;
  while (processes.some((one) => identify(one.pid)?.started === one.started)) {
    if (clock.monotonic() > deadline) return false;
    await clock.sleep(10);
  }
  return true;
}

export interface ReadyOptions {
  readonly name: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Asked again and again; true ends the wait. A throw counts as not yet. */
  readonly probe: () => Promise<boolean> | boolean;
}

/** Waits until the probe says yes.
 *  @throws Error when the child ends first or the time is over, with its last line; the signal's reason when it aborts. The child is then still there. */
export async function waitReady(child: Child, options: ReadyOptions, clock: Clock = systemClock): Promise<void> {
  const deadline = clock.monotonic() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    if (await Promise.try(options.probe).catch(() => false)) return;
    if (child.hasExited()) {
      const status = await child.exited;
      throw new Error(`${options.name} ended while starting (${describeExit(status)}). ${lastWords(child)}`);
    }
    if (clock.monotonic() > deadline) throw new Error(`${options.name} was not ready within ${options.timeoutMs} ms. ${lastWords(child)}`);
    await clock.sleep(options.intervalMs ?? 10, options.signal);
  }
}

/** "exit code 1" or "killed by SIGKILL". */
export function describeExit(status: Pick<ExitStatus, 'code' | 'signal'>): string {
  return status.signal === null ? `exit code ${status.code}` : `killed by ${status.signal}`;
}

function lastWords(child: Child): string {
  const lines = child.lines();
  return lines.length === 0 ? 'It wrote nothing.' : `Last lines: ${lines.slice(-3).join(' | ')}`;
}

export interface RunResult extends ExitStatus {
  readonly lines: readonly string[];
}

/** Runs a program to its end. @throws Error when it can't be started, or takes longer than `timeoutMs` (it is then killed) */
export async function runToEnd(
  spec: ChildSpec & { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  clock: Clock = systemClock,
): Promise<RunResult> {
  const child = await startChild({ keepLines: 200, ...spec }, clock);
  const over = new AbortController();
  const isLate = await Promise.race([
    child.exited.then(() => false),
    clock.sleep(spec.timeoutMs, AbortSignal.any([over.signal, ...(spec.signal ? [spec.signal] : [])])).then(
      () => true,
      () => true,
    ),
  ]);
  over.abort();
  if (!isLate) return { ...(await child.exited), lines: child.lines() };
  await child.stop({ graceMs: 500 });
  spec.signal?.throwIfAborted();
  throw new Error(`${spec.command} took longer than ${spec.timeoutMs} ms and was stopped. ${lastWords(child)}`);
}

/** Lines end with \n, \r\n or \r (a progress bar's). A longer one comes in pieces: what is held of an unfinished line is bounded. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let open = '';
  const take = (text: string): void => {
    const lines = (open + text).split(/\r\n|\n|\r(?!$)/);
    open = lines.pop() ?? '';
    for (const line of lines) onLine(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line);
    if (open.length <= MAX_LINE) return;
    onLine(`${open.slice(0, MAX_LINE)}…`);
    open = '';
  };
  stream.on('data', (chunk: Buffer) => take(decoder.write(chunk)));
  stream.once('end', () => {
    take(decoder.end());
    if (open !== '') onLine(open.replace(/\r$/, ''));
  });
}

function handOn(stream: Readable, take: (chunk: Buffer) => void | Promise<void>): void {
  stream.on('data', (chunk: Buffer) => {
    const taken = take(chunk);
    if (taken === undefined) return;
    stream.pause();
    taken.then(
      () => stream.resume(),
      () => stream.resume(),
    );
  });
}

function ringOf(capacity: number): { push(line: string): void; lines: () => readonly string[] } {
  const kept: string[] = [];
  return {
    push(line) {
      kept.push(line);
      if (kept.length > capacity) kept.shift();
    },
    lines: () => [...kept],
  };
}
