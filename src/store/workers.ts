/** Rows of workers: who claims jobs, and when it was last heard of. */
import type * as z from 'zod';
import type { worker } from '../contract/workers.ts';
import type { Sql } from './client.ts';

export type Worker = z.infer<typeof worker>;

export interface WorkerBeat {
  readonly id: string;
  /** Part of the Studio whose jobs it runs, or a process that only runs jobs. */
  readonly isBuiltIn: boolean;
  readonly host: string;
  readonly pid: number;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly startedAtMs: number;
  readonly nowMs: number;
}

/** Says that the worker lives. */
export async function beatWorker(sql: Sql, beat: WorkerBeat): Promise<void> {
  await sql.query(
    `insert into workers (id, built_in, host, pid, queues, slots, started_at, beat_at)
     values ($1, $8, $2, $3, $4, $5, to_timestamp($6::float8 / 1000), to_timestamp($7::float8 / 1000))
     on conflict (id) do update set host = excluded.host, pid = excluded.pid, queues = excluded.queues, slots = excluded.slots, started_at = excluded.started_at, beat_at = excluded.beat_at,
       built_in = excluded.built_in`,
    [beat.id, beat.host, beat.pid, [...beat.queues], beat.slots, beat.startedAtMs, beat.nowMs, beat.isBuiltIn],
  );
}

/** Newest first, with the ids of the jobs each runs: ask on the engine's connection. */
export async function listWorkers(sql: Sql): Promise<Worker[]> {
  const { rows } = await sql.query<{
    id: string;
    built_in: boolean;
    host: string;
    pid: number;
    queues: string[];
    slots: number;
    started_at: Date;
    beat_at: Date;
    running: string[];
  }>(
    `select id, built_in, host, pid, queues, slots, started_at, beat_at,
       array(select jobs.id from jobs where worker_id = workers.id and status = 'running' order by jobs.id limit 1000) as running
     from workers order by id desc limit 1000`,
  );
  return rows.map((row) => ({
    id: row.id,
    builtIn: row.built_in,
    host: row.host,
    pid: row.pid,
    queues: row.queues,
    slots: row.slots,
    running: row.running,
    lastBeatAt: row.beat_at.toISOString(),
    startedAt: row.started_at.toISOString(),
  }));
}

/** Whether another worker was heard of since `sinceMs`. */
export async function hasOtherWorkers(sql: Sql, query: { readonly exceptId: string; readonly sinceMs: number }): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(
    `select exists (select 1 from workers where id <> $1 and beat_at > to_timestamp($2::float8 / 1000)) as found`,
    [query.exceptId, query.sinceMs],
  );
  return rows[0]?.found === true;
}

/** Forgets workers that were silent since `beforeMs` and hold no job. */
export async function deleteSilentWorkers(sql: Sql, beforeMs: number): Promise<void> {
  await sql.query(
    `delete from workers where beat_at < to_timestamp($1::float8 / 1000) and not exists (select 1 from jobs where worker_id = workers.id and status = 'running')`,
    [beforeMs],
  );
}
