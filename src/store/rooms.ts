/** Which rooms exist for whom: asked under row-level security, so another org's entity is not there. */
import type { Sql } from './client.ts';

/** Kinds of entities with a room of their own. */
export type RoomKind = 'instance' | 'workflow' | 'job' | 'download_job';

const QUESTION: Readonly<Record<RoomKind, string>> = {
  instance: 'select 1 as one from instances where id = $1',
  workflow: 'select 1 as one from workflows where id = $1',
  job: 'select 1 as one from jobs where id = $1',
  download_job: 'select 1 as one from downloads where id = $1',
};

/** Whether the org of this connection has the entity. @param sql of one org */
export async function hasEntity(sql: Sql, kind: RoomKind, id: string): Promise<boolean> {
  const { rows } = await sql.query(QUESTION[kind], [id]);
  return rows.length > 0;
}
