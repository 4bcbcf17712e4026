/** The items of large maps, in chunks. Written before the map's step runs, read as its items start, deleted with the instance. */
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';

interface ItemsOf {
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
}

/** Replaces what an attempt before a crash may have left. */
export async function writeStepItems(
  sql: Sql,
  write: ItemsOf & { readonly orgId: string; readonly items: readonly Json[]; readonly chunk: number },
): Promise<void> {
  for (let chunk = 0; chunk * write.chunk < write.items.length; chunk++) {
    const items = JSON.stringify(write.items.slice(chunk * write.chunk, (chunk + 1) * write.chunk));
    // Serial: one chunk's text at a time.
    await sql.query(
      `insert into step_items (instance_id, path, generation, chunk, org_id, items) values ($1, $2, $3, $4, $5, $6)
       on conflict (instance_id, path, generation, chunk) do update set items = excluded.items`,
      [write.instanceId, write.path, write.generation, chunk, write.orgId, items],
    );
  }
}

/** One chunk. @throws Error when it is not there: its map can't go on */
export async function readStepItems(sql: Sql, read: ItemsOf & { readonly chunk: number }): Promise<readonly Json[]> {
  const { rows } = await sql.query<{ items: string }>(`select items from step_items where instance_id = $1 and path = $2 and generation = $3 and chunk = $4`, [
    read.instanceId,
    read.path,
    read.generation,
    read.chunk,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error(`the items ${read.chunk} of ${read.instanceId}/${read.path} are not there`);
  return JSON.parse(row.items) as readonly Json[];
}
