/** The outbox: events written in the transaction of the change they tell of, read in commit order by (xid, position).
 *  Never builds envelopes: realtime/envelope.ts does, at delivery. After the commit, call `database.announce()`.
 *  Invariant: a reader that stays below pg_snapshot_xmin misses nothing; reading by position alone loses rows of
 *  transactions that commit out of order. Readers: realtime/feed.ts, realtime/replay.ts. */
import type { Json } from '../contract/endpoint.ts';
import type { EntityKind, EventType } from '../contract/events.ts';
import { hot, type Sql, type SqlPool } from './client.ts';
import type { outbox } from './schema-jobs.ts';

export interface NewEvent {
  readonly kind: EntityKind;
  readonly id: string;
  /** Gapless in the stream `kind:id`; given by the entity's owner in the same transaction. */
  readonly sequence: number;
  readonly type: EventType;
  /** Null: of the machine, heard in `system`. */
  readonly orgId: string | null;
  /** A second room that hears it: `workflow:<id>` of an instance, `instance:<id>` of a job. */
  readonly parent?: string;
  readonly payload: Record<string, Json>;
  readonly requestId?: string;
}

/** An event as it was written, at its place in the order. */
export interface StoredEvent {
  readonly cursor: Cursor;
  readonly at: Date;
  readonly kind: EntityKind;
  readonly id: string;
  readonly sequence: number;
  readonly type: EventType;
  readonly orgId: string | null;
  readonly parent: string | null;
  /** JSON text. */
  readonly payload: string;
  readonly requestId: string | null;
}

/** Source: CONTRACTS (Limits). What is larger is read from the entity itself. */
export const MAX_PAYLOAD_BYTES = 32 * 1024;

/** Writes events in order. Call it inside the transaction of the change. */
export async function writeEvents(sql: Sql, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql.query(
    hot(`insert into outbox (kind, id, sequence, type, org_id, parent, payload, request_id)
     select e.kind, e.id, e.sequence, e.type, e.org_id, e.parent, e.payload, e.request_id
     from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
       with ordinality as e (kind, id, sequence, type, org_id, parent, payload, request_id, place)
     order by e.place`),
    [
      events.map((event) => event.kind),
      events.map((event) => event.id),
      events.map((event) => event.sequence),
      events.map((event) => event.type),
      events.map((event) => event.orgId),
      events.map((event) => event.parent ?? null),
      events.map((event) => payloadText(event.payload)),
      events.map((event) => event.requestId ?? null),
    ],
  );
}

/** The payload as the outbox keeps it; what is too large says so and leaves the reader to fetch the entity. */
export function payloadText(payload: Record<string, Json>): string {
  const text = JSON.stringify(payload);
  // A character takes three bytes at most: the common payload is not counted.
  if (text.length * 3 <= MAX_PAYLOAD_BYTES) return text;
  const bytes = Buffer.byteLength(text);
  return bytes <= MAX_PAYLOAD_BYTES ? text : JSON.stringify({ truncated: true, bytes });
}

/** Where live events go on from a snapshot: take it before the snapshot is read, and nothing is missed between them. */
export async function currentCursor(sql: Sql): Promise<string> {
  const { rows } = await sql.query<{ xid: string }>(hot('select pg_snapshot_xmin(pg_current_snapshot())::text as xid'));
  return formatCursor({ xid: BigInt(rows[0]?.xid ?? '0'), position: 0 });
}

/** A place in the order of the outbox. */
export interface Cursor {
  readonly xid: bigint;
  readonly position: number;
}

/** The opaque text of a cursor. */
export function formatCursor(cursor: Cursor): string {
  return `${cursor.xid}.${cursor.position}`;
}

/** @returns undefined when `text` is no cursor of ours */
export function parseCursor(text: string): Cursor | undefined {
  const match = /^(\d{1,19})\.(\d{1,15})$/.exec(text);
  return match?.[1] === undefined ? undefined : { xid: BigInt(match[1]), position: Number(match[2]) };
}

/** @returns negative when `a` comes first, 0 when they are the same place */
export function compareCursors(a: Cursor, b: Cursor): number {
  return a.xid === b.xid ? a.position - b.position : a.xid < b.xid ? -1 : 1;
}

/** The next number of a stream whose entity has no row of its own to count in. Call it inside the transaction of the change:
 *  the row lock makes the numbers gapless, also when the transaction rolls back. */
export async function nextSequence(sql: Sql, kind: EntityKind, id: string): Promise<number> {
  const { rows } = await sql.query<{ seq: number }>(
    `insert into streams as s (kind, id, seq) values ($1, $2, 1) on conflict (kind, id) do update set seq = s.seq + 1 returning s.seq`,
    [kind, id],
  );
  return rows[0]?.seq ?? 0;
}

/** A row as the statements below read it. */
export type EventRow = Omit<typeof outbox.$inferSelect, 'xid' | 'kind' | 'type'> & {
  readonly xidText: string;
  readonly kind: EntityKind;
  readonly type: EventType;
};

/** Not named xid: `order by xid` would then mean the text, in which 1000 comes before 999. */
const COLUMNS = `xid::text as "xidText", position, at, kind, id, sequence, type, org_id as "orgId", parent, payload, request_id as "requestId"`;

export interface OutboxPage {
  readonly events: readonly StoredEvent[];
  /** Committed rows exist that an older, still open transaction holds back: look again soon. */
  readonly isHeldBack: boolean;
}

/** The next events after a cursor, in commit order.
 *  LIMIT: a long transaction with writes, in any database of the server, holds back what commits after it began. */
export async function readEvents(sql: Sql, options: { readonly after: Cursor; readonly limit: number }): Promise<OutboxPage> {
  // One statement, so one snapshot: with the floor taken later, a row that commits in between would be passed over.
  const { rows } = await sql.query<EventRow & { isSettled: boolean }>(
    hot(`select ${COLUMNS}, xid < pg_snapshot_xmin(pg_current_snapshot()) as "isSettled" from outbox
     where (xid, position) > ($1::xid8, $2::bigint)
     order by xid, position limit $3`),
    [String(options.after.xid), options.after.position, options.limit],
  );
  const settled = rows.filter((row) => row.isSettled);
  return { events: settled.map(toEvent), isHeldBack: settled.length < rows.length };
}

/** The events of one stream after a sequence, in its order. */
export async function readStream(
  sql: Sql,
  options: { readonly kind: EntityKind; readonly id: string; readonly after: number; readonly limit: number },
): Promise<readonly StoredEvent[]> {
  const { rows } = await sql.query<EventRow>(`select ${COLUMNS} from outbox where kind = $1 and id = $2 and sequence > $3 order by sequence limit $4`, [
    options.kind,
    options.id,
    options.after,
    options.limit,
  ]);
  return rows.map(toEvent);
}

/** What a reader at `upTo` has seen of `rooms` after `after`, in order. At most `scan` rows of the outbox are looked at.
 *  @returns undefined when there are more: the outbox is there, but too far to walk */
export async function readRooms(
  sql: Sql,
  options: { readonly rooms: readonly string[]; readonly after: Cursor; readonly upTo: Cursor; readonly scan: number },
): Promise<readonly StoredEvent[] | undefined> {
  const { rows } = await sql.query<EventRow & { scanned: number }>(
    // Only bounded below: with both bounds the planner expects few rows, and sorts the whole range instead of walking the index.
    `with walked as (
       select ${COLUMNS}, xid as place from outbox where (xid, position) > ($1::xid8, $2::bigint) order by outbox.xid, position limit $5
     )
     select c.scanned, w."xidText", w.position, w.at, w.kind, w.id, w.sequence, w.type, w."orgId", w.parent, w.payload, w."requestId"
     from (select count(*) filter (where (place, position) <= ($3::xid8, $4::bigint)) as scanned from walked) c
     left join walked w on c.scanned < $5 and (w.place, w.position) <= ($3::xid8, $4::bigint)
       and (w.kind || ':' || w.id = any($6) or w.parent = any($6) or coalesce('org:' || w."orgId", 'system') = any($6))
     order by w.place, w.position`,
    [String(options.after.xid), options.after.position, String(options.upTo.xid), options.upTo.position, options.scan, options.rooms],
  );
  // One row at least, for the count: where nothing is heard its event is null.
  return (rows[0]?.scanned ?? 0) >= options.scan ? undefined : rows.filter((row) => row.kind !== null).map(toEvent);
}

/** The same of one entity's own room (`instance:<id>` hears its jobs too), by index: works however busy the others are.
 *  @returns undefined when there are `limit` or more */
export async function readEntityRoom(
  sql: Sql,
  options: { readonly kind: string; readonly id: string; readonly after: Cursor; readonly upTo: Cursor; readonly limit: number },
): Promise<readonly StoredEvent[] | undefined> {
  const { rows } = await sql.query<EventRow>(
    `select ${COLUMNS} from (
       select xid, position, at, kind, id, sequence, type, org_id, parent, payload, request_id from outbox where kind = $1 and id = $2
       union all
       select xid, position, at, kind, id, sequence, type, org_id, parent, payload, request_id from outbox where kind = 'job' and parent = $1 || ':' || $2
     ) as heard
     where (heard.xid, position) > ($3::xid8, $4::bigint) and (heard.xid, position) <= ($5::xid8, $6::bigint)
     order by heard.xid, heard.position limit $7`,
    [options.kind, options.id, String(options.after.xid), options.after.position, String(options.upTo.xid), options.upTo.position, options.limit],
  );
  return rows.length >= options.limit ? undefined : rows.map(toEvent);
}

/** Whether a reader can go on from `cursor`: nothing after it was deleted, and this database has come that far. */
export async function isReplayable(sql: Sql, cursor: Cursor): Promise<boolean> {
  const { rows } = await sql.query<{ reaches: boolean }>(
    `select (xid, position) <= ($1::xid8, $2::bigint) and $1::xid8 <= pg_snapshot_xmin(pg_current_snapshot()) as reaches from outbox_floor`,
    [String(cursor.xid), cursor.position],
  );
  return rows[0]?.reaches === true;
}

/** Deletes events written before `before`: a prefix of the order, so that one floor tells what can be replayed.
 *  @returns how many; call again while it is `limit` */
export async function deleteOldEvents(pool: SqlPool, options: { readonly before: Date; readonly limit: number }): Promise<number> {
  return pool.transaction(async (sql) => {
    // Locks the floor: two processes delete one after the other, each a prefix.
    await sql.query('select xid from outbox_floor for update');
    const { rows } = await sql.query<{ xid: string; position: number }>(
      `with oldest as (select xid, position, at from outbox where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, position limit $2),
       kept as (select xid, position from oldest where at >= $1 order by xid, position limit 1)
       select o.xid::text as xid, o.position from oldest o
       where not exists (select 1 from kept k where (k.xid, k.position) <= (o.xid, o.position))
       order by o.xid desc, o.position desc limit 1`,
      [options.before, options.limit],
    );
    const [last] = rows;
    if (last === undefined) return 0;
    await sql.query('update outbox_floor set xid = $1::xid8, position = $2', [last.xid, last.position]);
    const { rowCount } = await sql.query('delete from outbox where (xid, position) <= ($1::xid8, $2::bigint)', [last.xid, last.position]);
    return rowCount;
  });
}

export function toEvent(row: EventRow): StoredEvent {
  return {
    cursor: { xid: BigInt(row.xidText), position: row.position },
    at: row.at,
    kind: row.kind,
    id: row.id,
    sequence: row.sequence,
    type: row.type,
    orgId: row.orgId,
    parent: row.parent,
    payload: row.payload,
    requestId: row.requestId,
  };
}
