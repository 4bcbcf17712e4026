/** Steps as the engine loads them, and what it asks of their jobs: reading. What people see is in steps.ts; writing is the journal's (store/journal.ts). */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import type { JobStatus, StepStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';

/** Why a step waits, as its row keeps it. */
export interface StoredWait {
  readonly kind: string;
  readonly message: string;
  /** ISO 8601. */
  readonly until?: string;
  /** At `until` the step times out; else it goes on. */
  readonly timesOut?: boolean;
  /** What the callback's URL ends with. */
  readonly token?: string;
  /** What the node type needs to go on. A key `shown` in it is for those who look. */
  readonly state?: Json;
  /** The instance that was called. */
  readonly childId?: string;
}

/** What the engine loads of a step: its newest generation. Inputs are not needed to go on. */
export interface StoredStep {
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly port: string | null;
  readonly output: Json;
  readonly hasOutput: boolean;
  readonly error: Failure | null;
  readonly reason: string | null;
  readonly wait: StoredWait | null;
  readonly jobId: string | null;
  readonly workerId: string | null;
  readonly seq: number;
  readonly queuedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly details: string | null;
}

/** The columns that every reader of steps asks for. */
export interface StepColumns {
  path: string;
  generation: number;
  status: StepStatus;
  attempt: number;
  error: Failure | null;
  reason: string | null;
  wait: StoredWait | null;
  job_id: string | null;
  worker_id: string | null;
  seq: number;
  queued_at: Date | null;
  started_at: Date | null;
  ended_at: Date | null;
  details: string | null;
}

interface LoadedRow extends StepColumns {
  instance_id: string;
  port: string | null;
  output: string | null;
}

const LOADED = `s.instance_id, s.path, s.generation, s.status, s.attempt, s.port, s.output, s.error, s.reason, s.wait, s.job_id, s.worker_id,
       s.seq, s.queued_at, s.started_at, s.ended_at, s.details`;

/** The steps of these instances outside bodies, newest generations only. */
export async function loadSteps(sql: Sql, instanceIds: readonly string[]): Promise<StoredStep[]> {
  const { rows } = await sql.query<LoadedRow>(
    `select distinct on (s.instance_id, s.path) ${LOADED}
     from steps s where s.instance_id = any($1) and position('[' in s.path) = 0 order by s.instance_id, s.path, s.generation desc`,
    [[...instanceIds]],
  );
  return rows.map(toStored);
}

/** The newest rows of these paths of one instance. */
export async function loadStepsAt(sql: Sql, instanceId: string, paths: readonly string[]): Promise<StoredStep[]> {
  const { rows } = await sql.query<LoadedRow>(
    `select distinct on (s.path) ${LOADED} from steps s where s.instance_id = $1 and s.path = any($2) order by s.path, s.generation desc`,
    [instanceId, [...paths]],
  );
  return rows.map(toStored);
}

/** The newest rows of what stands below `prefix` (`map[3]/`), deeper bodies left out. */
export async function loadStepsUnder(sql: Sql, instanceId: string, prefix: string): Promise<StoredStep[]> {
  const { rows } = await sql.query<LoadedRow>(
    `select distinct on (s.path) ${LOADED} from steps s
     where s.instance_id = $1 and starts_with(s.path, $2) and position('[' in substr(s.path, length($2) + 1)) = 0 order by s.path, s.generation desc`,
    [instanceId, prefix],
  );
  return rows.map(toStored);
}

/** A row inside a body, in short. */
export interface BodyRow {
  readonly path: string;
  readonly generation: number;
  readonly status: StepStatus;
  /** Later changes of the instance have higher ones. */
  readonly seq: number;
}

/** Newest rows of everything below `prefix` (`map[`) with a generation above `base`. */
export async function listBodyRows(sql: Sql, query: { readonly instanceId: string; readonly prefix: string; readonly base: number }): Promise<BodyRow[]> {
  const { rows } = await sql.query<BodyRow>(
    `select distinct on (s.path) s.path, s.generation, s.status, s.seq from steps s
     where s.instance_id = $1 and starts_with(s.path, $2) and s.generation > $3 order by s.path, s.generation desc`,
    [query.instanceId, query.prefix, query.base],
  );
  return rows;
}

/** The highest generation below `prefix`; 0 when there is nothing. */
export async function readHighestGeneration(sql: Sql, instanceId: string, prefix: string): Promise<number> {
  const { rows } = await sql.query<{ highest: number | null }>(
    `select max(generation) as highest from steps where instance_id = $1 and starts_with(path, $2)`,
    [instanceId, prefix],
  );
  return rows[0]?.highest ?? 0;
}

/** Results of the items of a body, outputs as JSON texts: newest rows above `base`, of these indexes. */
export async function readItemResults(
  sql: Sql,
  query: { readonly instanceId: string; readonly path: string; readonly base: number; readonly indexes: readonly number[] },
): Promise<Map<number, { readonly output: string | null; readonly error: Failure | null }>> {
  const paths = query.indexes.map((index) => `${query.path}[${index}]`);
  const { rows } = await sql.query<{ place: number; output: string | null; error: Failure | null }>(
    `select distinct on (n.place) n.place::int as place, s.output, s.error from unnest($2::text[]) with ordinality as n (path, place)
     join steps s on s.instance_id = $1 and s.path = n.path and s.generation > $3 order by n.place, s.generation desc`,
    [query.instanceId, paths, query.base],
  );
  return new Map(rows.map(({ place, output, error }) => [query.indexes[place - 1] ?? 0, { output, error }]));
}

/** The params a step ran with, as its row shows them. */
export async function readStepInput(sql: Sql, step: { readonly instanceId: string; readonly path: string; readonly generation: number }): Promise<Json> {
  const { rows } = await sql.query<{ input: string | null }>(`select input from steps where instance_id = $1 and path = $2 and generation = $3`, [
    step.instanceId,
    step.path,
    step.generation,
  ]);
  return parse(rows[0]?.input ?? null);
}

function toStored(row: LoadedRow): StoredStep {
  return {
    instanceId: row.instance_id,
    path: row.path,
    generation: row.generation,
    status: row.status,
    attempt: row.attempt,
    port: row.port,
    output: parse(row.output),
    hasOutput: row.output !== null,
    error: row.error,
    reason: row.reason,
    wait: row.wait,
    jobId: row.job_id,
    workerId: row.worker_id,
    seq: row.seq,
    queuedAt: row.queued_at?.getTime() ?? null,
    startedAt: row.started_at?.getTime() ?? null,
    endedAt: row.ended_at?.getTime() ?? null,
    details: row.details,
  };
}

/** A payload as its column keeps it. */
export function parse(text: string | null): Json {
  return text === null ? null : (JSON.parse(text) as Json);
}

/** Of these jobs, those that have ended: whoever ran them may be another process. */
export async function listEndedJobs(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(`select id from jobs where id = any($1) and status not in ('queued', 'running')`, [[...ids]]);
  return rows.map((row) => row.id);
}

/** Step jobs that still run or wait although their step has ended: a crash came between the two. */
export async function listStrayJobs(sql: Sql, limit: number): Promise<{ id: string; status: JobStatus }[]> {
  const { rows } = await sql.query<{ id: string; status: JobStatus }>(
    `select j.id, j.status from jobs j
     left join steps s on s.instance_id = j.instance_id and s.path = j.step_path and s.generation = j.step_generation and s.job_id = j.id
     where j.status in ('queued', 'running') and j.instance_id is not null and j.cancel_requested_at is null
       and (s.status is null or s.status not in ('queued', 'running', 'waiting')) order by j.id limit $1`,
    [limit],
  );
  return rows;
}
