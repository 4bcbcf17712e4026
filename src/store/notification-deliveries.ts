/** Rows of deliveries: messages to webhooks and addresses, each sent until it was taken or given up. Secrets stand here by name only. */
import type { Delivery } from '../contract/notifications.ts';
import type { DeliveryStatus, NotificationKind } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { foldColumns, type About, type Fold } from './notifications.ts';

export interface NewDelivery extends About {
  readonly id: string;
  readonly orgId: string;
  /** What made it; a second one of the same source is not made. */
  readonly source: string;
  readonly channel: 'webhook' | 'email';
  readonly target: string | null;
  readonly urlSecret: string | null;
  readonly signSecret: string | null;
  readonly kind: NotificationKind;
  readonly title: string;
  readonly body: string;
  readonly now: Date;
  /** When it is sent first. */
  readonly dueAt: Date;
  /** Null: it stands alone. */
  readonly fold: Fold | null;
}

export async function insertDeliveries(sql: Sql, rows: readonly NewDelivery[]): Promise<void> {
  if (rows.length === 0) return;
  const column = <Key extends keyof NewDelivery>(key: Key): readonly NewDelivery[Key][] => rows.map((row) => row[key]);
  await sql.query(
    `insert into notification_deliveries
       (id, org_id, source, channel, target, url_secret, sign_secret, kind, title, body, workflow_id, instance_id, step_path, status, next_at, created_at, due_at, fold, count, shown)
     select d.id, d.org_id, d.source, d.channel, d.target, d.url_secret, d.sign_secret, d.kind, d.title, d.body, d.workflow_id, d.instance_id, d.step_path,
       'queued', d.due_at, d.created_at, d.due_at, d.fold, d.count, d.shown
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
       $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::text[], $17::int[], $18::jsonb[])
       as d (id, org_id, source, channel, target, url_secret, sign_secret, kind, title, body, workflow_id, instance_id, step_path, created_at, due_at, fold,
         count, shown)
     on conflict (source) do nothing`,
    [
      column('id'),
      column('orgId'),
      column('source'),
      column('channel'),
      column('target'),
      column('urlSecret'),
      column('signSecret'),
      column('kind'),
      column('title'),
      column('body'),
      column('workflowId'),
      column('instanceId'),
      column('stepPath'),
      column('now'),
      column('dueAt'),
      ...foldColumns(rows),
    ],
  );
}

/** The last delivery of a fold. */
export interface LastDelivery extends Fold {
  readonly id: string;
  readonly dueAt: Date;
  /** Nobody has begun to send it: more may be told with it. */
  readonly isOpen: boolean;
}

/** By fold, the last delivery since `since`; held until the transaction ends. */
export async function lockLastDeliveries(
  sql: Sql,
  asked: { readonly folds: readonly string[]; readonly since: Date },
): Promise<ReadonlyMap<string, LastDelivery>> {
  const { rows } = await sql.query<LastDelivery>(
    `select id, fold as key, count, shown, due_at as "dueAt", status = 'queued' and attempts = 0 and last_error is null as "isOpen" from notification_deliveries
     where fold = any($1) and due_at > $2 order by due_at, id for update`,
    [asked.folds, asked.since],
  );
  return new Map(rows.map((row) => [row.key, row]));
}

/** Tells more with one that was not sent yet. */
export async function growDelivery(sql: Sql, grown: Fold & { readonly id: string; readonly title: string; readonly body: string }): Promise<void> {
  await sql.query(`update notification_deliveries set count = $2, shown = $3, title = $4, body = $5, instance_id = null, step_path = null where id = $1`, [
    grown.id,
    grown.count,
    JSON.stringify(grown.shown),
    grown.title,
    grown.body,
  ]);
}

/** The ids of the deliveries that these sources made, in no order. */
export async function findDeliveries(sql: Sql, sources: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql.query<{ id: string }>(`select id from notification_deliveries where source = any($1) order by id`, [sources]);
  return rows.map((row) => row.id);
}

/** What one attempt needs. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly orgId: string;
  readonly channel: 'webhook' | 'email';
  readonly target: string | null;
  readonly urlSecret: string | null;
  readonly signSecret: string | null;
  readonly title: string;
  readonly body: string;
  /** This one counted. */
  readonly attempts: number;
}

/** Takes what is due, oldest first, and keeps it from others until `lostAt`: an attempt that says nothing by then is made again. */
export async function claimDeliveries(
  sql: Sql,
  options: { readonly now: Date; readonly lostAt: Date; readonly limit: number },
): Promise<readonly ClaimedDelivery[]> {
  const { rows } = await sql.query<ClaimedDelivery>(
    `update notification_deliveries d set attempts = d.attempts + 1, next_at = $2
     from (select id from notification_deliveries where next_at <= $1 order by next_at, id limit $3 for update skip locked) due
     where d.id = due.id
     returning d.id, d.org_id as "orgId", d.channel, d.target, d.url_secret as "urlSecret", d.sign_secret as "signSecret", d.title, d.body, d.attempts`,
    [options.now, options.lostAt, options.limit],
  );
  return rows;
}

/** How an attempt went. One that lost its claim meanwhile changes nothing. */
export async function recordAttempt(
  sql: Sql,
  attempt: {
    readonly id: string;
    readonly attempts: number;
    readonly status: DeliveryStatus;
    readonly nextAt: Date | null;
    readonly lastError: string | null;
    readonly now: Date;
  },
): Promise<void> {
  await sql.query(
    `update notification_deliveries set status = $3, next_at = $4, last_error = $5, ended_at = case when $4::timestamptz is null then $6::timestamptz end
     where id = $1 and attempts = $2 and next_at is not null`,
    [attempt.id, attempt.attempts, attempt.status, attempt.nextAt, attempt.lastError, attempt.now],
  );
}

/** When the next attempt is due; undefined when none is. */
export async function readNextDelivery(sql: Sql): Promise<Date | undefined> {
  const { rows } = await sql.query<{ nextAt: Date }>(
    `select next_at as "nextAt" from notification_deliveries where next_at is not null order by next_at limit 1`,
  );
  return rows[0]?.nextAt;
}

const COLUMNS = `id, channel, coalesce(target, 'secret:' || url_secret) as target, kind, title, count, workflow_id as "workflowId", instance_id as "instanceId",
  step_path as "stepPath", status, attempts, next_at as "nextAt", last_error as "lastError", created_at as "createdAt", ended_at as "endedAt"`;

type Row = Omit<Delivery, 'nextAt' | 'createdAt' | 'endedAt'> & { readonly nextAt: Date | null; readonly createdAt: Date; readonly endedAt: Date | null };

/** Newest first. */
export async function listDeliveries(
  sql: Sql,
  page: { readonly orgId: string; readonly statuses: readonly string[] | undefined; readonly after?: string | undefined; readonly limit: number },
): Promise<readonly Delivery[]> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from notification_deliveries
     where org_id = $1 and ($2::text[] is null or status = any($2)) and ($3::text is null or id < $3) order by id desc limit $4`,
    [page.orgId, page.statuses ?? null, page.after ?? null, page.limit],
  );
  return rows.map(toDelivery);
}

/** Makes a delivery that failed due now, with all its attempts before it. @returns undefined when there is none, `moving` when none of its attempts failed */
export async function requeueDelivery(
  sql: Sql,
  at: { readonly orgId: string; readonly id: string; readonly now: Date },
): Promise<Delivery | 'moving' | undefined> {
  const { rows } = await sql.query<Row>(
    `update notification_deliveries set status = 'queued', attempts = 0, next_at = $3, ended_at = null where org_id = $1 and id = $2 and status in ('failed', 'dead')
     returning ${COLUMNS}`,
    [at.orgId, at.id, at.now],
  );
  if (rows[0] !== undefined) return toDelivery(rows[0]);
  const found = await sql.query(`select 1 as one from notification_deliveries where org_id = $1 and id = $2`, [at.orgId, at.id]);
  return found.rows.length > 0 ? 'moving' : undefined;
}

/** @returns how many; call again while it is `limit` */
export async function deleteOldDeliveries(sql: Sql, options: { readonly before: Date; readonly limit: number }): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from notification_deliveries where id in (select id from notification_deliveries where ended_at < $1 limit $2)`,
    [options.before, options.limit],
  );
  return rowCount;
}

function toDelivery(row: Row): Delivery {
  return { ...row, nextAt: row.nextAt?.toISOString() ?? null, createdAt: row.createdAt.toISOString(), endedAt: row.endedAt?.toISOString() ?? null };
}
