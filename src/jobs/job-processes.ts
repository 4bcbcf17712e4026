/** Which processes belong to a job, and their end with proof. A job's processes are known by their group while the shim lives, by the job's id in their
 *  environment, and as root by the job's own uid. A pid is only ever signalled together with its start time: a reused number is left alone.
 *  LIMIT: without root, a daemon that double-forks, leaves the session and clears its environment can't be told from others. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Clock } from '../kernel/clock.ts';
import { sendSignal } from '../kernel/child.ts';
import { isAlive, listProcesses, listProcessIds, readProcess, type ProcessFacts, type ProcessIdentity } from '../kernel/process-identity.ts';

export interface JobProcesses {
  readonly jobId: string;
  readonly shim: ProcessIdentity | undefined;
  /** The job's own uid; undefined when it shares Studio's. */
  readonly uid: number | undefined;
}

/** Every living process of the job. */
export function findJobProcesses(target: JobProcesses, known: readonly ProcessIdentity[] = []): readonly ProcessFacts[] {
  const group = target.shim !== undefined && isAlive(target.shim) ? target.shim.pid : undefined;
  // Without a shim and with a uid, nothing but that uid can make a process the job's: one file each is read, not two, of all processes of the machine.
  const all = group === undefined && target.uid !== undefined && known.length === 0 ? listProcessesOf(target.uid) : listProcesses();
  return all.filter((facts) => {
    if (facts.isZombie || facts.pid === process.pid) return false;
    if (group !== undefined && facts.groupId === group) return true;
    if (known.some((one) => one.pid === facts.pid && one.started === facts.started)) return true;
    // A job can't leave its uid: of other users' processes nothing more has to be read, and a look costs a third.
    if (target.uid !== undefined && uidOf(facts.pid) !== target.uid) return false;
    const owner = ownerOf(facts.pid);
    // By uid only what names no other job: two jobs share a uid when a Studio is killed between taking one and its process showing it.
    return owner === target.jobId || (owner === undefined && target.uid !== undefined);
  });
}

function listProcessesOf(uid: number): readonly ProcessFacts[] {
  return listProcessIds()
    .filter((pid) => uidOf(pid) === uid)
    .map((pid) => readProcess(pid))
    .filter((facts) => facts !== undefined);
}

/** The job that a process says it belongs to. */
function ownerOf(pid: number): string | undefined {
  return readEnvironment(pid)
    .find((entry) => entry.startsWith('STUDIO_JOB_ID='))
    ?.slice('STUDIO_JOB_ID='.length);
}

/** Real uid of a process; undefined when it is gone. (The owner of /proc/<pid> is no proof: it is root's for what can't be traced.) */
export function uidOf(pid: number): number | undefined {
  try {
    const line = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}

function readEnvironment(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return []; // Gone, or another user's: then it is not ours.
  }
}

/** Uninterruptible sleep is the only thing that outlives a KILL; it is told, not waited out. */
const KILL_LIMIT_MS = 5_000;

/** Ends every process of the job: TERM, `graceMs` to comply, then KILL until none is left.
 *  @param graceMs 0: KILL at once  @returns how many processes it had to end, and what even KILL did not end */
export async function endJobProcesses(
  target: JobProcesses,
  options: { readonly graceMs: number; readonly clock: Clock },
): Promise<{ readonly ended: number; readonly survivors: readonly ProcessFacts[] }> {
  const { clock, graceMs } = options;
  const known = new Map<string, ProcessIdentity>();
  const look = (): readonly ProcessFacts[] => {
    const found = findJobProcesses(target, [...known.values()]);
    for (const facts of found) known.set(`${facts.pid}:${facts.started}`, facts);
    return found;
  };
  let left = look();
  if (left.length > 0 && graceMs > 0) {
    const asked = new Set<string>();
    // Also what was started after the first look: a shim that was just about to start its job.
    const ask = (): readonly ProcessFacts[] => {
      const found = look();
      for (const facts of found) if (!asked.has(`${facts.pid}:${facts.started}`) && sendSignal(facts, 'SIGTERM')) asked.add(`${facts.pid}:${facts.started}`);
      return found;
    };
    left = await waitWhile(ask, { limitMs: graceMs, clock });
  }
  const deadline = clock.monotonic() + KILL_LIMIT_MS;
  for (let round = 0; left.length > 0 && clock.monotonic() < deadline; round++) {
    for (const facts of left) sendSignal(facts, 'SIGKILL');
    // What forks faster than it is looked at: the kernel kills all of a uid at one stroke.
    if (round > 2 && target.uid !== undefined && isAlone(target.uid, target.jobId)) await killAllOf(target.uid);
    await clock.sleep(round === 0 ? 5 : 25);
    left = look();
  }
  return { ended: known.size, survivors: left };
}

async function waitWhile(look: () => readonly ProcessFacts[], options: { readonly limitMs: number; readonly clock: Clock }): Promise<readonly ProcessFacts[]> {
  const deadline = options.clock.monotonic() + options.limitMs;
  let pauseMs = 10;
  let left = look();
  while (left.length > 0 && options.clock.monotonic() < deadline) {
    await options.clock.sleep(Math.max(1, Math.min(pauseMs, deadline - options.clock.monotonic())));
    pauseMs = Math.min(200, pauseMs * 2);
    left = look();
  }
  return left;
}

/** Whether no other job runs under the uid. */
export function isAlone(uid: number, jobId: string): boolean {
  return listProcesses().every((facts) => uidOf(facts.pid) !== uid || [undefined, jobId].includes(ownerOf(facts.pid)));
}

function killAllOf(uid: number): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', 'kill -KILL -1'], { uid, gid: uid, stdio: 'ignore', env: {} });
    child.once('error', () => resolve()); // EAGAIN: the uid is at its limit of processes; the next round kills some.
    child.once('exit', () => resolve());
  });
}
