/** Rows of commands: what a process that does not own an instance asks its owner to do. The owner polls, and is woken by the announcement. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import type { Sql } from './client.ts';

export interface NewCommand {
  readonly id: string;
  readonly orgId: string;
  readonly instanceId: string;
  readonly kind: string;
  readonly payload: Json;
}

export async function insertCommand(sql: Sql, command: NewCommand): Promise<void> {
  await sql.query(`insert into commands (id, org_id, instance_id, kind, payload) values ($1, $2, $3, $4, $5::jsonb)`, [
    command.id,
    command.orgId,
    command.instanceId,
    command.kind,
    // A text of JSON: what was called may hold U+0000, which jsonb refuses in a string of its own.
    JSON.stringify(JSON.stringify(command.payload)),
  ]);
}

/** Open commands for instances of this owner, oldest first. */
export async function listOpenCommands(sql: Sql, query: { readonly epoch: number; readonly limit: number }): Promise<NewCommand[]> {
  const { rows } = await sql.query<{ id: string; org_id: string; instance_id: string; kind: string; payload: string }>(
    `select c.id, c.org_id, c.instance_id, c.kind, c.payload from commands c join instances i on i.id = c.instance_id
     where c.done_at is null and i.owner_epoch = $1 order by c.id limit $2`,
    [query.epoch, query.limit],
  );
  return rows.map((row) => ({ id: row.id, orgId: row.org_id, instanceId: row.instance_id, kind: row.kind, payload: JSON.parse(row.payload) as Json }));
}

/** The refusal of a command, as its sender will throw it. */
export interface CommandError {
  readonly code: string;
  readonly message: string;
}

export async function finishCommand(
  sql: Sql,
  command: { readonly id: string; readonly error: CommandError | undefined; readonly effect: string | undefined },
): Promise<void> {
  await sql.query(`update commands set done_at = now(), error = $2::jsonb, effect = $3 where id = $1 and done_at is null`, [
    command.id,
    command.error === undefined ? null : JSON.stringify(command.error),
    command.effect ?? null,
  ]);
}

/** @returns undefined while it is open */
export async function readCommandResult(sql: Sql, id: string): Promise<{ readonly error: Failure | null; readonly effect: string | null } | undefined> {
  const { rows } = await sql.query<{ done: boolean; error: Failure | null; effect: string | null }>(
    `select done_at is not null as done, error, effect from commands where id = $1`,
    [id],
  );
  const row = rows[0];
  if (row === undefined) return { error: null, effect: null };
  return row.done ? { error: row.error, effect: row.effect } : undefined;
}

/** Takes an open command back. @returns false when its owner was faster */
export async function withdrawCommand(sql: Sql, id: string): Promise<boolean> {
  const { rowCount } = await sql.query(`delete from commands where id = $1 and done_at is null`, [id]);
  return rowCount === 1;
}
