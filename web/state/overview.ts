/** What the overview shows: what runs, what waits and why, what failed lately, how busy the machine is and what it costs. Short lists, read together. */
import { call } from '../api.ts';
import { failedLines, runningLines, waitingLines } from './work-lines.ts';
import type { WorkLine } from './work-lines.ts';
import type { ItemOf } from '../api.ts';
import type { Costs } from '../../src/contract/costs.ts';
import type { ReplyOf } from '../../src/contract/index.ts';

export interface WorkView {
  readonly running: WorkList;
  readonly waiting: WorkList;
  readonly failed: WorkList;
  readonly cursor: string;
}

export interface WorkList {
  readonly lines: readonly WorkLine[];
  /** Of all that was read. */
  readonly count: number;
  /** More exist than were read. */
  readonly more: boolean;
}

// So many are read: lines that stand for many come from them.
const READ = 60;
const LATELY_MS = 7 * 86_400_000;

/** Reads the lists. The first one's cursor stands for all: what the later ones saw too is only told twice. */
export async function loadWork(nowMs: number, signal: AbortSignal): Promise<WorkView> {
  const since = new Date(nowMs - LATELY_MS).toISOString();
  const instances = (status: string, from?: string) => call('GET /api/v1/instances', { query: { status, limit: READ, since: from }, signal });
  const jobs = (status: string, from?: string) => call('GET /api/v1/jobs', { query: { status, limit: READ, since: from }, signal });
  const running = await instances('running');
  const [waiting, failed, runningJobs, queuedJobs, failedJobs] = await Promise.all([
    instances('pending,waiting,paused'),
    instances('failed', since),
    jobs('running'),
    jobs('queued'),
    jobs('failed,dead', since),
  ]);
  return {
    running: listOf(runningLines(running.items, runningJobs.items), running.next, runningJobs.next),
    waiting: listOf(waitingLines(waiting.items, queuedJobs.items), waiting.next, queuedJobs.next),
    failed: listOf(failedLines(failed.items, failedJobs.items), failed.next, failedJobs.next),
    cursor: running.cursor,
  };
}

function listOf(lines: readonly WorkLine[], ...next: readonly (string | null)[]): WorkList {
  return { lines, count: lines.reduce((sum, line) => sum + line.count, 0), more: next.some((one) => one !== null) };
}

export type Gpu = ItemOf<'GET /api/v1/gpus'>;

/** How the machine stands. */
export interface MachineView {
  readonly queues: readonly ItemOf<'GET /api/v1/queues'>[];
  readonly gpus: readonly Gpu[];
  readonly leases: readonly ItemOf<'GET /api/v1/gpus/leases'>[];
  readonly load: ReplyOf<'GET /api/v1/system/metrics'>;
}

export async function loadMachine(signal: AbortSignal): Promise<MachineView> {
  const query = { limit: 50 };
  const [queues, gpus, leases, load] = await Promise.all([
    call('GET /api/v1/queues', { query, signal }),
    call('GET /api/v1/gpus', { query, signal }),
    call('GET /api/v1/gpus/leases', { query: { limit: 200 }, signal }),
    call('GET /api/v1/system/metrics', { query: { minutes: 60 }, signal }),
  ]);
  return { queues: queues.items, gpus: gpus.items, leases: leases.items, load };
}

/** What the last day cost. */
export function loadCost(nowMs: number, signal: AbortSignal): Promise<Costs> {
  return call('GET /api/v1/costs', { query: { since: new Date(nowMs - 86_400_000).toISOString() }, signal });
}
