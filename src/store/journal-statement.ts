/** The text of the journal's statement and what travels in it. Texts are constants put together by which parts a batch has; values only travel as parameters.
 *  Invariant: every part finds its rows by key alone, so that a plan kept for a prepared statement stays right however the tables grow. */
import { hot } from './client.ts';
import type { AttemptInsert, Batch, InstanceEvent, InstanceInsert, InstanceUpdate, LogInsert, StepWrite } from './journal.ts';
import { payloadText } from './outbox.ts';

/** How a column travels: `free` as an array that the client escapes; `plain` joined by a character that can't occur in it (JSON, ids, our own words),
 *  which neither side has to escape: a third of the client's work; numbers as the text of an array. */
type Travel = 'free' | 'plain' | 'int' | 'bigint' | 'boolean' | 'ms';

type Column<Row> = readonly [name: string, travel: Travel, read: (row: Row) => string | number | boolean | null];

/** JSON escapes control characters, and no id or word of ours holds one. */
const SEPARATOR = '\u001f';
const NULL_MARK = '\u001e';

const stepColumns: readonly Column<StepWrite>[] = [
  ['instance_id', 'plain', (row) => row.instanceId],
  ['path', 'plain', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['org_id', 'plain', (row) => row.orgId],
  ['status', 'plain', (row) => row.status],
  ['attempt', 'int', (row) => row.attempt],
  ['port', 'free', (row) => row.port],
  ['input', 'plain', (row) => row.input],
  ['output', 'plain', (row) => row.output],
  ['error', 'plain', (row) => row.error],
  ['reason', 'free', (row) => row.reason],
  ['wait', 'plain', (row) => row.wait],
  ['job_id', 'plain', (row) => row.jobId],
  ['worker_id', 'free', (row) => row.workerId],
  ['seq', 'bigint', (row) => row.seq],
  ['queued_at', 'ms', (row) => row.queuedAt],
  ['started_at', 'ms', (row) => row.startedAt],
  ['ended_at', 'ms', (row) => row.endedAt],
  ['details', 'plain', (row) => row.details],
];

/** Of a step that is written once, ended well, with nothing to remark: the common one. The rest of its row is null. */
const endedColumns = stepColumns.filter(([name]) => !['port', 'error', 'reason', 'wait', 'job_id', 'worker_id', 'queued_at', 'details'].includes(name));

function isPlainEnd(row: StepWrite): boolean {
  return (
    row.status === 'completed' &&
    row.port === null &&
    row.error === null &&
    row.reason === null &&
    row.wait === null &&
    row.jobId === null &&
    row.workerId === null &&
    row.queuedAt === null &&
    row.details === null
  );
}

const updateColumns: readonly Column<StepWrite>[] = [...stepColumns, ['expected', 'plain', (row) => row.expected]];

const instanceColumns: readonly Column<InstanceUpdate>[] = [
  ['id', 'plain', (row) => row.id],
  ['expected', 'plain', (row) => row.expected],
  ['status', 'plain', (row) => row.status],
  ['output', 'plain', (row) => row.output],
  ['error', 'plain', (row) => row.error],
  ['waiting', 'plain', (row) => row.waiting],
  ['seq', 'bigint', (row) => row.seq],
  ['started_at', 'ms', (row) => row.startedAt],
  ['ended_at', 'ms', (row) => row.endedAt],
];

const createdColumns: readonly Column<InstanceInsert>[] = [
  ['id', 'plain', (row) => row.id],
  ['org_id', 'plain', (row) => row.orgId],
  ['workflow_id', 'plain', (row) => row.workflowId],
  ['version', 'int', (row) => row.version],
  ['status', 'plain', (row) => row.status],
  ['input', 'plain', (row) => row.input],
  ['labels', 'plain', (row) => row.labels],
  ['priority', 'int', (row) => row.priority],
  ['started_by', 'free', (row) => row.startedBy],
  ['rerun_of', 'plain', (row) => row.rerunOf],
  ['principal', 'plain', (row) => row.principal],
  ['seq', 'bigint', (row) => row.seq],
  ['created_at', 'ms', (row) => row.createdAt],
  ['started_at', 'ms', (row) => row.startedAt],
  ['parent_id', 'plain', (row) => row.parentId],
  ['parent_path', 'plain', (row) => row.parentPath],
  ['parent_generation', 'int', (row) => row.parentGeneration],
  ['depth', 'int', (row) => row.depth],
  ['debug', 'boolean', (row) => row.debug],
  ['limit_key', 'free', (row) => row.limitKey],
  ['rate_key', 'free', (row) => row.rateKey],
  ['waiting', 'plain', (row) => row.waiting],
];

const attemptColumns: readonly Column<AttemptInsert>[] = [
  ['instance_id', 'plain', (row) => row.instanceId],
  ['path', 'plain', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['attempt', 'int', (row) => row.attempt],
  ['org_id', 'plain', (row) => row.orgId],
  ['status', 'plain', (row) => row.status],
  ['output', 'plain', (row) => row.output],
  ['error', 'plain', (row) => row.error],
  ['job_id', 'plain', (row) => row.jobId],
  ['started_at', 'ms', (row) => row.startedAt],
  ['ended_at', 'ms', (row) => row.endedAt],
];

const logColumns: readonly Column<LogInsert>[] = [
  ['instance_id', 'plain', (row) => row.instanceId],
  ['path', 'plain', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['attempt', 'int', (row) => row.attempt],
  ['org_id', 'plain', (row) => row.orgId],
  ['at', 'ms', (row) => row.at],
  ['line', 'free', (row) => row.line],
];

const eventColumns: readonly Column<InstanceEvent>[] = [
  ['id', 'plain', (row) => row.id],
  ['sequence', 'bigint', (row) => row.sequence],
  ['type', 'plain', (row) => row.type],
  ['org_id', 'plain', (row) => row.orgId],
  ['parent', 'plain', (row) => `workflow:${row.workflowId}`],
  ['payload', 'plain', (row) => payloadText(row.payload)],
  ['request_id', 'plain', (row) => row.requestId],
];

/** Columns that are not stored as they travel. */
const casts: Readonly<Record<string, (name: string) => string>> = { error: toJson, wait: toJson, waiting: toJson, labels: toJson };

function toJson(name: string): string {
  return `n.${name}::jsonb`;
}

function stored(column: readonly [name: string, travel: Travel, ...rest: unknown[]]): string {
  const [name, travel] = column;
  if (travel === 'ms') return `to_timestamp(n.${name} / 1000)`;
  return casts[name]?.(name) ?? `n.${name}`;
}

/** A part of the statement: its text from parameter `from` on, and its columns. Texts are constants put together; values only travel as parameters. */
interface Part {
  readonly name: string;
  readonly width: number;
  text(from: number): string;
  /** Which of its rows count. */
  readonly counted?: string;
}

function source(columns: readonly (readonly [name: string, travel: Travel, ...rest: unknown[]])[], from: number): string {
  return `unnest(${columns.map(([, travel], index) => arrays[travel](`$${from + index}`)).join(', ')}) with ordinality as n (${columns.map(([name]) => name).join(', ')}, place)`;
}

const arrays: Readonly<Record<Travel, (parameter: string) => string>> = {
  free: (parameter) => `${parameter}::text[]`,
  plain: (parameter) => `string_to_array(${parameter}, e'\\x1f', e'\\x1e')`,
  int: (parameter) => `${parameter}::int[]`,
  bigint: (parameter) => `${parameter}::bigint[]`,
  boolean: (parameter) => `${parameter}::boolean[]`,
  ms: (parameter) => `${parameter}::float8[]`,
};

function travelling<Row>(rows: readonly Row[], [, travel, read]: Column<Row>): unknown {
  if (travel === 'free') return rows.map(read);
  if (travel === 'plain') return rows.map((row) => read(row) ?? NULL_MARK).join(SEPARATOR);
  return `{${rows.map((row) => read(row) ?? 'null').join()}}`;
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

/** Columns a present row has anyway, and what stands for them where a row is only to be changed. */
type Filled = readonly (readonly [column: string, value: string])[];

/** Changes rows that must be there, in the state they are expected in. Written as an insert that meets its row: it finds it by the key and nothing else, whatever
 *  the planner believes of the table. As a join, a plan made while the table was small and kept for the prepared statement took 200 ms a batch.
 *  A row that was not there would be made: of org `!state`, which no count accepts. */
function changePart<Row>(
  name: string,
  table: string,
  columns: readonly Column<Row>[],
  change: { readonly key: readonly string[]; readonly filled: Filled; readonly keeps?: readonly string[]; readonly where?: string },
): Part {
  const carried = columns.filter(([column]) => column !== 'expected' && column !== 'org_id');
  const set = carried
    .filter(([column]) => !change.key.includes(column))
    .map(([column]) => `${column} = ${change.keeps?.includes(column) === true ? `coalesce(excluded.${column}, t.${column})` : `excluded.${column}`}`);
  return {
    name,
    width: columns.length,
    text: (from) =>
      `${name} as (insert into ${table} as t (${[...carried.map(([column]) => column), 'org_id', ...change.filled.map(([column]) => column)].join(', ')}) ` +
      `select ${[...carried.map(stored), `'!' || n.expected`, ...change.filled.map(([, value]) => value)].join(', ')} from fence, ${source(columns, from)} order by n.place ` +
      `on conflict (${change.key.join(', ')}) do update set ${set.join(', ')} where '!' || t.status = excluded.org_id${change.where ?? ''} returning t.org_id)`,
    counted: `where org_id not like '!%'`,
  };
}

const parts = {
  created: insertPart('created', 'instances', createdColumns, [['owner_epoch', 'fence.epoch']]),
  ended: insertPart('ended', 'steps', endedColumns),
  inserts: insertPart('inserts', 'steps', stepColumns),
  updates: changePart('updates', 'steps', updateColumns, { key: ['instance_id', 'path', 'generation'], filled: [], keeps: ['input'] }),
  instances: changePart('moved', 'instances', instanceColumns, {
    key: ['id'],
    filled: [
      ['workflow_id', `''`],
      ['version', '0'],
      ['input', `''`],
      ['priority', '0'],
      ['started_by', `''`],
      ['owner_epoch', 'fence.epoch'],
    ],
    where: ' and t.owner_epoch = excluded.owner_epoch',
  }),
  attempts: insertPart('attempts', 'step_attempts', attemptColumns),
  logs: insertPart('logs', 'step_logs', logColumns),
  events: insertPart('events', 'outbox', eventColumns, [['kind', `'instance'`]]),
} as const satisfies Record<PartName, Part>;

type PartName = keyof Batch | 'ended';

const texts = new Map<string, string>();

/** @returns the statement for these parts: a handful of texts, each made once */
export function statementText(present: readonly PartName[]): string {
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
    counts.push(`(select count(*) from ${part.name} ${part.counted ?? ''}) = $${next}::bigint`);
    next += 1;
  }
  const text =
    `with fence as (select epoch from owners where id = $1 and epoch = $2 for share), ${bodies.join(', ')} ` +
    `select 1 / (case when (select count(*) from fence) = 1 and ${counts.join(' and ')} then 1 else 0 end) as ok`;
  texts.set(key, hot(text));
  return text;
}

/** The rows of one part, as parameters. */
export interface Rows {
  readonly name: PartName;
  readonly count: number;
  readonly values: readonly unknown[];
}

function rowsOf<Row>(name: PartName, rows: readonly Row[], columns: readonly Column<Row>[]): Rows {
  return { name, count: rows.length, values: rows.length === 0 ? [] : columns.map((column) => travelling(rows, column)) };
}

/** The parts of a batch that hold rows, in the order of the statement. */
export function partsOf(batch: Batch): readonly Rows[] {
  return [
    rowsOf('created', batch.created, createdColumns),
    rowsOf('ended', batch.inserts.filter(isPlainEnd), endedColumns),
    rowsOf(
      'inserts',
      batch.inserts.filter((row) => !isPlainEnd(row)),
      stepColumns,
    ),
    rowsOf('updates', batch.updates, updateColumns),
    rowsOf('instances', batch.instances, instanceColumns),
    rowsOf('attempts', batch.attempts, attemptColumns),
    rowsOf('logs', batch.logs, logColumns),
    rowsOf('events', batch.events, eventColumns),
  ].filter((part) => part.count > 0);
}
