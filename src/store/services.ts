/** Rows of services that people define over the API, and how every service ended. Files' definitions are no rows: they stand in the workspace. */
import type { ServiceStatus } from '../contract/services.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';

export interface ServiceRow {
  readonly name: string;
  readonly orgId: string;
  /** As it was checked when it was written. */
  readonly definition: Json;
}

type Exit = ServiceStatus['exits'][number];

/** By name. LIMIT: all of them at once; a machine has dozens. */
export async function listServiceRows(sql: Sql): Promise<ServiceRow[]> {
  const { rows } = await sql.query<ServiceRow>(`select name, org_id as "orgId", definition from services order by name limit 1000`);
  return rows;
}

/** @returns false when the name is taken */
export async function insertService(
  sql: Sql,
  row: { readonly name: string; readonly orgId: string; readonly definition: Json; readonly by: string; readonly now: Date },
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into services (name, org_id, definition, created_by, created_at, updated_at) values ($1, $2, $3, $4, $5, $5) on conflict (name) do nothing`,
    [row.name, row.orgId, JSON.stringify(row.definition), row.by, row.now],
  );
  return rowCount === 1;
}

/** @returns false when there is no such row */
export async function updateService(sql: Sql, row: { readonly name: string; readonly definition: Json; readonly now: Date }): Promise<boolean> {
  const { rowCount } = await sql.query(`update services set definition = $2, updated_at = $3 where name = $1`, [
    row.name,
    JSON.stringify(row.definition),
    row.now,
  ]);
  return rowCount === 1;
}

/** @returns false when there is no such row */
export async function deleteService(sql: Sql, name: string): Promise<boolean> {
  const { rowCount } = await sql.query(`delete from services where name = $1`, [name]);
  return rowCount === 1;
}

/** The last exits of every service, newest first. */
export async function listServiceExits(sql: Sql, perService: number): Promise<ReadonlyMap<string, Exit[]>> {
  const { rows } = await sql.query<{ service: string; at: Date; code: number | null; signal: string | null; uptimeMs: number; lastLines: string[] }>(
    `select service, at, code, signal, uptime_ms as "uptimeMs", last_lines as "lastLines" from (
       select id, service, at, code, signal, uptime_ms, last_lines, row_number() over (partition by service order by id desc) as place from service_exits
     ) as numbered where place <= $1 order by service, id desc`,
    [perService],
  );
  const exits = new Map<string, Exit[]>();
  for (const { service, at, ...row } of rows) exits.set(service, [...(exits.get(service) ?? []), { at: at.toISOString(), ...row }]);
  return exits;
}

/** Adds an exit and drops what is older than the `keep` newest of its service. */
export async function insertServiceExit(
  sql: Sql,
  exit: { readonly id: string; readonly service: string; readonly exit: Exit; readonly keep: number },
): Promise<void> {
  const { at, code, signal, uptimeMs, lastLines } = exit.exit;
  await sql.query(`insert into service_exits (id, service, at, code, signal, uptime_ms, last_lines) values ($1, $2, $3, $4, $5, $6, $7)`, [
    exit.id,
    exit.service,
    at,
    code,
    signal,
    uptimeMs,
    // NUL can't be stored.
    lastLines.map((line) => line.replaceAll('\u0000', '\uFFFD')),
  ]);
  await sql.query(
    `delete from service_exits where service = $1 and id < (select min(id) from (select id from service_exits where service = $1 order by id desc limit $2) as kept)`,
    [exit.service, exit.keep],
  );
}
