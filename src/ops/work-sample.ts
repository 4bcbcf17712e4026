/** What Studio did in the minute since it was asked last, for the history: rates, lines that wait, connections, the loop. */
import type { Clock } from '../kernel/clock.ts';
import type { WorkSample } from './machine-history.ts';
import type { Vitals } from './vitals.ts';
import type { WorkMeter } from './work-meter.ts';

export function createWorkSampler(parts: {
  readonly clock: Clock;
  readonly vitals: Vitals;
  readonly meter: Pick<WorkMeter, 'totals'>;
}): () => Promise<WorkSample> {
  const { clock, vitals, meter } = parts;
  let before = { atMs: clock.monotonic(), totals: meter.totals() };
  return async () => {
    const now = { atMs: clock.monotonic(), totals: meter.totals() };
    const seconds = Math.max(1, (now.atMs - before.atMs) / 1_000);
    const rate = (after: number, earlier: number): number => Math.round(((after - earlier) / seconds) * 100) / 100;
    const stepsPerS = rate(now.totals.steps + now.totals.jobs, before.totals.steps + before.totals.jobs);
    const requestsPerS = rate(now.totals.requests, before.totals.requests);
    before = now;
    const { store, queues } = await vitals.read();
    const sum = (of: (line: { readonly pending: number; readonly running: number }) => number): number | null =>
      queues === undefined ? null : queues.reduce((total, line) => total + of(line), 0);
    return {
      ...{ stepsPerS, requestsPerS, loopDelayMs: vitals.loopDelayMs('history'), databaseConnections: store?.connections ?? null },
      ...{ queuedJobs: sum((line) => line.pending), runningJobs: sum((line) => line.running), processBytes: process.memoryUsage.rss() },
    };
  };
}
