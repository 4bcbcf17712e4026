/** Rows of steps, their attempts and their log lines as people see them: reading. What the engine loads is in stored-steps.ts. */
import type { StepOutline } from '../contract/instance-views.ts';
import type { attempt as attemptShape, Failure, Step, WaitReason } from '../contract/instances.ts';
import type { StepStatus } from '../contract/values.ts';
import type * as z from 'zod';
import type { Sql } from './client.ts';
import { parse, type StepColumns, type StoredWait } from './stored-steps.ts';

export type Attempt = z.infer<typeof attemptShape>;

interface StepRow extends StepColumns {
  input: string | null;
  output: string | null;
}

/** Why a step has the output it has: somebody pinned it, and nothing ran. */
export const PINNED_REASON = 'the output is pinned';

const STEP = `s.path, s.generation, s.status, s.attempt, s.input, s.output, s.error, s.reason, s.wait, s.job_id, s.worker_id, s.seq, s.queued_at, s.started_at, s.ended_at, s.details`;

export interface StepQuery {
  readonly orgId: string;
  readonly instanceId: string;
  /** Only this step, every generation of it. Without it: the newest generation of each. */
  readonly path?: string | undefined;
  /** Only what stands directly under this: `/` outside bodies, `each` the items of a map, `each[3]` the steps of one. */
  readonly under?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  /** `seq` of the last step of the page before. */
  readonly after: number;
  readonly limit: number;
}

/** In the order of their last change. A step that changes while pages are read comes again on a later one.
 *  Nothing is sorted but paths and numbers: whole rows are read of the page alone. LIMIT: a page costs one walk over the instance (0.1 s for 200,000 rows);
 *  an index by `seq` would spare it, and cost every step that is written. */
export async function listSteps(sql: Sql, query: StepQuery): Promise<Step[]> {
  // Next to all rows are the newest of their step: where some of these are not, a few more make the page whole.
  const tried = query.limit + SPARE;
  const rows = await readPage(sql, query, PAGE_OF_CHANGED, tried);
  const newest = rows.filter((row) => row.is_newest);
  if (newest.length >= query.limit || rows.length < tried) return newest.slice(0, query.limit).map(toStep);
  return (await readPage(sql, query, PAGE_OF_NEWEST, query.limit)).map(toStep);
}

const SPARE = 100;

/** What is asked for of an instance's rows, in `s`. */
const ASKED = `s.instance_id = $1 and s.org_id = $2 and ($4::text is null or s.path = $4)
    and ($6::text is null or starts_with(s.path, $6) and position($7 in substr(s.path, length($6) + 1)) = 0)`;
/** The rows that changed next, whatever their generation. */
const CHANGED = `select s.path, s.generation, s.seq, s.status from steps s where ${ASKED} and s.seq > $3 and ($8::text[] is null or s.status = any($8))`;
/** The newest generation of each step, by one walk along the key. */
const NEWEST = `select newest.path, newest.generation, newest.seq, newest.status from (
    select distinct on (s.path) s.path, s.generation, s.seq, s.status from steps s where ${ASKED} order by s.path desc, s.generation desc
  ) newest where newest.seq > $3 and ($8::text[] is null or newest.status = any($8))`;
/** What a page shows of the rows in `page`. */
const SHOWN = `select ${STEP}, $4::text is not null
         or not exists (select 1 from steps later where later.instance_id = $1 and later.path = s.path and later.generation > s.generation) as is_newest
       from page join steps s on s.instance_id = $1 and s.path = page.path and s.generation = page.generation order by s.seq`;
const PAGE_OF_CHANGED = `with page as materialized (select path, generation from (${CHANGED}) candidates order by seq limit $5) ${SHOWN}`;
const PAGE_OF_NEWEST = `with page as materialized (select path, generation from (${NEWEST}) candidates order by seq limit $5) ${SHOWN}`;

async function readPage(sql: Sql, query: StepQuery, text: string, limit: number): Promise<(StepRow & { is_newest: boolean })[]> {
  const { rows } = await sql.query<StepRow & { is_newest: boolean }>(text, [
    query.instanceId,
    query.orgId,
    query.after,
    query.path ?? null,
    limit,
    ...directlyUnder(query.under),
    query.statuses === undefined ? null : [...query.statuses],
  ]);
  return rows;
}

/** How the paths begin, and what they don't hold after that. */
function directlyUnder(under: string | undefined): readonly [prefix: string | null, without: string] {
  if (under === undefined) return [null, ''];
  if (under === '/') return ['', '['];
  return under.endsWith(']') ? [`${under}/`, '['] : [`${under}[`, '/'];
}

function toStep(row: StepRow): Step {
  return { ...outlineOf(row), input: parse(row.input), output: parse(row.output) };
}

/** How a step stands and when, without what went in and out. */
export function outlineOf(row: StepColumns): StepOutline {
  return {
    key: keyOfPath(row.path),
    path: row.path,
    generation: row.generation,
    status: row.status,
    attempt: row.attempt,
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...(row.wait === null ? {} : { waitReason: waitReasonOf(row.wait) }),
    ...progressOf(row.details),
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

/** What the outside sees of it. */
export function waitReasonOf(wait: StoredWait): WaitReason {
  const { state } = wait;
  const shown = typeof state === 'object' && state !== null && !Array.isArray(state) ? state['shown'] : undefined;
  return {
    kind: wait.kind,
    message: wait.message,
    ...(wait.until === undefined ? {} : { until: wait.until }),
    ...(wait.token === undefined ? {} : { url: `/webhooks/${wait.token}` }),
    ...(shown === undefined ? {} : { data: shown }),
    ...(wait.childId === undefined ? {} : { instanceId: wait.childId }),
  };
}

/** How far it says it is. */
function progressOf(details: string | null): Pick<Step, 'progress'> {
  if (details === null) return {};
  const { progress } = JSON.parse(details) as { progress?: Step['progress'] };
  return progress === undefined ? {} : { progress };
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
