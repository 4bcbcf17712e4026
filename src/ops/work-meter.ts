/** Counts the work of this process: steps, instances, jobs, requests, commits. Told by engine, jobs and http, asked by metrics, history and alerts.
 *  Pure counting, bounded by the number of queues and states; keeps no ids. One thing to know: it counts what stands, never what was tried. */
import type { JobStatus } from '../contract/values.ts';
import { isTerminalInstance, isTerminalStep } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import type { InstanceUpdate, StepWrite } from '../store/journal.ts';
import { createBuckets, type Buckets } from './buckets.ts';

/** A commit of the engine's journal that stands. */
export interface CommittedWork {
  readonly ms: number;
  readonly groups: readonly { readonly steps: ReadonlyMap<string, StepWrite>; readonly instance: InstanceUpdate | undefined }[];
}

export interface EndedJobWork {
  readonly queue: string;
  readonly status: JobStatus;
  readonly attempt: number;
  readonly step: object | undefined;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface WorkMeter {
  committed(commit: CommittedWork): void;
  jobEnded(attempt: EndedJobWork): void;
  requestAnswered(status: number): void;
  downloaded(bytes: number): void;
  /** Share of steps and jobs that failed, of all that ended in the last five minutes, 0 to 1; 0 when nothing ended. */
  errorRate(): number;
  totals(): WorkTotals;
  /** As Prometheus reads it. */
  lines(): readonly string[];
}

/** Since Studio started. */
export interface WorkTotals {
  readonly requests: number;
  readonly failedRequests: number;
  readonly steps: number;
  readonly instances: number;
  readonly jobs: number;
}

const WINDOW_MINUTES = 5;
const MINUTE_MS = 60_000;
/** A machine has a dozen queues; a label can't grow beyond this. */
const MAX_QUEUES = 200;
const LATENCY = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];
const FLUSH = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const BATCH = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const FAILED = new Set<string>(['failed', 'timed_out', 'dead']);

interface QueueWork {
  readonly ended: Map<string, number>;
  readonly ran: Buckets;
  readonly dispatched: Buckets;
}

export function createWorkMeter(clock: Pick<Clock, 'monotonic'>): WorkMeter {
  const steps = new Map<string, number>();
  const instances = new Map<string, number>();
  const queues = new Map<string, QueueWork>();
  const stepTime = createBuckets(LATENCY);
  const flush = createBuckets(FLUSH);
  const batch = createBuckets(BATCH);
  const window = createWindow(clock);
  let requests = 0;
  let failedRequests = 0;
  let jobs = 0;
  let bytes = 0;

  const queueOf = (name: string): QueueWork => {
    const key = queues.has(name) || queues.size < MAX_QUEUES ? name : 'other';
    const made = queues.get(key) ?? { ended: new Map(), ran: createBuckets(LATENCY), dispatched: createBuckets(LATENCY) };
    queues.set(key, made);
    return made;
  };
  return {
    committed({ ms, groups }) {
      flush.observe(ms / 1_000);
      batch.observe(groups.length);
      for (const { steps: writes, instance } of groups) {
        for (const { status, startedAt, endedAt } of writes.values()) {
          if (!isTerminalStep(status)) continue;
          count(steps, status);
          window.add(FAILED.has(status));
          if (startedAt !== null && endedAt !== null) stepTime.observe(Math.max(0, endedAt - startedAt) / 1_000);
        }
        if (instance !== undefined && isTerminalInstance(instance.status)) count(instances, instance.status);
      }
    },
    jobEnded({ queue, status, attempt, step, createdMs, startedMs, endedMs }) {
      const work = queueOf(queue);
      count(work.ended, status);
      work.ran.observe(Math.max(0, endedMs - startedMs) / 1_000);
      // Later attempts waited for their backoff, too.
      if (attempt === 1) work.dispatched.observe(Math.max(0, startedMs - createdMs) / 1_000);
      // A step's end is counted with its step.
      if (step === undefined) window.add(FAILED.has(status));
      jobs += 1;
    },
    requestAnswered(status) {
      requests += 1;
      if (status >= 500) failedRequests += 1;
    },
    downloaded(count) {
      bytes += count;
    },
    errorRate: window.rate,
    totals: () => ({ requests, failedRequests, steps: sum(steps), instances: sum(instances), jobs }),
    lines: () => [
      ...family('env_error_rate', 'gauge', 'Share of steps and jobs that failed, of all that ended in the last five minutes', [
        `env_error_rate ${window.rate()}`,
      ]),
      ...family('studio_steps_total', 'counter', 'Steps that ended, by how', labelled('studio_steps_total', 'status', steps)),
      ...family('studio_step_seconds', 'histogram', 'How long steps took, from their start to their end', stepTime.lines('studio_step_seconds')),
      ...family('studio_instances_total', 'counter', 'Instances that ended, by how', labelled('studio_instances_total', 'status', instances)),
      ...family('studio_journal_flush_seconds', 'histogram', 'How long a commit of the journal took', flush.lines('studio_journal_flush_seconds')),
      ...family('studio_journal_batch_groups', 'histogram', 'Transitions that went into one commit', batch.lines('studio_journal_batch_groups')),
      ...family(
        'studio_jobs_total',
        'counter',
        'Jobs that ended, by queue and how',
        [...queues].flatMap(([queue, { ended }]) =>
          [...ended].map(([status, value]) => `studio_jobs_total{queue="${escape(queue)}",status="${status}"} ${value}`),
        ),
      ),
      ...family(
        'studio_job_seconds',
        'histogram',
        'How long attempts of jobs ran, by queue',
        [...queues].flatMap(([queue, { ran }]) => ran.lines('studio_job_seconds', `queue="${escape(queue)}"`)),
      ),
      ...family(
        'studio_dispatch_seconds',
        'histogram',
        'From when a job was made until it started, by queue',
        [...queues].flatMap(([queue, { dispatched }]) => dispatched.lines('studio_dispatch_seconds', `queue="${escape(queue)}"`)),
      ),
      ...family('studio_download_bytes_total', 'counter', 'Bytes of models that were downloaded', [`studio_download_bytes_total ${bytes}`]),
    ],
  };
}

/** Ends of the last five minutes, a bucket a minute. */
function createWindow(clock: Pick<Clock, 'monotonic'>): { add(isFailed: boolean): void; rate(): number } {
  const slots = Array.from({ length: WINDOW_MINUTES }, () => ({ minute: -1, ended: 0, failed: 0 }));
  const now = (): number => Math.floor(clock.monotonic() / MINUTE_MS);
  return {
    add(isFailed) {
      const minute = now();
      const slot = slots[minute % WINDOW_MINUTES];
      if (slot === undefined) return;
      if (slot.minute !== minute) Object.assign(slot, { minute, ended: 0, failed: 0 });
      slot.ended += 1;
      if (isFailed) slot.failed += 1;
    },
    rate() {
      const young = slots.filter(({ minute }) => minute > now() - WINDOW_MINUTES && minute >= 0);
      const ended = young.reduce((total, slot) => total + slot.ended, 0);
      return ended === 0 ? 0 : young.reduce((total, slot) => total + slot.failed, 0) / ended;
    },
  };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, value) => total + value, 0);
}

/** A metric with its HELP and TYPE. */
export function family(name: string, type: 'counter' | 'gauge' | 'histogram' | 'untyped', help: string, lines: readonly string[]): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}

function labelled(name: string, label: string, counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].map(([key, value]) => `${name}{${label}="${escape(key)}"} ${value}`);
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
