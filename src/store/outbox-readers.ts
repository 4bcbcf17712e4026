/** Durable readers of the outbox: each has a name and a cursor in the database, and makes rows of the events it reads in the transaction
 *  that moves the cursor. So nothing is lost and nothing is made twice, whenever the process dies.
 *  Invariant: one process at a time reads under a name (its row is locked); several names go their own pace. */
import type { EventType } from '../contract/events.ts';
import type { SqlPool, Sql } from './client.ts';
import { toEvent, type EventRow, type StoredEvent } from './outbox.ts';

/** Rows of the outbox that one look walks; most are of no interest to a reader, and cost about a microsecond. */
const SCAN = 5_000;

/** Makes the reader known. One that is new begins with what is written from now on; a known one keeps its place. */
export async function ensureReader(sql: Sql, name: string): Promise<void> {
  await sql.query(`insert into outbox_readers (name, xid, position) values ($1, pg_snapshot_xmin(pg_current_snapshot()), 0) on conflict (name) do nothing`, [
    name,
  ]);
}

export interface ReadRequest {
  readonly name: string;
  /** The others are passed over. A function is asked while nobody else can read under this name. */
  readonly types: readonly EventType[] | ((sql: Sql) => Promise<readonly EventType[]>);
  /** Makes rows of the events, in the order they were committed. Runs in the transaction that moves the cursor; called only with events. */
  readonly make: (sql: Sql, events: readonly StoredEvent[]) => Promise<void>;
}

/** Reads what came since the cursor, hands the events of interest to `make`, and moves the cursor, in one transaction.
 *  @returns `more`: look again at once; `made`: events were handed on */
export async function readOnce(pool: SqlPool, request: ReadRequest): Promise<{ readonly more: boolean; readonly made: boolean }> {
  // Without a lock first: an idle look costs no transaction number.
  if (!(await hasNews(pool, request.name))) return { more: false, made: false };
  return pool.transaction(async (sql) => {
    const cursor = await lockReader(sql, request.name);
    if (cursor === undefined) return { more: false, made: false };
    const types = typeof request.types === 'function' ? await request.types(sql) : request.types;
    const walked = await walk(sql, { ...cursor, types });
    if (walked === undefined) return { more: false, made: false };
    if (walked.events.length > 0) await request.make(sql, walked.events);
    await sql.query('update outbox_readers set xid = $2::xid8, position = $3 where name = $1', [request.name, walked.lastXid, walked.lastPosition]);
    return { more: walked.count === SCAN, made: walked.events.length > 0 };
  });
}

async function hasNews(sql: Sql, name: string): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(
    `select exists (select 1 from outbox o where (o.xid, o.position) > (r.xid, r.position)) as found from outbox_readers r where r.name = $1`,
    [name],
  );
  return rows[0]?.found === true;
}

/** @returns undefined while another process reads under this name */
async function lockReader(sql: Sql, name: string): Promise<{ readonly xid: string; readonly position: number } | undefined> {
  const { rows } = await sql.query<{ xid: string; position: number }>(
    `select xid::text as xid, position from outbox_readers where name = $1 for update skip locked`,
    [name],
  );
  return rows[0];
}

interface Walked {
  readonly count: number;
  readonly lastXid: string;
  readonly lastPosition: number;
  readonly events: readonly StoredEvent[];
}

/** One statement, so one snapshot. What an open transaction still holds back ends the walk: settled rows are a prefix of the order. */
async function walk(sql: Sql, from: { readonly xid: string; readonly position: number; readonly types: readonly EventType[] }): Promise<Walked | undefined> {
  const { rows } = await sql.query<EventRow & { count: number; lastXid: string; lastPosition: number }>(
    `with walked as materialized (
       select xid, position, type, xid < pg_snapshot_xmin(pg_current_snapshot()) as is_settled
       from outbox where (xid, position) > ($1::xid8, $2::bigint) order by outbox.xid, position limit $4
     ), settled as (select xid, position, type from walked where is_settled),
     last as (select xid, position, (select count(*) from settled) as count from settled order by xid desc, position desc limit 1)
     select l.count, l.xid::text as "lastXid", l.position as "lastPosition", o.xid::text as "xidText", o.position, o.at, o.kind, o.id, o.sequence, o.type,
       o.org_id as "orgId", o.parent, o.payload, o.request_id as "requestId"
     from last l left join (settled s join outbox o on o.position = s.position) on s.type = any($3)
     order by o.xid, o.position`,
    [from.xid, from.position, from.types, SCAN],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  // One row at least, for the place: where nothing is of interest its event is null.
  return { count: first.count, lastXid: first.lastXid, lastPosition: first.lastPosition, events: rows.filter((row) => row.kind !== null).map(toEvent) };
}
