/** Rows of queues, and how full they are. */
import type { Queue } from '../contract/queues.ts';
import type { QueueState } from '../contract/values.ts';
import { hot, type Sql } from './client.ts';
import { writeEvents } from './outbox.ts';

interface QueueRow {
  name: string;
  state: QueueState;
  slots: number;
  adaptive: boolean;
  default_gpus: number;
  max_pending: number;
  default_timeout_ms: number;
  pending: number;
  running: number;
}

// Downloads are no jobs, but wait on a queue. Counting goes through partial indexes; LIMIT: exact up to a million queued jobs in well under a second, then keep counters.
const QUEUE = `name, state, slots, adaptive, default_gpus, max_pending, default_timeout_ms,
  (select count(*) from jobs where queue = queues.name and status = 'queued')
    + case name when 'downloads.huggingface' then (select count(*) from downloads where status = 'queued') else 0 end as pending,
  (select count(*) from jobs where queue = queues.name and status = 'running')
    + case name when 'downloads.huggingface' then (select count(*) from downloads where status = 'running') else 0 end as running`;

/** By name, counts over all orgs: ask on the engine's connection. */
export async function listQueues(sql: Sql): Promise<Queue[]> {
  const { rows } = await sql.query<QueueRow>(`select ${QUEUE} from queues order by name limit 1000`);
  return rows.map(toQueue);
}

export async function readQueue(sql: Sql, name: string): Promise<Queue | undefined> {
  const { rows } = await sql.query<QueueRow>(`select ${QUEUE} from queues where name = $1`, [name]);
  return rows[0] === undefined ? undefined : toQueue(rows[0]);
}

/** What a submission has to know of a queue. `pending` is counted up to one beyond its limit. */
export async function readQueueForSubmit(sql: Sql, name: string): Promise<Pick<Queue, 'state' | 'defaultGpus' | 'maxPending' | 'pending'> | undefined> {
  const { rows } = await sql.query<Pick<QueueRow, 'state' | 'default_gpus' | 'max_pending' | 'pending'>>(
    hot(`select state, default_gpus, max_pending, (select count(*) from (select 1 from jobs where queue = $1 and status = 'queued'
       limit (select max_pending + 1 from queues where name = $1)) as waiting) as pending from queues where name = $1`),
    [name],
  );
  const [row] = rows;
  return row === undefined ? undefined : { state: row.state, defaultGpus: row.default_gpus, maxPending: row.max_pending, pending: row.pending };
}

/** Which of these names are queues, and how many devices each gives a job that does not say. */
export async function findQueues(sql: Sql, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query<{ name: string; default_gpus: number }>('select name, default_gpus from queues where name = any($1)', [[...new Set(names)]]);
  return new Map(rows.map((row) => [row.name, row.default_gpus]));
}

/** The queues a worker has to look at: state, slots, and whether something could be claimed now. */
export async function listWork(sql: Sql, nowMs: number): Promise<{ name: string; slots: number; adaptive: boolean; hasWork: boolean }[]> {
  const { rows } = await sql.query<{ name: string; slots: number; adaptive: boolean; has_work: boolean }>(
    `select name, slots, adaptive, state = 'running' and exists (
       select 1 from jobs where queue = queues.name and status = 'queued' and blocked_by = 0 and (not_before is null or not_before <= to_timestamp($1::float8 / 1000))) as has_work
     from queues order by name limit 1000`,
    [nowMs],
  );
  return rows.map((row) => ({ name: row.name, slots: row.slots, adaptive: row.adaptive, hasWork: row.has_work }));
}

export interface QueueChange {
  readonly name: string;
  readonly state?: QueueState | undefined;
  readonly slots?: number | undefined;
  readonly adaptive?: boolean | undefined;
  readonly defaultGpus?: number | undefined;
  readonly maxPending?: number | undefined;
  readonly defaultTimeoutMs?: number | undefined;
  /** Undefined: Studio itself changes it. */
  readonly requestId?: string | undefined;
}

/** Gives a queue the slots that fit the machine, while nobody has changed it. */
export async function sizeUntouchedQueue(sql: Sql, queue: { readonly name: string; readonly slots: number }): Promise<void> {
  await sql.query(`update queues set slots = $2 where name = $1 and seq = 0 and slots <> $2`, [queue.name, queue.slots]);
}

/** Changes a queue, or makes it with the usual values where none are given. */
export async function upsertQueue(sql: Sql, change: QueueChange): Promise<Queue> {
  const { rows } = await sql.query<{ seq: number }>(
    `insert into queues (name, state, slots, max_pending, default_timeout_ms, adaptive, default_gpus, seq)
     values ($1, coalesce($2, 'running'), coalesce($3, 1), coalesce($4, 100000), coalesce($5, 3600000), coalesce($6, false), coalesce($7, 0), 1)
     on conflict (name) do update set state = coalesce($2, queues.state), slots = coalesce($3, queues.slots), max_pending = coalesce($4, queues.max_pending),
       default_timeout_ms = coalesce($5, queues.default_timeout_ms), adaptive = coalesce($6, queues.adaptive), default_gpus = coalesce($7, queues.default_gpus), seq = queues.seq + 1
     returning seq`,
    [
      change.name,
      change.state ?? null,
      change.slots ?? null,
      change.maxPending ?? null,
      change.defaultTimeoutMs ?? null,
      change.adaptive ?? null,
      change.defaultGpus ?? null,
    ],
  );
  const queue = await readQueue(sql, change.name);
  if (queue === undefined || rows[0] === undefined) throw new Error(`queue ${change.name} did not come back from its update`);
  await writeEvents(sql, [
    {
      kind: 'queue',
      id: change.name,
      sequence: rows[0].seq,
      type: 'jobs:queue:changed',
      orgId: null,
      payload: { ...queue },
      ...(change.requestId === undefined ? {} : { requestId: change.requestId }),
    },
  ]);
  return queue;
}

/** How many jobs wait in the queue, counted up to `limit`. */
export async function countPending(sql: Sql, queue: { readonly name: string; readonly limit: number }): Promise<number> {
  const { rows } = await sql.query<{ pending: number }>(
    `select count(*) as pending from (select 1 from jobs where queue = $1 and status = 'queued' limit $2) as waiting`,
    [queue.name, queue.limit],
  );
  return rows[0]?.pending ?? 0;
}

function toQueue(row: QueueRow): Queue {
  return {
    name: row.name,
    state: row.state,
    slots: row.slots,
    adaptive: row.adaptive,
    defaultGpus: row.default_gpus,
    maxPending: row.max_pending,
    defaultTimeoutMs: row.default_timeout_ms,
    pending: row.pending,
    running: row.running,
  };
}
