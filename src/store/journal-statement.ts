/** The text of the journal's statement and what travels in it. Texts are constants put together by which parts a batch has; values only travel as parameters.
 *  Invariant: every part finds its rows by key alone, so that a plan kept for a prepared statement stays right however the tables grow. */
import { hot } from './client.ts';
import {
  attemptColumns,
  createdColumns,
  createdOnce,
  endedColumns,
  eventColumns,
  eventsOnce,
  instanceColumns,
  isPlainEnd,
  logColumns,
  NULL_MARK,
  SEPARATOR,
  stepColumns,
  updateColumns,
  type Column,
  type Travel,
} from './journal-columns.ts';
import type { Batch } from './journal.ts';

/** So many rows of a part are written out one by one: without arrays to unpack a commit of one step takes half the time. */
const FEW = 2;

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
  /** @param few how many rows, when they are written out one by one  @param isShared what can travel once for all of them does */
  text(from: number, few: number | undefined, isShared: boolean): string;
  /** Which of its rows count. */
  readonly counted?: string;
}

function source(columns: readonly (readonly [name: string, travel: Travel, ...rest: unknown[]])[], from: number, few: number | undefined): string {
  const names = `as n (${columns.map(([name]) => name).join(', ')}, place)`;
  if (few === undefined) return `unnest(${columns.map(([, travel], index) => arrays[travel](`$${from + index}`)).join(', ')}) with ordinality ${names}`;
  const row = (place: number): string => columns.map(([, travel], index) => `$${from + place * columns.length + index}::${scalars[travel]}`).join(', ');
  return `(values ${Array.from({ length: few }, (_, place) => `(${row(place)}, ${place})`).join(', ')}) ${names}`;
}

const scalars: Readonly<Record<Travel, string>> = { free: 'text', plain: 'text', int: 'int', bigint: 'bigint', boolean: 'boolean', ms: 'float8' };

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
  shared: readonly string[] = [],
): Part {
  return {
    name,
    width: columns.length,
    text(from, few, isShared) {
      const [each, once] = isShared ? split(columns, shared) : [columns, []];
      const values = [...each.map(stored), ...once.map((column, index) => storedOnce(column, from + each.length + index)), ...extra.map(([, value]) => value)];
      return (
        `${name} as (insert into ${table} (${[...each, ...once, ...extra].map(([column]) => column).join(', ')}) ` +
        `select ${values.join(', ')} from fence, ${source(each, from, few)} order by n.place returning 1)`
      );
    },
  };
}

/** The columns of each row, and those with one value for all. */
function split<Row>(columns: readonly Column<Row>[], shared: readonly string[]): readonly [readonly Column<Row>[], readonly Column<Row>[]] {
  return [columns.filter(([name]) => !shared.includes(name)), columns.filter(([name]) => shared.includes(name))];
}

/** A subquery: cast once, not for each row. */
function storedOnce([name, travel]: readonly [name: string, travel: Travel, ...rest: unknown[]], place: number): string {
  const value = `$${place}::${scalars[travel]}`;
  return casts[name] === undefined ? value : `(select ${value}::jsonb)`;
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
    text: (from, few) =>
      `${name} as (insert into ${table} as t (${[...carried.map(([column]) => column), 'org_id', ...change.filled.map(([column]) => column)].join(', ')}) ` +
      `select ${[...carried.map(stored), `'!' || n.expected`, ...change.filled.map(([, value]) => value)].join(', ')} from fence, ${source(columns, from, few)} order by n.place ` +
      `on conflict (${change.key.join(', ')}) do update set ${set.join(', ')} where '!' || t.status = excluded.org_id${change.where ?? ''} returning t.org_id)`,
    counted: `where org_id not like '!%'`,
  };
}

/** A change that leaves the state as it was (a wait that goes on, a heartbeat) would be accepted twice after a lost connection, its events too. */
const YOUNGER = ' and t.seq < excluded.seq';

const parts = {
  created: insertPart('created', 'instances', createdColumns, [['owner_epoch', 'fence.epoch']], createdOnce),
  ended: insertPart('ended', 'steps', endedColumns),
  inserts: insertPart('inserts', 'steps', stepColumns),
  updates: changePart('updates', 'steps', updateColumns, { key: ['instance_id', 'path', 'generation'], filled: [], keeps: ['input'], where: YOUNGER }),
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
    where: ` and t.owner_epoch = excluded.owner_epoch${YOUNGER}`,
  }),
  attempts: insertPart('attempts', 'step_attempts', attemptColumns),
  logs: insertPart('logs', 'step_logs', logColumns),
  events: insertPart('events', 'outbox', eventColumns, [['kind', `'instance'`]], eventsOnce),
} as const satisfies Record<PartName, Part>;

type PartName = keyof Batch | 'ended';

const texts = new Map<string, string>();

/** @returns the statement for these parts: a few dozen texts, each made once */
export function statementText(present: readonly Rows[]): string {
  const key = present.map((part) => `${part.name} ${part.few ?? (part.isShared ? 'shared' : 'many')}`).join();
  const known = texts.get(key);
  if (known !== undefined) return known;
  let next = 3;
  const bodies: string[] = [];
  const counts: string[] = [];
  for (const { name, few, isShared } of present) {
    const part: Part = parts[name];
    bodies.push(part.text(next, few, isShared));
    next += part.width * (few ?? 1);
    counts.push(`(select count(*) from ${part.name} ${part.counted ?? ''}) = $${next}::bigint`);
    next += 1;
  }
  const text =
    `with fence as (select epoch from owners where id = $1 and epoch = $2 for share), ${bodies.join(', ')} ` +
    `select 1 / (case when (select count(*) from fence) = 1 and ${counts.join(' and ')} then 1 else 0 end) as ok`;
  texts.set(key, hot(text));
  return text;
}

/** The rows of one part, as parameters, their number last. */
export interface Rows {
  readonly name: PartName;
  readonly few: number | undefined;
  readonly isShared: boolean;
  readonly values: readonly unknown[];
}

function rowsOf<Row>(name: PartName, rows: readonly Row[], columns: readonly Column<Row>[], shared: readonly string[] = []): Rows {
  const count = rows.length;
  if (count <= FEW) return { name, few: count, isShared: false, values: [...rows.flatMap((row) => columns.map(([, , read]) => read(row))), count] };
  const [each, once] = split(columns, shared);
  const [first] = rows;
  if (first === undefined || !areShared(rows, once))
    return { name, few: undefined, isShared: false, values: [...columns.map((column) => travelling(rows, column)), count] };
  const values = [...each.map((column) => travelling(rows, column)), ...once.map(([, , read]) => read(first)), count];
  return { name, few: undefined, isShared: true, values };
}

/** Whether all rows say the same in these columns. The last row is looked at first: where many requests meet, it is another's. */
function areShared<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): boolean {
  const [first] = rows;
  const last = rows.at(-1);
  if (first === undefined || last === undefined || columns.length === 0) return false;
  const says = (row: Row): boolean => columns.every(([, , read]) => read(row) === read(first));
  return says(last) && rows.every(says);
}

/** The parts of a batch that hold rows, in the order of the statement. */
export function partsOf(batch: Batch): readonly Rows[] {
  return [
    rowsOf('created', batch.created, createdColumns, createdOnce),
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
    rowsOf('events', batch.events, eventColumns, eventsOnce),
  ].filter((part) => part.few !== 0);
}
