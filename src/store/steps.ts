/** Rows of steps, their attempts and their log lines: reading. Writing is the journal's (store/journal.ts). */
import type { Json } from '../contract/endpoint.ts';
import type { attempt as attemptShape, Failure, Step, WaitReason } from '../contract/instances.ts';
import type { JobStatus, StepStatus } from '../contract/values.ts';
import type * as z from 'zod';
import type { Sql } from './client.ts';

export type Attempt = z.infer<typeof attemptShape>;

interface StepRow {
  path: string;
  generation: number;
  status: StepStatus;
  attempt: number;
  input: string | null;
  output: string | null;
  error: Failure | null;
  reason: string | null;
  wait: WaitReason | null;
  job_id: string | null;
  worker_id: string | null;
  seq: number;
  queued_at: Date | null;
  started_at: Date | null;
  ended_at: Date | null;
}

const STEP = `s.path, s.generation, s.status, s.attempt, s.input, s.output, s.error, s.reason, s.wait, s.job_id, s.worker_id, s.seq, s.queued_at, s.started_at, s.ended_at`;

export interface StepQuery {
  readonly orgId: string;
  readonly instanceId: string;
  /** Only this step, every generation of it. Without it: the newest generation of each. */
  readonly path?: string | undefined;
  /** `seq` of the last step of the page before. */
  readonly after: number;
  readonly limit: number;
}

/** In the order of their last change. A step that changes while pages are read comes again on a later one. */
export async function listSteps(sql: Sql, query: StepQuery): Promise<Step[]> {
  const { rows } = await sql.query<StepRow>(
    `select ${STEP} from steps s
     where s.instance_id = $1 and s.org_id = $2 and s.seq > $3 and ($4::text is null or s.path = $4)
       and ($4::text is not null or not exists (select 1 from steps later where later.instance_id = s.instance_id and later.path = s.path and later.generation > s.generation))
     order by s.seq limit $5`,
    [query.instanceId, query.orgId, query.after, query.path ?? null, query.limit],
  );
  return rows.map(toStep);
}

function toStep(row: StepRow): Step {
  return {
    key: keyOfPath(row.path),
    path: row.path,
    generation: row.generation,
    status: row.status,
    attempt: row.attempt,
    input: parse(row.input),
    output: parse(row.output),
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.wait === null ? {} : { waitReason: waitReasonOf(row.wait) }),
    queuedAt: row.queued_at?.toISOString() ?? null,
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    ...(row.worker_id === null ? {} : { workerId: row.worker_id }),
    ...(row.job_id === null ? {} : { jobId: row.job_id }),
    seq: row.seq,
  };
}

/** `map[3]/encode` is a step of the node `encode`. */
export function keyOfPath(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function waitReasonOf(wait: WaitReason): WaitReason {
  return { kind: wait.kind, message: wait.message, ...(wait.until === undefined ? {} : { until: wait.until }) };
}

function parse(text: string | null): Json {
  return text === null ? null : (JSON.parse(text) as Json);
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
  readonly wait: WaitReason | null;
  readonly jobId: string | null;
  readonly workerId: string | null;
  readonly seq: number;
  readonly queuedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

/** The steps of these instances, newest generations only. */
export async function loadSteps(sql: Sql, instanceIds: readonly string[]): Promise<StoredStep[]> {
  const { rows } = await sql.query<Omit<StepRow, 'input'> & { instance_id: string; port: string | null }>(
    `select distinct on (s.instance_id, s.path) s.instance_id, s.path, s.generation, s.status, s.attempt, s.port, s.output, s.error, s.reason, s.wait, s.job_id, s.worker_id,
       s.seq, s.queued_at, s.started_at, s.ended_at
     from steps s where s.instance_id = any($1) order by s.instance_id, s.path, s.generation desc`,
    [[...instanceIds]],
  );
  return rows.map((row) => ({
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
  }));
}

interface AttemptRow {
  generation: number;
  attempt: number;
  status: StepStatus;
  output: string | null;
  error: Failure | null;
  job_id: string | null;
  started_at: Date | null;
  ended_at: Date | null;
}

/** Every attempt of a step, newest first: those that did not stand, and the one that does. */
export async function listAttempts(
  sql: Sql,
  query: {
    readonly orgId: string;
    readonly instanceId: string;
    readonly path: string;
    readonly before: { readonly generation: number; readonly attempt: number } | undefined;
    readonly limit: number;
  },
): Promise<Attempt[]> {
  const { rows } = await sql.query<AttemptRow>(
    `select generation, attempt, status, output, error, job_id, started_at, ended_at from (
       select a.generation, a.attempt, a.status, a.output, a.error, a.job_id, a.started_at, a.ended_at from step_attempts a where a.instance_id = $1 and a.path = $2 and a.org_id = $3
       union all
       select s.generation, s.attempt, s.status, s.output, s.error, s.job_id, s.started_at, s.ended_at from steps s
       where s.instance_id = $1 and s.path = $2 and s.org_id = $3
         and not exists (select 1 from step_attempts a where a.instance_id = s.instance_id and a.path = s.path and a.generation = s.generation and a.attempt = s.attempt)
     ) tries
     where $4::int is null or (generation, attempt) < ($4, $5) order by generation desc, attempt desc limit $6`,
    [query.instanceId, query.path, query.orgId, query.before?.generation ?? null, query.before?.attempt ?? null, query.limit],
  );
  return rows.map((row) => ({
    generation: row.generation,
    attempt: row.attempt,
    status: row.status,
    output: parse(row.output),
    ...(row.error === null ? {} : { error: row.error }),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    ...(row.job_id === null ? {} : { jobId: row.job_id }),
  }));
}

/** The last lines of a step's log, oldest first. */
export async function readStepLog(
  sql: Sql,
  query: { readonly orgId: string; readonly instanceId: string; readonly path: string; readonly limit: number },
): Promise<{ at: Date; line: string }[]> {
  const { rows } = await sql.query<{ at: Date; line: string }>(
    `select at, line from (select id, at, line from step_logs where instance_id = $1 and path = $2 and org_id = $3 order by id desc limit $4) last order by id`,
    [query.instanceId, query.path, query.orgId, query.limit],
  );
  return rows;
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
