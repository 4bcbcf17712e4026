/** Joins what watches Studio: metrics. Part of wire.ts. */
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/log.ts';
import type { Metrics, MetricsParts } from './ops/metrics.ts';

export interface WatchingWireParts extends Omit<MetricsParts, 'alerts' | 'logLines'> {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Watching {
  /** Loaded at the first use: prom-client is not needed for the start. */
  readonly metrics: () => Promise<Metrics>;
  observeRequest(answered: Parameters<Metrics['observeRequest']>[0]): void;
  observeGpuWait(waitMs: number): void;
}

/** Requests of the first moment are not counted, and the start is not slowed. */
const METRICS_AFTER_MS = 500;

export function wireWatching(parts: WatchingWireParts): Watching {
  let metrics: Metrics | undefined;
  const load = async (): Promise<Metrics> =>
    (metrics ??= (await import('./ops/metrics.ts')).createMetrics({ ...parts, alerts: () => [], logLines: () => ({}) }));
  parts.clock.after(METRICS_AFTER_MS, () => void load());
  return {
    metrics: load,
    observeRequest: (answered) => metrics?.observeRequest(answered),
    observeGpuWait: (waitMs) => void load().then((loaded) => loaded.observeGpuWait(waitMs)),
  };
}
