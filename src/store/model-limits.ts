/** What is used of the limits of models, by key and organisation: one truth for all processes, kept over restarts. What counts as too much is models/gateway-limits.ts.
 *  Times are wall time in ms; what is used of a minute goes down with them. */
import type { Sql } from './client.ts';

export interface LimitUse {
  readonly subject: string;
  /** Of a minute's allowance, at `atMs`. */
  readonly requests: number;
  readonly tokens: number;
  readonly atMs: number;
}

/** Makes rows where there are none, and locks them all until the transaction ends, always in one order. */
export async function lockLimitUses(sql: Sql, subjects: readonly string[], nowMs: number): Promise<readonly LimitUse[]> {
  const lock = async (): Promise<readonly LimitUse[]> => {
    const { rows } = await sql.query<{ subject: string; requests: number; tokens: number; at_ms: number }>(
      `select subject, requests, tokens, (extract(epoch from at) * 1000)::float8 as at_ms from model_limits_used where subject = any($1::text[]) order by subject for update`,
      [subjects],
    );
    return rows.map(({ at_ms: atMs, ...row }) => ({ ...row, atMs }));
  };
  const found = await lock();
  if (found.length === subjects.length) return found;
  await sql.query(
    `insert into model_limits_used (subject, requests, tokens, at, free_at)
     select s, 0, 0, to_timestamp($2::float8 / 1000), to_timestamp($2::float8 / 1000) from unnest($1::text[]) s order by s on conflict (subject) do nothing`,
    [subjects, nowMs],
  );
  return lock();
}

/** As it stands, without a lock; undefined while nothing of it is left. */
export async function readLimitUse(sql: Sql, subject: string): Promise<LimitUse | undefined> {
  const { rows } = await sql.query<{ requests: number; tokens: number; at_ms: number }>(
    `select requests, tokens, (extract(epoch from at) * 1000)::float8 as at_ms from model_limits_used where subject = $1`,
    [subject],
  );
  const [row] = rows;
  return row === undefined ? undefined : { subject, requests: row.requests, tokens: row.tokens, atMs: row.at_ms };
}

/** @param freeAtMs when nothing of it is left */
export async function writeLimitUses(sql: Sql, uses: readonly (LimitUse & { readonly freeAtMs: number })[]): Promise<void> {
  await sql.query(
    `update model_limits_used u set requests = n.requests, tokens = n.tokens, at = to_timestamp(n.at_ms / 1000), free_at = to_timestamp(n.free_ms / 1000)
     from unnest($1::text[], $2::float8[], $3::float8[], $4::float8[], $5::float8[]) as n (subject, requests, tokens, at_ms, free_ms) where u.subject = n.subject`,
    [
      uses.map(({ subject }) => subject),
      uses.map(({ requests }) => requests),
      uses.map(({ tokens }) => tokens),
      uses.map(({ atMs }) => atMs),
      uses.map(({ freeAtMs }) => freeAtMs),
    ],
  );
}

/** What runs of each, in processes that were seen since. */
export async function countRunning(sql: Sql, subjects: readonly string[], seenSinceMs: number): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query<{ subject: string; count: number }>(
    `select subject, sum(count)::int as count from model_limits_running
     where subject = any($1::text[]) and seen_at > to_timestamp($2::float8 / 1000) group by subject`,
    [subjects, seenSinceMs],
  );
  return new Map(rows.map(({ subject, count }) => [subject, count]));
}

export async function addRunning(
  sql: Sql,
  subjects: readonly string[],
  by: { readonly process: string; readonly count: number; readonly nowMs: number },
): Promise<void> {
  await sql.query(
    `insert into model_limits_running (subject, process, count, seen_at)
     select s, $2, greatest(0, $3::int), to_timestamp($4::float8 / 1000) from unnest($1::text[]) s order by s
     on conflict (subject, process) do update set count = greatest(0, model_limits_running.count + $3::int), seen_at = excluded.seen_at`,
    [subjects, by.process, by.count, by.nowMs],
  );
}

/** A sign of life of what a process counts, and an end to rows that say nothing any more. */
export async function beatRunning(sql: Sql, process: string, times: { readonly nowMs: number; readonly staleMs: number }): Promise<void> {
  await sql.query(`update model_limits_running set seen_at = to_timestamp($2::float8 / 1000) where process = $1`, [process, times.nowMs]);
  await sql.query(`delete from model_limits_running where seen_at < to_timestamp($1::float8 / 1000) or (process = $2 and count = 0)`, [times.staleMs, process]);
  await sql.query(`delete from model_limits_used where free_at < to_timestamp($1::float8 / 1000)`, [times.nowMs]);
}

export async function deleteRunning(sql: Sql, process: string): Promise<void> {
  await sql.query(`delete from model_limits_running where process = $1`, [process]);
}
