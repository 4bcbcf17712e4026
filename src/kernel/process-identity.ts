/** Which process is which: a pid alone may be reused, a pid with its start time may not. Reads /proc; never signals anything.
 *  A zombie counts as gone: it holds no files, memory or locks, only its number. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** Names one process of this boot and pid namespace for good. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, as /proc gives it. */
  readonly started: string;
}

export interface ProcessFacts extends ProcessIdentity {
  /** The command's name as the kernel keeps it: at most 15 bytes. */
  readonly name: string;
  readonly isZombie: boolean;
  readonly parentPid: number;
  readonly groupId: number;
}

/** The facts of `pid`, or undefined when no such process stands in this namespace. */
export function readProcess(pid: number): ProcessFacts | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // ENOENT or ESRCH: gone, also between open and read.
  }
  // The name stands in parentheses and may itself hold spaces and parentheses: fields count from the last one.
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  const [state, parent, group] = fields;
  const started = fields[19];
  if (open < 0 || close < 0 || state === undefined || started === undefined) return undefined;
  return { pid, started, name: text.slice(open + 1, close), isZombie: state === 'Z' || state === 'X', parentPid: Number(parent), groupId: Number(group) };
}

/** The identity of a living `pid`; undefined when it is gone or a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const facts = readProcess(pid);
  return facts === undefined || facts.isZombie ? undefined : { pid, started: facts.started };
}

/** Whether exactly this process still lives (not a zombie, not a successor with the same number). */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.started === identity.started;
}

/** The number of every process of this namespace. */
export function listProcessIds(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Every process of this namespace. */
export function listProcesses(): readonly ProcessFacts[] {
  return listProcessIds()
    .map((pid) => readProcess(pid))
    .filter((facts) => facts !== undefined);
}

/** Living members of a process group. */
export function groupMembers(groupId: number): readonly ProcessFacts[] {
  return listProcesses().filter((facts) => facts.groupId === groupId && !facts.isZombie);
}

/** The argument list; empty when the process is gone, a zombie, or another user's that hides it. */
export function readArguments(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** Whether `pid` works in `directory`, compared by device and inode, so that links and mounts do not matter. */
export function worksIn(pid: number, directory: string): boolean {
  try {
    const theirs = statSync(`/proc/${pid}/cwd`);
    const ours = statSync(directory);
    return theirs.dev === ours.dev && theirs.ino === ours.ino;
  } catch {
    return false;
  }
}

/** Whether the directory that `pid` works in was removed. */
export function worksNowhere(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).endsWith(' (deleted)');
  } catch {
    return false;
  }
}

/** Changes with each boot of the machine: start times of different boots can't be compared. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** Names this pid namespace: two containers on one volume see different ones, and can't judge each other's pids. */
export function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return 'unknown';
  }
}
