/** The registry of `/metrics`: process, event loop, requests, and whatever other rooms register. Names are CONTRACTS'.
 *  Labels are closed sets (route keys, states), never ids: memory must not grow with use. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SqlPool } from '../store/client.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Gpu } from '../gpu/device.ts';
import { listQueueHealth } from '../store/health.ts';
import { registerGpuMetrics } from './gpu-metrics.ts';
import { registerLedgerMetrics, type LedgerFigures } from './ledger-metrics.ts';
import { registerModelMetrics, type ModelFigures } from './model-metrics.ts';
import { listWork } from '../store/queues.ts';
import type { RunDataSummary } from './run-data.ts';

export interface Metrics {
  /** For other rooms to register their own on. */
  readonly registry: Registry;
  /** One answered request: the route's key (never its path), status and time. */
  observeRequest(request: { readonly route: string; readonly status: number; readonly ms: number }): void;
  /** A request for devices was granted. @param waitMs since it could run */
  observeGpuWait(waitMs: number): void;
  /** All metrics as Prometheus reads them. */
  read(): Promise<string>;
}

interface MetricsParts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly sockets: () => number;
  readonly runData: () => RunDataSummary | undefined;
  /** As seen last. */
  readonly gpus: () => readonly Gpu[];
  readonly models: () => readonly ModelFigures[];
  readonly ledger: LedgerFigures;
}

export function createMetrics(parts: MetricsParts): Metrics {
  const { sql, clock, log } = parts;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'studio_' });
  const latency = new Histogram({
    name: 'studio_request_seconds',
    help: 'Time to answer, by route',
    labelNames: ['route'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const answers = new Counter({ name: 'studio_requests_total', help: 'Answers, by route and class of status', labelNames: ['route', 'status'], registers });
  const depth = new Gauge({ name: 'env_queue_depth', help: 'Jobs that wait, by queue', labelNames: ['queue'], registers });
  const running = new Gauge({ name: 'studio_jobs_running', help: 'Jobs that run, by queue', labelNames: ['queue'], registers });
  const slots = new Gauge({
    name: 'studio_queue_slots',
    help: 'Jobs that may run at once, by queue; adaptive queues find it themselves',
    labelNames: ['queue'],
    registers,
  });
  const sockets = new Gauge({ name: 'studio_sockets', help: 'Open live connections', registers });

  const runDataBytes = new Gauge({ name: 'studio_run_data_bytes', help: 'What instances take of the database', registers });
  const runDataBudget = new Gauge({ name: 'studio_run_data_budget_bytes', help: 'What they may take; 0: no limit', registers });
  const runDataPartitions = new Gauge({ name: 'studio_run_data_partitions', help: 'Partitions of run data', registers });
  const runDataHeld = new Gauge({ name: 'studio_run_data_held_partitions', help: 'Partitions past the longest retention that instances hold', registers });

  registerGpuMetrics(registry, parts.gpus);
  const observeGpuWait = registerLedgerMetrics(registry, parts.ledger);
  registerModelMetrics(registry, parts.models);

  async function sample(): Promise<void> {
    sockets.set(parts.sockets());
    const runData = parts.runData();
    if (runData !== undefined) {
      runDataBytes.set(runData.bytes);
      runDataBudget.set(runData.budgetBytes ?? 0);
      runDataPartitions.set(runData.partitions);
      runDataHeld.set(runData.held);
    }
    try {
      for (const line of await listQueueHealth(sql, { now: new Date(clock.now()), beatMs: 30_000, stuckMs: 300_000 })) {
        depth.set({ queue: line.queue }, line.pending);
        running.set({ queue: line.queue }, line.running);
      }
      for (const queue of await listWork(sql, clock.now())) slots.set({ queue: queue.name }, queue.slots);
    } catch (error) {
      // What the process knows by itself is still worth reading.
      log.debug({ cause: messageOf(error) }, 'metrics without the database');
    }
  }

  return {
    registry,
    observeRequest({ route, status, ms }) {
      latency.observe({ route }, ms / 1_000);
      answers.inc({ route, status: `${Math.floor(status / 100)}xx` });
    },
    observeGpuWait,
    async read() {
      await sample();
      return registry.metrics();
    },
  };
}
