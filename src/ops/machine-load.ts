/** How busy the machine is: processors and memory, as far as this container may use them. Reads the kernel's counters; keeps one earlier reading.
 *  In a container with a quota the quota is the whole; elsewhere the machine is. */
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { Clock } from '../kernel/clock.ts';

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
  readonly cgroupPath?: string;
}

interface Reading {
  readonly atMs: number;
  /** Processor time spent so far, ms. */
  readonly busyMs: number;
}

// Two requests at once must not measure a share over a millisecond.
const LEAST_SPAN_MS = 500;

/** @returns a reader; its shares are of the time between readings */
export function createMachineLoad({ clock, cgroupPath = '/sys/fs/cgroup' }: MachineLoadParts): () => Promise<MachineLoad> {
  let before: Reading | undefined;
  let share: number | null = null;
  return async () => {
    const quotaCores = coresOfQuota(await readText(`${cgroupPath}/cpu.max`));
    const cores = quotaCores ?? availableParallelism();
    const usage = quotaCores === undefined ? undefined : busyOfCgroup(await readText(`${cgroupPath}/cpu.stat`));
    const reading = { atMs: clock.monotonic(), busyMs: usage ?? busyOfMachine() };
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

/** Cores of a `cpu.max` line (`200000 100000`); undefined without a quota. */
export function coresOfQuota(line: string): number | undefined {
  const [quota, period] = line.trim().split(/\s+/).map(Number);
  return quota === undefined || period === undefined || !(quota > 0) || !(period > 0) ? undefined : quota / period;
}

function busyOfCgroup(text: string): number | undefined {
  const usec = /^usage_usec (\d+)$/m.exec(text)?.[1];
  return usec === undefined ? undefined : Number(usec) / 1_000;
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
