/** Which steps were in flight when their process died, and how often. */
import type { Sql } from './client.ts';

interface StepKey {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
}

/** Counts one crash for each. */
export async function countCrashes(sql: Sql, steps: readonly StepKey[]): Promise<void> {
  await sql.query(
    `insert into step_crashes (instance_id, path, generation, org_id, crashes)
     select distinct on (n.instance_id, n.path, n.generation) n.instance_id, n.path, n.generation, n.org_id, 1
     from unnest($1::text[], $2::text[], $3::int[], $4::text[]) as n (instance_id, path, generation, org_id)
     on conflict (instance_id, path, generation) do update set crashes = step_crashes.crashes + 1, last_at = now()`,
    [steps.map((step) => step.instanceId), steps.map((step) => step.path), steps.map((step) => step.generation), steps.map((step) => step.orgId)],
  );
}

/** Steps of live instances that were in flight at a crash. */
export async function listSuspects(sql: Sql): Promise<{ instanceId: string; path: string; generation: number; crashes: number; lastAt: Date }[]> {
  const { rows } = await sql.query<{ instance_id: string; path: string; generation: number; crashes: number; last_at: Date }>(
    `select c.instance_id, c.path, c.generation, c.crashes, c.last_at from step_crashes c join instances i on i.id = c.instance_id
     where i.status in ('pending', 'running', 'waiting', 'paused') order by c.instance_id, c.path, c.generation`,
  );
  return rows.map((row) => ({ instanceId: row.instance_id, path: row.path, generation: row.generation, crashes: row.crashes, lastAt: row.last_at }));
}

/** The step ended well: it was not to blame. */
export async function forgetCrashes(sql: Sql, step: { readonly instanceId: string; readonly path: string; readonly generation: number }): Promise<void> {
  await sql.query(`delete from step_crashes where instance_id = $1 and path = $2 and generation = $3`, [step.instanceId, step.path, step.generation]);
}
