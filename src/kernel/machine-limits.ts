/** What this process may use of the machine: processors, memory, tasks, open files, by the control groups it is in (version 1, 2, or both) and by the machine
 *  itself. Reads the kernel's files at each call; a few short ones. Never throws: a kernel without a limit has none.
 *  One thing to know: limits of outer groups hold too, so each is the least along the way up. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';

export interface MachineLimits {
  /** Which version of control groups says so; null: none limits anything here. */
  readonly cgroup: 1 | 2 | null;
  /** May be a fraction of one. */
  readonly processors: number;
  /** Whether a group bounds them, below what the machine has. */
  readonly hasQuota: boolean;
  readonly memoryBytes: number;
  /** Processes and threads together; null: no limit. */
  readonly tasks: number | null;
  /** Soft limit of this process; null: no limit. */
  readonly openFiles: number | null;
}

export interface LimitPlaces {
  /** Where the kernel shows control groups. */
  readonly cgroupPath?: string;
  /** Where it shows this process. */
  readonly processPath?: string;
  /** What the machine has. */
  readonly machine?: { readonly processors: number; readonly memoryBytes: number };
}

/** Version 1 says "none" by a number near 2^63, rounded to a page. */
const NO_LIMIT = 2 ** 60;

export function readLimits(places: LimitPlaces = {}): MachineLimits {
  const { cgroupPath = '/sys/fs/cgroup', processPath = '/proc/self' } = places;
  const machine = places.machine ?? { processors: availableParallelism(), memoryBytes: totalmem() };
  const own = ownGroups(textOf(join(processPath, 'cgroup')));
  const second = (file: string): readonly string[] => wayUp(cgroupPath, own.get('') ?? '/').map((folder) => textOf(join(folder, file)));
  const first = (controller: string, file: string): readonly string[] =>
    wayUp(join(cgroupPath, controller), own.get(controller) ?? '/').map((folder) => textOf(join(folder, file)));

  const cpu = { 2: least(second('cpu.max').map(coresOfQuota)), 1: least(coresOfPairs(first('cpu', 'cpu.cfs_quota_us'), first('cpu', 'cpu.cfs_period_us'))) };
  const memory = { 2: least(second('memory.max').map(numberOf)), 1: least(first('memory', 'memory.limit_in_bytes').map(numberOf)) };
  const tasks = { 2: least(second('pids.max').map(numberOf)), 1: least(first('pids', 'pids.max').map(numberOf)) };
  const has = (version: 1 | 2): boolean => [cpu, memory, tasks].some((limit) => limit[version] !== undefined);
  const processors = least([cpu[2], cpu[1], machine.processors]) ?? machine.processors;
  return {
    cgroup: has(2) ? 2 : has(1) ? 1 : null,
    processors,
    hasQuota: (least([cpu[2], cpu[1]]) ?? machine.processors) < machine.processors,
    memoryBytes: least([memory[2], memory[1], machine.memoryBytes]) ?? machine.memoryBytes,
    tasks: least([tasks[2], tasks[1]]) ?? null,
    openFiles: numberOf(/Max open files\s+(\S+)/.exec(textOf(join(processPath, 'limits')))?.[1] ?? '') ?? null,
  };
}

/** Cores of a `cpu.max` line (`200000 100000`); undefined without a quota. */
export function coresOfQuota(line: string): number | undefined {
  const [quota, period] = line.trim().split(/\s+/).map(Number);
  return quota === undefined || period === undefined || !(quota > 0) || !(period > 0) ? undefined : quota / period;
}

/** Controller → path of the group; '' for version 2. Lines read `4:memory,cpu:/path`, `0::/path`. */
function ownGroups(text: string): ReadonlyMap<string, string> {
  const groups = text.split('\n').flatMap((line) => {
    const [, names, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return names === undefined || path === undefined ? [] : names.split(',').map((name) => [name, path] as const);
  });
  return new Map(groups);
}

/** Folders from the group up to the root. In a container the path is the host's and leads nowhere below this root: then the root alone has files. */
function wayUp(root: string, path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  return [root, ...names.map((_, index) => join(root, ...names.slice(0, index + 1)))];
}

function coresOfPairs(quotas: readonly string[], periods: readonly string[]): readonly (number | undefined)[] {
  return quotas.map((quota, index) => coresOfQuota(`${quota.trim()} ${periods[index]?.trim() ?? ''}`));
}

/** Undefined for `max`, `-1`, nothing, and what version 1 writes for none. */
function numberOf(text: string): number | undefined {
  const value = Number(text.trim());
  return text.trim() === '' || !(value > 0) || value >= NO_LIMIT ? undefined : value;
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The other version of control groups, or none.
    return '';
  }
}
