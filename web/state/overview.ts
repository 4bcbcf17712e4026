/** What the overview shows of work: what runs, what waits and why, what failed and what finished lately. Short lists, read together. */
import { call } from '../api.ts';
import type { InstanceSummary } from '../../src/contract/instances.ts';
import type { Job } from '../../src/contract/jobs.ts';
import type { ItemOf } from '../api.ts';

export interface WorkView {
  readonly running: readonly InstanceSummary[];
  readonly waiting: readonly InstanceSummary[];
  readonly queuedJobs: readonly Job[];
  readonly failed: readonly InstanceSummary[];
  readonly completed: readonly InstanceSummary[];
  /** More exist than are listed. */
  readonly more: Readonly<Record<'running' | 'waiting' | 'queuedJobs' | 'failed' | 'completed', boolean>>;
  readonly cursor: string;
}

// As many rows as a card shows without scrolling.
const ROWS = 8;
const LATELY_MS = 7 * 86_400_000;

/** Reads the lists. The first one's cursor stands for all: what the later ones saw too is only told twice. */
export async function loadWork(nowMs: number, signal: AbortSignal): Promise<WorkView> {
  const instances = (status: string, since?: string) => call('GET /api/v1/instances', { query: { status, limit: ROWS, since }, signal });
  const running = await instances('running');
  const since = new Date(nowMs - LATELY_MS).toISOString();
  const [waiting, failed, completed, jobs] = await Promise.all([
    instances('pending,waiting,paused'),
    instances('failed', since),
    instances('completed', since),
    call('GET /api/v1/jobs', { query: { status: 'queued', limit: ROWS }, signal }),
  ]);
  return {
    running: running.items,
    waiting: waiting.items,
    queuedJobs: jobs.items,
    failed: failed.items,
    completed: completed.items,
    more: {
      running: running.next !== null,
      waiting: waiting.next !== null,
      queuedJobs: jobs.next !== null,
      failed: failed.next !== null,
      completed: completed.next !== null,
    },
    cursor: running.cursor,
  };
}

/** Why something waits, as a sentence; every waiting thing says one. */
export function waitWords(thing: {
  readonly status: string;
  readonly waiting?: { readonly message: string } | undefined;
  readonly waitReason?: { readonly message: string } | undefined;
}): string {
  const said = thing.waiting?.message ?? thing.waitReason?.message;
  if (said !== undefined) return said;
  if (thing.status === 'paused') return 'Paused by hand; resume it to go on.';
  return thing.status === 'pending' ? 'Not started yet.' : 'Waiting for a free slot.';
}

export type Gpu = ItemOf<'GET /api/v1/gpus'>;

/** What machine parts the overview shows beside health. */
export interface MachineView {
  readonly queues: readonly ItemOf<'GET /api/v1/queues'>[];
  readonly gpus: readonly Gpu[];
}

export async function loadMachine(signal: AbortSignal): Promise<MachineView> {
  const [queues, gpus] = await Promise.all([
    call('GET /api/v1/queues', { query: { limit: 50 }, signal }),
    call('GET /api/v1/gpus', { query: { limit: 50 }, signal }),
  ]);
  return { queues: queues.items, gpus: gpus.items };
}
