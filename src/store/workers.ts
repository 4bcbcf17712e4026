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
  /** That it knows the shared secret; null: it is the Studio's own. */
  readonly proof: string | null;
}

/** Whether it may take jobs: not yet, yes, or why not. */
export type Admission = { readonly state: 'waiting' | 'joined' } | { readonly state: 'refused'; readonly reason: string };

/** Why it may not take jobs: what a person decided goes before what its proof is worth. */
const REFUSAL = `case when workers.shut_out_at is null then workers.refusal else concat_ws(': ', 'an administrator shut it out', nullif(workers.shut_out_reason, '')) end`;

/** Says that the worker lives. Another proof than before is judged anew, and so is a start after a refusal. */
export async function beatWorker(sql: Sql, beat: WorkerBeat): Promise<Admission> {
  const { rows } = await sql.query<{ joined: boolean; refusal: string | null }>(
    `insert into workers (id, built_in, host, pid, queues, slots, started_at, beat_at, proof)
     values ($1, $8, $2, $3, $4, $5, to_timestamp($6::float8 / 1000), to_timestamp($7::float8 / 1000), $9)
     on conflict (id) do update set host = excluded.host, pid = excluded.pid, queues = excluded.queues, slots = excluded.slots, started_at = excluded.started_at, beat_at = excluded.beat_at,
       built_in = excluded.built_in, proof = excluded.proof,
       joined_at = case when workers.proof is not distinct from excluded.proof then workers.joined_at end,
       refusal = case when workers.proof is not distinct from excluded.proof and workers.started_at = excluded.started_at then workers.refusal end
     returning built_in or joined_at is not null as joined, ${REFUSAL} as refusal`,
    [beat.id, beat.host, beat.pid, [...beat.queues], beat.slots, beat.startedAtMs, beat.nowMs, beat.isBuiltIn, beat.proof],
  );
  const [row] = rows;
  if (row?.refusal != null) return { state: 'refused', reason: row.refusal };
  return { state: row?.joined === true ? 'joined' : 'waiting' };
}

/** Those that ask to join and were neither let in nor refused. */
export async function listUnjudgedWorkers(sql: Sql): Promise<{ readonly id: string; readonly host: string; readonly proof: string | null }[]> {
  const { rows } = await sql.query<{ id: string; host: string; proof: string | null }>(
    `select id, host, proof from workers where not built_in and joined_at is null and refusal is null order by id limit 100`,
  );
  return rows;
}

/** @param verdict `refusal` null: it is let in  @returns false when there is no such worker, or it is the Studio's own */
export async function judgeWorker(sql: Sql, verdict: { readonly id: string; readonly refusal: string | null; readonly now: Date }): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update workers set refusal = $2, joined_at = case when $2::text is null then $3::timestamptz end where id = $1 and not built_in`,
    [verdict.id, verdict.refusal, verdict.now],
  );
  return rowCount === 1;
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
    joined: boolean;
    refusal: string | null;
    shut_out_at: Date | null;
    shut_out_by: string | null;
    shut_out_reason: string | null;
    running: string[];
  }>(
    `select id, built_in, host, pid, queues, slots, started_at, beat_at, (built_in or joined_at is not null) and shut_out_at is null as joined, ${REFUSAL} as refusal,
       shut_out_at, shut_out_by, shut_out_reason,
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
    joined: row.joined,
    ...(row.refusal === null ? {} : { refusal: row.refusal }),
    ...(row.shut_out_at === null ? {} : { shutOut: { at: row.shut_out_at.toISOString(), by: row.shut_out_by ?? '', reason: row.shut_out_reason ?? '' } }),
  }));
}

/** Whether another worker was heard of since `sinceMs`. */
export async function hasOtherWorkers(sql: Sql, query: { readonly exceptId: string; readonly sinceMs: number }): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(
    `select exists (select 1 from workers where id <> $1 and (built_in or joined_at is not null) and shut_out_at is null and beat_at > to_timestamp($2::float8 / 1000)) as found`,
    [query.exceptId, query.sinceMs],
  );
  return rows[0]?.found === true;
}

export interface ShutOut {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  readonly now: Date;
}

/** It takes no more jobs from now on. @returns false when there is no such worker, or it is the Studio's own */
export async function shutOutWorker(sql: Sql, { id, by, reason, now }: ShutOut): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update workers set shut_out_at = coalesce(shut_out_at, $2), shut_out_by = $3, shut_out_reason = $4 where id = $1 and not built_in`,
    [id, now, by, reason],
  );
  return rowCount === 1;
}

/** @returns false when there is no such worker, or nobody had shut it out */
export async function letWorkerIn(sql: Sql, id: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update workers set shut_out_at = null, shut_out_by = null, shut_out_reason = null where id = $1 and shut_out_at is not null`,
    [id],
  );
  return rowCount === 1;
}

/** Forgets workers that were silent since `beforeMs` and hold no job; who was shut out stays so. */
export async function deleteSilentWorkers(sql: Sql, beforeMs: number): Promise<void> {
  await sql.query(
    `delete from workers where beat_at < to_timestamp($1::float8 / 1000) and shut_out_at is null and not exists (select 1 from jobs where worker_id = workers.id and status = 'running')`,
    [beforeMs],
  );
}
