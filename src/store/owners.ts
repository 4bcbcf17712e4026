/** Rows of owners: one a running Studio process. Its epoch fences its writes: whoever takes its instances over deletes the row first,
 *  which waits for the batch in flight and makes every later one fail. */
import type { Sql } from './client.ts';

export interface Owner {
  readonly id: string;
  readonly epoch: number;
}

export interface ProcessFacts {
  /** Machine, boot and pid namespace: only there do pids mean anything. */
  readonly host: string;
  readonly pid: number;
  readonly pidStarted: string;
}

export async function insertOwner(sql: Sql, owner: ProcessFacts & { readonly id: string }): Promise<Owner> {
  const { rows } = await sql.query<{ epoch: number }>(`insert into owners (id, host, pid, pid_started) values ($1, $2, $3, $4) returning epoch`, [
    owner.id,
    owner.host,
    owner.pid,
    owner.pidStarted,
  ]);
  const row = rows[0];
  if (row === undefined) throw new Error('owner row was not returned');
  return { id: owner.id, epoch: row.epoch };
}

/** @returns false when this owner was declared dead */
export async function beatOwner(sql: Sql, owner: Owner): Promise<boolean> {
  const { rowCount } = await sql.query(`update owners set beat_at = clock_timestamp() where id = $1 and epoch = $2`, [owner.id, owner.epoch]);
  return rowCount === 1;
}

export interface OwnerRow extends Owner, ProcessFacts {
  /** By the database's clock. */
  readonly silentMs: number;
}

export async function listOwners(sql: Sql): Promise<OwnerRow[]> {
  const { rows } = await sql.query<{ id: string; epoch: number; host: string; pid: number; pid_started: string; silent_ms: number }>(
    `select id, epoch, host, pid, pid_started, (extract(epoch from clock_timestamp() - beat_at) * 1000)::float8 as silent_ms from owners order by epoch`,
  );
  return rows.map((row) => ({ id: row.id, epoch: row.epoch, host: row.host, pid: row.pid, pidStarted: row.pid_started, silentMs: row.silent_ms }));
}

/** Declares owners dead; from then on they commit nothing. A row that beat meanwhile (silent for less than `minSilentMs`) stays. */
export async function deleteOwners(sql: Sql, epochs: readonly number[], minSilentMs: number): Promise<number[]> {
  const { rows } = await sql.query<{ epoch: number }>(
    `delete from owners where epoch = any($1::bigint[]) and beat_at <= clock_timestamp() - make_interval(secs => $2::float8 / 1000) returning epoch`,
    [[...epochs], minSilentMs],
  );
  return rows.map((row) => row.epoch);
}

/** Whether this owner still counts. */
export async function isOwner(sql: Sql, owner: Owner): Promise<boolean> {
  const { rows } = await sql.query(`select 1 as one from owners where id = $1 and epoch = $2`, [owner.id, owner.epoch]);
  return rows.length === 1;
}
