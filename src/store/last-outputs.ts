/** What steps of a workflow gave last, over its newest instances. What was pinned is left out: nothing ran for it. */
import type { Json } from '../contract/endpoint.ts';
import type { StepStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { PINNED_REASON } from './steps.ts';

/** Enough to find what a branch that is rarely taken gave; each costs a look-up per step that is asked for. */
const INSTANCES = 20;

export interface LastStep {
  readonly path: string;
  readonly instanceId: string;
  readonly generation: number;
  readonly isTest: boolean;
  readonly status: StepStatus;
  readonly port: string | null;
  readonly bytes: number;
  readonly endedAt: Date | null;
}

/** The newest of each path that completed; where none did, the newest that was skipped. Without outputs: they may be large. */
export async function listLastSteps(
  sql: Sql,
  query: { readonly orgId: string; readonly workflowId: string; readonly paths: readonly string[] },
): Promise<{ readonly newest: string | undefined; readonly steps: readonly LastStep[] }> {
  const recent = await sql.query<{ id: string; is_test: boolean }>(
    `select id, is_test from instances where org_id = $1 and workflow_id = $2 order by id desc limit $3`,
    [query.orgId, query.workflowId, INSTANCES],
  );
  const ids = recent.rows.map((row) => row.id);
  if (ids.length === 0) return { newest: undefined, steps: [] };
  const { rows } = await sql.query<Omit<LastStep, 'isTest'>>(
    `select distinct on (path) path, instance_id as "instanceId", generation, status, port, coalesce(octet_length(output), 4) as bytes, ended_at as "endedAt"
     from steps where instance_id = any($1) and instance_id >= $2 and instance_id <= $3 and path = any($4) and status in ('completed', 'cached', 'skipped')
       and reason is distinct from $5
     order by path, status = 'skipped', instance_id desc, generation desc`,
    [ids, ids.at(-1), ids[0], query.paths, PINNED_REASON],
  );
  const tests = new Set(recent.rows.filter((row) => row.is_test).map((row) => row.id));
  return { newest: ids[0], steps: rows.map((row) => ({ ...row, isTest: tests.has(row.instanceId) })) };
}

/** The outputs of these steps, in their order. */
export async function readOutputs(sql: Sql, steps: readonly Pick<LastStep, 'instanceId' | 'path' | 'generation'>[]): Promise<Json[]> {
  if (steps.length === 0) return [];
  const ids = steps.map((step) => step.instanceId).toSorted();
  const { rows } = await sql.query<{ output: string | null }>(
    `select s.output from unnest($1::text[], $2::text[], $3::int[]) with ordinality as n (instance_id, path, generation, place)
     left join steps s on s.instance_id = n.instance_id and s.path = n.path and s.generation = n.generation and s.instance_id >= $4 and s.instance_id <= $5
     order by n.place`,
    [steps.map((step) => step.instanceId), steps.map((step) => step.path), steps.map((step) => step.generation), ids[0], ids.at(-1)],
  );
  return rows.map((row) => (row.output === null ? null : (JSON.parse(row.output) as Json)));
}

/** @returns undefined when it is gone */
export async function readInput(sql: Sql, instance: { readonly orgId: string; readonly id: string }): Promise<Json | undefined> {
  const { rows } = await sql.query<{ input: string }>(`select input from instances where org_id = $1 and id = $2`, [instance.orgId, instance.id]);
  return rows[0] === undefined ? undefined : (JSON.parse(rows[0].input) as Json);
}
