/** One batch of the engine's journal: step rows, instance rows and events of many instances in one statement, behind the owner's fence.
 *  Invariant: all of it or nothing. A row that is not in its expected state, or a fence that is gone, divides by zero and takes the whole
 *  batch with it; the journal then bisects. The hot path only inserts. Never decides anything. */
import type { Json } from '../contract/endpoint.ts';
import type { EventType } from '../contract/events.ts';
import type { InstanceStatus, StepStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { payloadText } from './outbox.ts';

/** Who writes: its row in `owners` is locked for the time of the batch. */
export interface Fence {
  readonly ownerId: string;
  readonly epoch: number;
}

/** One state of a step's row. JSON columns are texts. Times are ms since the epoch. */
export interface StepWrite {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
  /** The state the row must be in; null: it must not be there. */
  readonly expected: StepStatus | null;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly port: string | null;
  /** Null in an update: stays. */
  readonly input: string | null;
  readonly output: string | null;
  readonly error: string | null;
  readonly reason: string | null;
  readonly wait: string | null;
  readonly jobId: string | null;
  readonly workerId: string | null;
  readonly seq: number;
  readonly queuedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** JSON text. */
  readonly details: string | null;
}

export interface InstanceUpdate {
  readonly id: string;
  readonly expected: InstanceStatus;
  readonly status: InstanceStatus;
  readonly output: string | null;
  readonly error: string | null;
  readonly waiting: string | null;
  readonly seq: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface InstanceInsert {
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly version: number;
  readonly status: InstanceStatus;
  readonly input: string;
  readonly labels: string;
  readonly priority: number;
  readonly startedBy: string;
  readonly rerunOf: string | null;
  readonly principal: string | null;
  readonly seq: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly parentId: string | null;
  readonly parentPath: string | null;
  readonly parentGeneration: number | null;
  readonly depth: number;
  readonly debug: boolean;
}

/** An attempt that did not stand. */
export interface AttemptInsert {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
  readonly status: StepStatus;
  readonly output: string | null;
  readonly error: string | null;
  readonly jobId: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface LogInsert {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
  readonly at: number;
  readonly line: string;
}

/** An event of an instance's stream. */
export interface InstanceEvent {
  readonly id: string;
  readonly orgId: string;
  readonly sequence: number;
  readonly type: EventType;
  readonly workflowId: string;
  readonly payload: Record<string, Json>;
  readonly requestId: string | null;
}

export interface Batch {
  readonly created: readonly InstanceInsert[];
  readonly inserts: readonly StepWrite[];
  readonly updates: readonly StepWrite[];
  readonly instances: readonly InstanceUpdate[];
  readonly attempts: readonly AttemptInsert[];
  readonly logs: readonly LogInsert[];
  readonly events: readonly InstanceEvent[];
}

type Column<Row> = readonly [name: string, type: string, read: (row: Row) => unknown];

const time = 'float8';

const stepColumns: readonly Column<StepWrite>[] = [
  ['instance_id', 'text', (row) => row.instanceId],
  ['path', 'text', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['org_id', 'text', (row) => row.orgId],
  ['status', 'text', (row) => row.status],
  ['attempt', 'int', (row) => row.attempt],
  ['port', 'text', (row) => row.port],
  ['input', 'text', (row) => row.input],
  ['output', 'text', (row) => row.output],
  ['error', 'text', (row) => row.error],
  ['reason', 'text', (row) => row.reason],
  ['wait', 'text', (row) => row.wait],
  ['job_id', 'text', (row) => row.jobId],
  ['worker_id', 'text', (row) => row.workerId],
  ['seq', 'bigint', (row) => row.seq],
  ['queued_at', time, (row) => row.queuedAt],
  ['started_at', time, (row) => row.startedAt],
  ['ended_at', time, (row) => row.endedAt],
  ['details', 'text', (row) => row.details],
];

const updateColumns: readonly Column<StepWrite>[] = [...stepColumns, ['expected', 'text', (row) => row.expected]];

const instanceColumns: readonly Column<InstanceUpdate>[] = [
  ['id', 'text', (row) => row.id],
  ['expected', 'text', (row) => row.expected],
  ['status', 'text', (row) => row.status],
  ['output', 'text', (row) => row.output],
  ['error', 'text', (row) => row.error],
  ['waiting', 'text', (row) => row.waiting],
  ['seq', 'bigint', (row) => row.seq],
  ['started_at', time, (row) => row.startedAt],
  ['ended_at', time, (row) => row.endedAt],
];

const createdColumns: readonly Column<InstanceInsert>[] = [
  ['id', 'text', (row) => row.id],
  ['org_id', 'text', (row) => row.orgId],
  ['workflow_id', 'text', (row) => row.workflowId],
  ['version', 'int', (row) => row.version],
  ['status', 'text', (row) => row.status],
  ['input', 'text', (row) => row.input],
  ['labels', 'text', (row) => row.labels],
  ['priority', 'int', (row) => row.priority],
  ['started_by', 'text', (row) => row.startedBy],
  ['rerun_of', 'text', (row) => row.rerunOf],
  ['principal', 'text', (row) => row.principal],
  ['seq', 'bigint', (row) => row.seq],
  ['created_at', time, (row) => row.createdAt],
  ['started_at', time, (row) => row.startedAt],
  ['parent_id', 'text', (row) => row.parentId],
  ['parent_path', 'text', (row) => row.parentPath],
  ['parent_generation', 'int', (row) => row.parentGeneration],
  ['depth', 'int', (row) => row.depth],
  ['debug', 'boolean', (row) => row.debug],
];

const attemptColumns: readonly Column<AttemptInsert>[] = [
  ['instance_id', 'text', (row) => row.instanceId],
  ['path', 'text', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['attempt', 'int', (row) => row.attempt],
  ['org_id', 'text', (row) => row.orgId],
  ['status', 'text', (row) => row.status],
  ['output', 'text', (row) => row.output],
  ['error', 'text', (row) => row.error],
  ['job_id', 'text', (row) => row.jobId],
  ['started_at', time, (row) => row.startedAt],
  ['ended_at', time, (row) => row.endedAt],
];

const logColumns: readonly Column<LogInsert>[] = [
  ['instance_id', 'text', (row) => row.instanceId],
  ['path', 'text', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['attempt', 'int', (row) => row.attempt],
  ['org_id', 'text', (row) => row.orgId],
  ['at', time, (row) => row.at],
  ['line', 'text', (row) => row.line],
];

const eventColumns: readonly Column<InstanceEvent>[] = [
  ['id', 'text', (row) => row.id],
  ['sequence', 'bigint', (row) => row.sequence],
  ['type', 'text', (row) => row.type],
  ['org_id', 'text', (row) => row.orgId],
  ['parent', 'text', (row) => `workflow:${row.workflowId}`],
  ['payload', 'text', (row) => payloadText(row.payload)],
  ['request_id', 'text', (row) => row.requestId],
];

/** Columns that are not stored as they travel. */
const casts: Readonly<Record<string, (name: string) => string>> = { error: toJson, wait: toJson, waiting: toJson, labels: toJson };

function toJson(name: string): string {
  return `n.${name}::jsonb`;
}

function stored(column: readonly [name: string, type: string, ...rest: unknown[]]): string {
  const [name, type] = column;
  if (type === time) return `to_timestamp(n.${name} / 1000)`;
  return casts[name]?.(name) ?? `n.${name}`;
}

/** A part of the statement: its text from parameter `from` on, and its columns. Texts are constants put together; values only travel as parameters. */
interface Part {
  readonly name: string;
  readonly width: number;
  text(from: number): string;
}

function source(columns: readonly (readonly [name: string, type: string, ...rest: unknown[]])[], from: number): string {
  return `unnest(${columns.map(([, type], index) => `$${from + index}::${type}[]`).join(', ')}) with ordinality as n (${columns.map(([name]) => name).join(', ')}, place)`;
}

function insertPart<Row>(
  name: string,
  table: string,
  columns: readonly Column<Row>[],
  extra: readonly (readonly [column: string, value: string])[] = [],
): Part {
  return {
    name,
    width: columns.length,
    text: (from) =>
      `${name} as (insert into ${table} (${[...columns.map(([column]) => column), ...extra.map(([column]) => column)].join(', ')}) ` +
      `select ${[...columns.map(stored), ...extra.map(([, value]) => value)].join(', ')} from fence, ${source(columns, from)} order by n.place returning 1)`,
  };
}

/** The first and last instance of an update, beside its join: PostgreSQL then plans the periods between them only (measured with twelve of
 *  them: an update of 500 rows takes half the time, and no more than with one). */
function within(column: string, from: number): string {
  return `${column} >= $${from} and ${column} <= $${from + 1}`;
}

function boundsOf(ids: readonly string[]): [first: string, last: string] {
  const [one = ''] = ids;
  let first = one;
  let last = one;
  for (const id of ids) {
    if (id < first) first = id;
    if (id > last) last = id;
  }
  return [first, last];
}

const parts = {
  created: insertPart('created', 'instances', createdColumns, [['owner_epoch', 'fence.epoch']]),
  inserts: insertPart('inserts', 'steps', stepColumns),
  updates: {
    name: 'updates',
    width: updateColumns.length + 2,
    text: (from) =>
      `updates as (update steps s set status = n.status, attempt = n.attempt, port = n.port, input = coalesce(n.input, s.input), output = n.output, error = n.error::jsonb,
         reason = n.reason, wait = n.wait::jsonb, job_id = n.job_id, worker_id = n.worker_id, seq = n.seq, queued_at = to_timestamp(n.queued_at / 1000),
         started_at = to_timestamp(n.started_at / 1000), ended_at = to_timestamp(n.ended_at / 1000), details = n.details
       from fence, ${source(updateColumns, from)}
       where ${within('s.instance_id', from + updateColumns.length)} and s.instance_id = n.instance_id and s.path = n.path and s.generation = n.generation and s.status = n.expected returning 1)`,
  },
  instances: {
    name: 'moved',
    width: instanceColumns.length + 2,
    text: (from) =>
      `moved as (update instances i set status = n.status, output = n.output, error = n.error::jsonb, waiting = n.waiting::jsonb, seq = n.seq,
         started_at = to_timestamp(n.started_at / 1000), ended_at = to_timestamp(n.ended_at / 1000)
       from fence, ${source(instanceColumns, from)}
       where ${within('i.id', from + instanceColumns.length)} and i.id = n.id and i.status = n.expected and i.owner_epoch = fence.epoch returning 1)`,
  },
  attempts: insertPart('attempts', 'step_attempts', attemptColumns),
  logs: insertPart('logs', 'step_logs', logColumns),
  events: insertPart('events', 'outbox', eventColumns, [['kind', `'instance'`]]),
} as const satisfies Record<keyof Batch, Part>;

const partNames = ['created', 'inserts', 'updates', 'instances', 'attempts', 'logs', 'events'] as const;

/** Statement texts by which parts they hold: a handful, made once. */
const texts = new Map<string, string>();

function statementText(present: readonly (keyof Batch)[]): string {
  const key = present.join();
  const known = texts.get(key);
  if (known !== undefined) return known;
  let next = 3;
  const bodies: string[] = [];
  const counts: string[] = [];
  for (const name of present) {
    const part: Part = parts[name];
    bodies.push(part.text(next));
    next += part.width;
    counts.push(`(select count(*) from ${part.name}) = $${next}::bigint`);
    next += 1;
  }
  const text =
    `with fence as (select epoch from owners where id = $1 and epoch = $2 for share), ${bodies.join(', ')} ` +
    `select 1 / (case when (select count(*) from fence) = 1 and ${counts.join(' and ')} then 1 else 0 end) as ok`;
  texts.set(key, text);
  return text;
}

function columnValues<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): unknown[] {
  return columns.map(([, , read]) => rows.map(read));
}

/** Writes the batch. @throws the database's error: 22012 when a row was not as expected or the fence is gone (see isUnexpectedState) */
export async function writeBatch(sql: Sql, fence: Fence, batch: Batch): Promise<void> {
  const present = partNames.filter((name) => batch[name].length > 0);
  if (present.length === 0) return;
  const values: unknown[] = [fence.ownerId, fence.epoch];
  for (const name of present) values.push(...valuesOf(batch, name), batch[name].length);
  await sql.query(statementText(present), values);
}

function valuesOf(batch: Batch, name: keyof Batch): unknown[] {
  switch (name) {
    case 'created':
      return columnValues(batch.created, createdColumns);
    case 'inserts':
      return columnValues(batch.inserts, stepColumns);
    case 'updates':
      return [...columnValues(batch.updates, updateColumns), ...boundsOf(batch.updates.map((row) => row.instanceId))];
    case 'instances':
      return [...columnValues(batch.instances, instanceColumns), ...boundsOf(batch.instances.map((row) => row.id))];
    case 'attempts':
      return columnValues(batch.attempts, attemptColumns);
    case 'logs':
      return columnValues(batch.logs, logColumns);
    case 'events':
      return columnValues(batch.events, eventColumns);
  }
}

/** Whether `error` says that a row of the batch had moved, or that this owner is one no more. */
export function isUnexpectedState(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  // 22012: our own division by zero. 23505: the step's row, the attempt's or the instance's is there already.
  return code === '22012' || code === '23505';
}

/** The last written sequence of these instances' streams. */
export async function readLastSequences(sql: Sql, ids: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql.query<{ id: string; last: number }>(
    `select id, max(sequence) as last from outbox where kind = 'instance' and id = any($1) group by id`,
    [[...ids]],
  );
  return new Map(rows.map((row) => [row.id, row.last]));
}
