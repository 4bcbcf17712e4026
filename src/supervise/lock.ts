/** One Studio a workspace. The lock file names its holder (pid, start time, namespace, host) and beats each second.
 *  A holder that can be seen is judged by its process; one in another container or on another host by its beat. Never kills anybody. */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { bootId, identify, isAlive, pidNamespace } from '../kernel/process-identity.ts';
import { Refusal } from './refusal.ts';

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly started: string;
  readonly bootId: string;
  readonly pidNamespace: string;
  readonly host: string;
  readonly port: number;
  /** Wall time of the last beat, ms. */
  readonly beatAt: number;
}

export interface WorkspaceLock {
  /** Whether it is held for certain: its last beat came through so lately that nobody can have taken it for dead. */
  isHeld(): boolean;
  /** Whom it was taken from: a holder that can't be seen and was silent for its whole term. */
  readonly takenFrom: string | undefined;
  /** Ends the beat and removes the file, if it is still ours. */
  release(): void;
}

export interface LockOptions {
  readonly workspacePath: string;
  /** For the message that a second Studio prints. */
  readonly port: number;
  /** The lock was taken by somebody else, who thought us dead: stop at once, write nothing more. */
  readonly onLost: (holder: string) => void;
  readonly clock?: Clock;
}

const BEAT_MS = 1_000;
/** Without a beat for this long a holder that can't be seen is dead. A take-over comes within 15 s of a death. */
const DEAD_MS = 12_000;
/** After a beat the holder is sure of the lock for so long: half of what others wait, so that clocks may run differently and beats be seen late. */
const SURE_MS = DEAD_MS / 2;
/** Wall clocks of two hosts differ by less than this; an older beat needs no watching. */
const OLD_MS = 60_000;

export function lockPath(workspacePath: string): string {
  return join(workspacePath, 'run/studio.lock');
}

/** @throws Refusal within 5 s when another Studio holds the workspace */
export async function lockWorkspace(options: LockOptions): Promise<WorkspaceLock> {
  const clock = options.clock ?? systemClock;
  const path = lockPath(options.workspacePath);
  mkdirSync(dirname(path), { recursive: true });
  const own = ownHolder(options.port, clock);
  let takenFrom: string | undefined;
  for (let tries = 0; tries < 5; tries++) {
    if (create(path, own)) return keepBeating({ path, own, options, clock, takenFrom });
    const found = read(path);
    // Gone since: try to create it again. Garbage (a write cut off by a full disk): nobody beats in it.
    if (found === 'none') continue;
    if (found !== 'garbage') {
      await requireDead(path, found, options.workspacePath, clock);
      if (!isHere(found)) takenFrom = `pid ${found.pid} on ${found.host}`;
    }
    takeAway(path, found, own.token);
  }
  throw new Refusal('workspace_locked', `The lock ${path} changes hands all the time; several Studios start on ${options.workspacePath}. Start one.`);
}

/** Who holds the workspace now, for `studio status`; undefined when nobody does (or only a dead process). */
export function findHolder(
  workspacePath: string,
  clock: Clock = systemClock,
): { readonly pid: number; readonly port: number; readonly host: string; readonly isVisible: boolean } | undefined {
  const found = readIfAllowed(lockPath(workspacePath));
  if (found === 'none' || found === 'garbage') return undefined;
  const isVisible = isHere(found);
  if (isVisible ? !isAlive(found) : clock.now() - found.beatAt > DEAD_MS) return undefined;
  return { pid: found.pid, port: found.port, host: found.host, isVisible };
}

async function requireDead(path: string, holder: Holder, workspacePath: string, clock: Clock): Promise<void> {
  const refuse = (): never => {
    const where = isHere(holder) ? '' : ` on ${holder.host}, in another container or machine`;
    throw new Refusal(
      'workspace_locked',
      `Another Studio (pid ${holder.pid}${where}, port ${holder.port}) holds ${workspacePath}. Stop it, or set WORKSPACE_PATH and PORT to run a second one.`,
    );
  };
  if (isHere(holder)) return isAlive(holder) ? refuse() : undefined;
  const age = clock.now() - holder.beatAt;
  // The same machine has one clock: age tells at once. Another's may differ by a little.
  if (age > (holder.bootId === bootId() ? DEAD_MS : OLD_MS)) return;
  const since = clock.monotonic();
  for (;;) {
    await clock.sleep(200); // Serial: this is a watch.
    const now = read(path);
    if (now === 'none') return;
    if (now !== 'garbage' && (now.token !== holder.token || now.beatAt !== holder.beatAt)) return refuse();
    if (clock.monotonic() - since > DEAD_MS) return;
  }
}

function isHere(holder: Holder): boolean {
  return holder.bootId === bootId() && holder.pidNamespace === pidNamespace();
}

function ownHolder(port: number, clock: Clock): Holder {
  const own = identify(process.pid);
  return {
    token: randomUUID(),
    pid: process.pid,
    started: own?.started ?? '',
    bootId: bootId(),
    pidNamespace: pidNamespace(),
    host: hostname(),
    port,
    beatAt: clock.now(),
  };
}

interface Beating {
  readonly path: string;
  readonly own: Holder;
  readonly options: LockOptions;
  readonly clock: Clock;
  readonly takenFrom: string | undefined;
}

function keepBeating({ path, own, options, clock, takenFrom }: Beating): WorkspaceLock {
  let cancel = (): void => undefined;
  let isReleased = false;
  const moment = (): { readonly steady: number; readonly wall: number } => ({ steady: clock.monotonic(), wall: clock.now() });
  // By both clocks: one stands still while a machine sleeps, the other may be set.
  const isWithin = (since: ReturnType<typeof moment>, ms: number): boolean => clock.monotonic() - since.steady < ms && Math.abs(clock.now() - since.wall) < ms;
  let beatAt = moment();
  // Asynchronous: a volume that hangs must not hang the process.
  const beat = async (): Promise<void> => {
    const began = moment();
    const found = parse(await readFile(path, 'utf8').catch(goneOnly));
    if (isReleased) return;
    if (found !== 'garbage' && (found === 'none' || found.token !== own.token)) {
      isReleased = true;
      options.onLost(found === 'none' ? 'nobody: the file was removed' : `pid ${found.pid} on ${found.host}`);
      return;
    }
    const fresh = `${path}.${own.token}`;
    await writeFile(fresh, JSON.stringify({ ...own, beatAt: clock.now() }));
    if (isReleased) return rm(fresh, { force: true });
    // Held up since it looked: another may have taken the lock meanwhile. The next beat looks again.
    if (!isWithin(began, SURE_MS)) return rm(fresh, { force: true });
    await rename(fresh, path);
    // Released while that was under way: it must not come back.
    if (isReleased) return removeOwn(path, own.token);
    beatAt = began;
  };
  const schedule = (): void => {
    if (isReleased) return;
    // A failed beat (a full or hanging disk) is tried again with the next; others judge by the last that came through.
    cancel = clock.after(
      BEAT_MS,
      () =>
        void beat()
          .catch(() => undefined)
          .then(schedule),
    );
  };
  schedule();
  return {
    takenFrom,
    isHeld: () => !isReleased && isWithin(beatAt, SURE_MS),
    release() {
      isReleased = true;
      cancel();
      removeOwn(path, own.token);
    },
  };
}

function removeOwn(path: string, token: string): void {
  const found = readIfAllowed(path);
  if (found !== 'none' && found !== 'garbage' && found.token === token) rmSync(path, { force: true });
}

/** @returns false when a lock is there */
function create(path: string, own: Holder): boolean {
  // Written beside and linked: it appears whole, and only if no other is there.
  const fresh = `${path}.${own.token}`;
  write(fresh, own);
  try {
    linkSync(fresh, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    return createPlain(path, own, error);
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Volumes without hard links (FUSE): an exclusive open. */
function createPlain(path: string, own: Holder, cause: unknown): boolean {
  try {
    const file = openSync(path, 'wx', 0o644);
    writeSync(file, JSON.stringify(own));
    closeSync(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new Refusal('workspace_unusable', `The lock ${path} can't be made; is the volume read-only or full?`, { cause: cause ?? error });
  }
}

/** Removes the lock that was judged dead, and no other: two that start at once must not take each other's. */
function takeAway(path: string, judged: Holder | 'garbage', token: string): void {
  const aside = `${path}.stale.${token}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // Another was faster.
  }
  const taken = read(aside);
  const isJudged = judged === 'garbage' ? taken === 'garbage' : taken !== 'none' && taken !== 'garbage' && taken.token === judged.token;
  try {
    if (!isJudged) linkSync(aside, path);
  } catch {
    // A third one has made its own meanwhile; the holder put aside sees that at its next beat and stops.
  }
  rmSync(aside, { force: true });
}

function write(path: string, holder: Holder): void {
  const file = openSync(path, 'w', 0o644);
  writeSync(file, JSON.stringify(holder));
  fsyncSync(file);
  closeSync(file);
}

function read(path: string): Holder | 'none' | 'garbage' {
  try {
    return parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return parse(goneOnly(error));
  }
}

function readIfAllowed(path: string): Holder | 'none' | 'garbage' {
  try {
    return read(path);
  } catch {
    return 'none';
  }
}

/** Unread for another reason (no descriptor left, a disk that fails) it may hold anything. @throws all but "no such file" */
function goneOnly(error: unknown): undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}

function parse(text: string | undefined): Holder | 'none' | 'garbage' {
  if (text === undefined) return 'none';
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.token === 'string' && typeof value.pid === 'number' && typeof value.beatAt === 'number' ? (value as Holder) : 'garbage';
  } catch {
    return 'garbage';
  }
}
