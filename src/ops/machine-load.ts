/** How busy the machine is: processors and memory, as far as this container may use them. Reads the kernel's counters; keeps one earlier reading.
 *  In a container with a quota the quota is the whole; elsewhere the machine is. */
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import type { Clock } from '../kernel/clock.ts';
import { readLimits, type LimitPlaces } from '../kernel/machine-limits.ts';

export interface MachineLoad {
  /** Share of all processors in use since the reading before, 0 to 1; null at the first reading. */
  readonly cpuShare: number | null;
  /** Processors that may be used; a quota may be a fraction of one. */
  readonly cores: number;
  readonly load1: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  /** Studio's own process. */
  readonly processBytes: number;
}

export interface MachineLoadParts {
  readonly clock: Clock;
  /** Where the kernel shows this container's limits. */
  readonly places?: LimitPlaces;
}

interface Reading {
  readonly atMs: number;
  /** Processor time spent so far, ms. */
  readonly busyMs: number;
}

// Two requests at once must not measure a share over a millisecond.
const LEAST_SPAN_MS = 500;

/** @returns a reader; its shares are of the time between readings */
export function createMachineLoad({ clock, places = {} }: MachineLoadParts): () => Promise<MachineLoad> {
  let before: Reading | undefined;
  let share: number | null = null;
  return async () => {
    const { processors: cores, hasQuota } = readLimits(places);
    const reading = { atMs: clock.monotonic(), busyMs: (hasQuota ? await busyOfCgroup(places.cgroupPath ?? '/sys/fs/cgroup') : undefined) ?? busyOfMachine() };
    if (before === undefined) before = reading;
    else if (reading.atMs - before.atMs >= LEAST_SPAN_MS) {
      share = Math.min(1, Math.max(0, (reading.busyMs - before.busyMs) / ((reading.atMs - before.atMs) * cores)));
      before = reading;
    }
    const memoryTotalBytes = memoryTotal();
    return {
      cpuShare: share,
      cores,
      load1: loadavg()[0] ?? 0,
      memoryUsedBytes: Math.max(0, memoryTotalBytes - process.availableMemory()),
      memoryTotalBytes,
      processBytes: process.memoryUsage.rss(),
    };
  };
}

/** Of version 2 in microseconds, of version 1 in nanoseconds. */
async function busyOfCgroup(cgroupPath: string): Promise<number | undefined> {
  const usec = /^usage_usec (\d+)$/m.exec(await readText(`${cgroupPath}/cpu.stat`))?.[1];
  if (usec !== undefined) return Number(usec) / 1_000;
  const nsec = await readText(`${cgroupPath}/cpuacct/cpuacct.usage`);
  return nsec === '' ? undefined : Number(nsec) / 1_000_000;
}

function busyOfMachine(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** The container's limit where there is one below the machine's memory. */
function memoryTotal(): number {
  const limit = process.constrainedMemory();
  const machine = totalmem();
  return limit > 0 && limit < machine ? limit : machine;
}

/** The text of a kernel file; '' where this kernel has none. */
async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
