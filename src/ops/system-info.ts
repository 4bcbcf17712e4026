/** What this machine and its processes are and use: for people, scripts and `studio doctor`'s readers. Reads /proc; never throws for a process that is gone. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { SystemInfo } from '../contract/system.ts';
import type { Clock } from '../kernel/clock.ts';
import { readLimits, type LimitPlaces } from '../kernel/machine-limits.ts';
import { listProcesses } from '../kernel/process-identity.ts';
import type { Services } from '../supervise/service.ts';
import { createMachineLoad } from './machine-load.ts';
import { tooLittle, type Sizing } from './sizing.ts';

export interface SystemInfoParts {
  readonly clock: Clock;
  readonly version: string;
  readonly commit: string | null;
  readonly mode: SystemInfo['mode'];
  readonly workspacePath: string;
  readonly services: Pick<Services, 'list'>;
  /** As boot.ts gave them out. */
  readonly sizing: Sizing;
  readonly places?: LimitPlaces;
  /** When somebody last called, ms since 1970. */
  readonly lastUsedMs: () => number;
}

/** Ticks of a processor that /proc counts in: fixed for programs since Linux 2.6. */
const TICKS_PER_S = 100;
const PAGE_BYTES = 4_096;

interface Use {
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly threads: number;
}

/** @returns what reads it; shares of processors are of the time since the reading before */
export function createSystemInfo(parts: SystemInfoParts): () => Promise<SystemInfo> {
  const { clock, services } = parts;
  const startedMs = clock.now() - process.uptime() * 1_000;
  const readLoad = createMachineLoad({ clock });
  const before = new Map<number, { readonly cpuMs: number; readonly at: number }>();

  function describe(name: string, pid: number, members: readonly number[]): SystemInfo['processes'][number] {
    const uses = members.map(useOf).filter((use) => use !== undefined);
    const sum = (of: (use: Use) => number): number => uses.reduce((total, use) => total + of(use), 0);
    const [cpuMs, at] = [sum((use) => use.cpuMs), clock.monotonic()];
    const last = before.get(pid);
    before.set(pid, { cpuMs, at });
    // A member that ended takes its time with it: never below nothing.
    const cpuShare = last === undefined || at <= last.at ? null : Math.max(0, cpuMs - last.cpuMs) / (at - last.at);
    return { name, pid, memoryBytes: sum((use) => use.memoryBytes), cpuShare, threads: sum((use) => use.threads) };
  }

  return async () => {
    const load = await readLoad();
    const running = services.list().flatMap(({ name, pid }) => (pid === null ? [] : [{ name, pid }]));
    const known = listProcesses();
    for (const pid of before.keys()) if (pid !== process.pid && !running.some((one) => one.pid === pid)) before.delete(pid);
    return {
      ...{ version: parts.version, commit: parts.commit, node: process.versions.node, pid: process.pid, host: hostname() },
      platform: `${process.platform}-${process.arch}`,
      startedAt: new Date(startedMs).toISOString(),
      uptimeMs: Math.round(clock.now() - startedMs),
      idleMs: Math.max(0, Math.round(clock.now() - parts.lastUsedMs())),
      ...{ mode: parts.mode, workspacePath: parts.workspacePath, load },
      ...limitsOf(parts),
      processes: [
        describe('studio', process.pid, [process.pid]),
        // Each leads a group of its own, but PostgreSQL's children have theirs.
        ...running.map(({ name, pid }) =>
          describe(
            name,
            pid,
            known.filter((one) => one.pid === pid || one.groupId === pid || one.parentPid === pid).map((one) => one.pid),
          ),
        ),
      ],
    };
  };
}

function limitsOf({ places, sizing }: SystemInfoParts): Pick<SystemInfo, 'limits' | 'sizing' | 'tooLittle'> {
  const limits = readLimits(places);
  const { cgroup, openFiles, processors, memoryBytes, tasks } = limits;
  return {
    limits: { cgroup, openFiles, processors, memoryBytes, tasks },
    sizing,
    tooLittle: tooLittle(limits).map(({ about, remedy }) => ({ about, remedy })),
  };
}

/** Undefined: it is gone. */
function useOf(pid: number): Use | undefined {
  try {
    // After the name in brackets, which may hold anything: state is the third field.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const [user, system, threads, pages] = [fields[11], fields[12], fields[17], fields[21]].map(Number);
    return { cpuMs: (((user ?? 0) + (system ?? 0)) / TICKS_PER_S) * 1_000, threads: threads ?? 0, memoryBytes: (pages ?? 0) * PAGE_BYTES };
  } catch {
    return undefined;
  }
}
