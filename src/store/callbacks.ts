/** Steps that wait for a call of their URL, by its token. */
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';

export interface Callback {
  readonly orgId: string;
  readonly instanceId: string;
  readonly path: string;
  /** What the node's type keeps while it waits. */
  readonly state: Json;
}

/** @returns undefined when no step waits for it, or not any more */
export async function readCallback(sql: Sql, token: string): Promise<Callback | undefined> {
  const { rows } = await sql.query<{ org_id: string; instance_id: string; path: string; state: Json }>(
    `select s.org_id, s.instance_id, s.path, s.wait -> 'state' as state from steps s
     where s.status = 'waiting' and s.wait ->> 'token' = $1 and s.wait ->> 'token' is not null
       and not exists (select 1 from steps later where later.instance_id = s.instance_id and later.path = s.path and later.generation > s.generation)`,
    [token],
  );
  const row = rows[0];
  return row === undefined ? undefined : { orgId: row.org_id, instanceId: row.instance_id, path: row.path, state: row.state };
}
