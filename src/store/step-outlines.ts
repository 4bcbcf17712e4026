/** Steps as a page draws them: how each stands and when, without what went in and out. Reading only. */
import type { PastTry, StepOutline } from '../contract/instance-views.ts';
import type { StepStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { outlineOf } from './steps.ts';
import type { StepColumns } from './stored-steps.ts';

/** A workflow has at most 2,000 nodes; twice that leaves room for steps of nodes that a debugged version lost. */
const MOST_STEPS = 4_000;
const MOST_TRIES = 1_000;

interface OfInstance {
  readonly orgId: string;
  readonly instanceId: string;
}

/** Outside bodies: the newest generation of each, in the order of their last change. */
export async function readStepOutlines(sql: Sql, { orgId, instanceId }: OfInstance): Promise<StepOutline[]> {
  const { rows } = await sql.query<StepColumns>(
    `select path, generation, status, attempt, error, reason, wait, job_id, worker_id, seq, queued_at, started_at, ended_at, details from (
       select distinct on (s.path) ${OUTLINE} from steps s where s.instance_id = $1 and s.org_id = $2 and position('[' in s.path) = 0 order by s.path, s.generation desc
     ) newest order by seq limit $3`,
    [instanceId, orgId, MOST_STEPS],
  );
  return rows.map(outlineOf);
}

/** The columns of an outline, of `s`. */
export const OUTLINE = `s.path, s.generation, s.status, s.attempt, s.error, s.reason, s.wait, s.job_id, s.worker_id, s.seq, s.queued_at, s.started_at, s.ended_at,
         s.details`;

/** Tries of steps outside bodies that were followed by another, or by another generation, newest first. */
export async function listPastTries(sql: Sql, { orgId, instanceId }: OfInstance): Promise<PastTry[]> {
  const { rows } = await sql.query<{ path: string; generation: number; attempt: number; status: StepStatus; started_at: Date | null; ended_at: Date | null }>(
    `select path, generation, attempt, status, started_at, ended_at from (
       select a.path, a.generation, a.attempt, a.status, a.started_at, a.ended_at from step_attempts a where a.instance_id = $1 and a.org_id = $2
       union all
       select s.path, s.generation, s.attempt, s.status, s.started_at, s.ended_at from (
         select path, generation, attempt, status, started_at, ended_at, lead(generation) over (partition by path order by generation) as later
         from steps where instance_id = $1 and org_id = $2 and position('[' in path) = 0
       ) s where s.later is not null
         and not exists (select 1 from step_attempts a where a.instance_id = $1 and a.path = s.path and a.generation = s.generation and a.attempt = s.attempt)
     ) t where position('[' in path) = 0 order by path desc, generation desc, attempt desc limit $3`,
    [instanceId, orgId, MOST_TRIES],
  );
  return rows.map((row) => ({
    path: row.path,
    generation: row.generation,
    attempt: row.attempt,
    status: row.status,
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  }));
}
