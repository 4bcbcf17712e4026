/** The registry of `/metrics`: process, event loop, requests, and whatever other rooms register. Names are CONTRACTS'.
 *  Labels are closed sets (route keys, states, queues, devices), never ids: memory must not grow with use. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Gpu } from '../gpu/device.ts';
import type { SqlPool } from '../store/client.ts';
import { registerShadowMetrics } from './shadow-metrics.ts';
import { listWork } from '../store/queues.ts';
import { registerAlertMetrics, type AlertFigures } from './alert-metrics.ts';
import { registerGpuMetrics } from './gpu-metrics.ts';
import { registerLedgerMetrics, type LedgerFigures } from './ledger-metrics.ts';
import type { HealthBoard } from './health.ts';
import { registerModelMetrics, type ModelFigures } from './model-metrics.ts';
import { registerPartMetrics } from './part-metrics.ts';
import type { RunDataSummary } from './run-data.ts';
import { registerTraceMetrics, type SpanFigures } from './trace-metrics.ts';
import type { Vitals } from './vitals.ts';
import type { Watched } from './watched.ts';
import type { WorkMeter } from './work-meter.ts';

export interface Metrics {
  /** One answered request: the route's key (never its path), status and time. */
  observeRequest(request: { readonly route: string; readonly status: number; readonly ms: number }): void;
  /** A request for devices was granted. @param waitMs since it could run */
  observeGpuWait(waitMs: number): void;
  /** All metrics as Prometheus reads them. */
  read(): Promise<string>;
}

export interface MetricsParts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly sockets: () => number;
  /** Attempts in flight, ready steps that wait, live instances. */
  readonly engine: () => { readonly running: number; readonly ready: number; readonly lives: number };
  readonly isReady: () => boolean;
  readonly runData: () => RunDataSummary | undefined;
  /** As seen last. */
  readonly gpus: () => readonly Gpu[];
  readonly models: () => readonly ModelFigures[];
  readonly ledger: LedgerFigures;
  readonly meter: Pick<WorkMeter, 'lines'>;
  readonly vitals: Pick<Vitals, 'read'>;
  readonly watched: Watched;
  readonly shadow: HealthBoard['shadow'];
  readonly alerts: () => readonly AlertFigures[];
  readonly logLines: () => Readonly<Record<string, number>>;
  /** Spans of traces, by what became of them; undefined: none are made. */
  readonly traces?: (() => SpanFigures) | undefined;
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
  const slots = new Gauge({
    name: 'studio_queue_slots',
    help: 'Jobs that may run at once, by queue; adaptive queues find it themselves',
    labelNames: ['queue'],
    registers,
  });
  const sockets = new Gauge({ name: 'studio_sockets', help: 'Open live connections', registers });
  const ready = new Gauge({ name: 'studio_ready', help: '1: it answers and every required part is up', registers });
  const info = new Gauge({ name: 'studio_build_info', help: 'Always 1; its label tells the version', labelNames: ['version'], registers });
  info.set({ version: parts.version }, 1);
  const steps = new Gauge({ name: 'studio_steps', help: 'Steps in this process, by state', labelNames: ['state'], registers });
  const lives = new Gauge({ name: 'studio_instances_live', help: 'Instances that this process holds', registers });
  const runDataBytes = new Gauge({ name: 'studio_run_data_bytes', help: 'What instances take of the database', registers });
  const runDataBudget = new Gauge({ name: 'studio_run_data_budget_bytes', help: 'What they may take; 0: no limit', registers });
  const runDataPartitions = new Gauge({ name: 'studio_run_data_partitions', help: 'Partitions of run data', registers });
  const runDataHeld = new Gauge({ name: 'studio_run_data_held_partitions', help: 'Partitions past the longest retention that instances hold', registers });
  const logLines = new Counter({ name: 'studio_log_lines_total', help: 'Lines that were logged, by level', labelNames: ['level'], registers });

  registerGpuMetrics(registry, parts.gpus);
  const observeGpuWait = registerLedgerMetrics(registry, parts.ledger);
  registerModelMetrics(registry, parts.models);
  registerShadowMetrics(registry, parts.shadow);
  const setParts = registerPartMetrics(registry, { clock, watched: parts.watched });
  registerAlertMetrics(registry, parts.alerts);

  const setTraces = parts.traces === undefined ? undefined : registerTraceMetrics(registry, parts.traces);

  async function sample(): Promise<void> {
    sockets.set(parts.sockets());
    ready.set(parts.isReady() ? 1 : 0);
    const engine = parts.engine();
    steps.set({ state: 'running' }, engine.running);
    steps.set({ state: 'ready' }, engine.ready);
    lives.set(engine.lives);
    logLines.reset();
    for (const [level, count] of Object.entries(parts.logLines())) logLines.inc({ level }, count);
    setTraces?.();
    const runData = parts.runData();
    if (runData !== undefined) {
      runDataBytes.set(runData.bytes);
      runDataBudget.set(runData.budgetBytes ?? 0);
      runDataPartitions.set(runData.partitions);
      runDataHeld.set(runData.held);
    }
    setParts(await parts.vitals.read());
    try {
      slots.reset();
      for (const queue of await listWork(sql, clock.now())) slots.set({ queue: queue.name }, queue.slots);
    } catch (error) {
      // What the process knows by itself is still worth reading.
      log.debug({ cause: messageOf(error) }, 'metrics without the database');
    }
  }

  return {
    observeRequest({ route, status, ms }) {
      latency.observe({ route }, ms / 1_000);
      answers.inc({ route, status: `${Math.floor(status / 100)}xx` });
    },
    observeGpuWait,
    async read() {
      await sample();
      return `${asUntyped(await registry.metrics())}${parts.meter.lines().join('\n')}\n`;
    },
  };
}

/** `_total` is for what only grows. Gauges whose names were given (runner_gpu_total, and Node's own handles) say that they are no counters. */
function asUntyped(text: string): string {
  return text.replaceAll(/^# TYPE (\S+_total) gauge$/gm, '# TYPE $1 untyped');
}
