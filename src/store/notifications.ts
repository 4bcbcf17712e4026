/** Rows of the inbox: what a person was told in an org. Never decides who is told; notify/ does. */
import type { Notification } from '../contract/notifications.ts';
import type { NotificationKind } from '../contract/values.ts';
import type { Sql } from './client.ts';

/** What a message is about; each may be absent. */
export interface About {
  readonly workflowId: string | null;
  readonly instanceId: string | null;
  readonly stepPath: string | null;
}

/** One of several that are told together. */
export interface Occurrence {
  readonly instanceId: string;
  /** One line: where it ended and why; empty when there is nothing to say. */
  readonly text: string;
}

/** Several told together. */
export interface Fold {
  /** Those with the same are. */
  readonly key: string;
  readonly count: number;
  /** The first few. */
  readonly shown: readonly Occurrence[];
}

export interface NewNotification extends About {
  readonly id: string;
  readonly orgId: string;
  readonly userId: string;
  /** What made it; a second one of the same source is not made. */
  readonly source: string;
  readonly kind: NotificationKind;
  readonly title: string;
  readonly body: string;
  readonly now: Date;
  /** Null: it stands alone. */
  readonly fold: Fold | null;
}

/** @returns the ids that were made: those whose source was new */
export async function insertNotifications(sql: Sql, rows: readonly NewNotification[]): Promise<ReadonlySet<string>> {
  if (rows.length === 0) return new Set();
  const column = <Key extends keyof NewNotification>(key: Key): readonly NewNotification[Key][] => rows.map((row) => row[key]);
  const made = await sql.query<{ id: string }>(
    `insert into notifications (id, org_id, user_id, source, kind, title, body, workflow_id, instance_id, step_path, created_at, fold, count, shown)
     select n.id, n.org_id, n.user_id, n.source, n.kind, n.title, n.body, n.workflow_id, n.instance_id, n.step_path, n.created_at, n.fold, n.count, n.shown
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[],
       $12::text[], $13::int[], $14::jsonb[])
       as n (id, org_id, user_id, source, kind, title, body, workflow_id, instance_id, step_path, created_at, fold, count, shown)
     on conflict (source) do nothing returning id`,
    [
      column('id'),
      column('orgId'),
      column('userId'),
      column('source'),
      column('kind'),
      column('title'),
      column('body'),
      column('workflowId'),
      column('instanceId'),
      column('stepPath'),
      column('now'),
      ...foldColumns(rows),
    ],
  );
  return new Set(made.rows.map((row) => row.id));
}

/** The columns fold, count and shown of rows. */
export function foldColumns(rows: readonly { readonly fold: Fold | null }[]): readonly (readonly (string | number | null)[])[] {
  return [
    rows.map(({ fold }) => fold?.key ?? null),
    rows.map(({ fold }) => fold?.count ?? 1),
    rows.map(({ fold }) => (fold === null ? null : JSON.stringify(fold.shown))),
  ];
}

/** The unread ones made since `since` that more may be told with, by fold; held until the transaction ends. */
export async function lockOpenNotifications(
  sql: Sql,
  asked: { readonly folds: readonly string[]; readonly since: Date },
): Promise<ReadonlyMap<string, Fold & { readonly id: string }>> {
  const { rows } = await sql.query<Fold & { id: string }>(
    `select id, fold as key, count, shown from notifications where fold = any($1) and created_at > $2 and read_at is null order by created_at, id for update`,
    [asked.folds, asked.since],
  );
  return new Map(rows.map((row) => [row.key, row]));
}

/** Tells more with one that was made. */
export async function growNotification(sql: Sql, grown: Fold & { readonly id: string; readonly title: string; readonly body: string }): Promise<void> {
  await sql.query(`update notifications set count = $2, shown = $3, title = $4, body = $5, instance_id = null, step_path = null where id = $1`, [
    grown.id,
    grown.count,
    JSON.stringify(grown.shown),
    grown.title,
    grown.body,
  ]);
}

interface Inbox {
  readonly orgId: string;
  readonly userId: string;
}

const COLUMNS = `id, kind, title, body, count, workflow_id as "workflowId", instance_id as "instanceId", step_path as "stepPath", read_at as "readAt", created_at as "createdAt"`;

type Row = Omit<Notification, 'readAt' | 'createdAt'> & { readonly readAt: Date | null; readonly createdAt: Date };

/** Newest first. */
export async function listNotifications(
  sql: Sql,
  page: Inbox & { readonly unreadOnly: boolean; readonly after?: string | undefined; readonly limit: number },
): Promise<readonly Notification[]> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from notifications
     where org_id = $1 and user_id = $2 and (not $3 or read_at is null) and ($4::text is null or id < $4) order by id desc limit $5`,
    [page.orgId, page.userId, page.unreadOnly, page.after ?? null, page.limit],
  );
  return rows.map(toNotification);
}

export async function countUnread(sql: Sql, inbox: Inbox): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(`select count(*) as count from notifications where org_id = $1 and user_id = $2 and read_at is null`, [
    inbox.orgId,
    inbox.userId,
  ]);
  return rows[0]?.count ?? 0;
}

/** Marks one as read; one that is read stays as it is. @returns undefined when this inbox does not have it */
export async function markRead(sql: Sql, at: Inbox & { readonly id: string; readonly now: Date }): Promise<Notification | undefined> {
  const { rows } = await sql.query<Row>(
    `update notifications set read_at = coalesce(read_at, $4) where org_id = $1 and user_id = $2 and id = $3 returning ${COLUMNS}`,
    [at.orgId, at.userId, at.id, at.now],
  );
  return rows[0] === undefined ? undefined : toNotification(rows[0]);
}

/** @returns how many were unread */
export async function markAllRead(sql: Sql, at: Inbox & { readonly now: Date }): Promise<number> {
  const { rowCount } = await sql.query(`update notifications set read_at = $3 where org_id = $1 and user_id = $2 and read_at is null`, [
    at.orgId,
    at.userId,
    at.now,
  ]);
  return rowCount;
}

/** @returns how many; call again while it is `limit` */
export async function deleteOldNotifications(sql: Sql, options: { readonly before: Date; readonly limit: number }): Promise<number> {
  const { rowCount } = await sql.query(`delete from notifications where id in (select id from notifications where created_at < $1 limit $2)`, [
    options.before,
    options.limit,
  ]);
  return rowCount;
}

function toNotification(row: Row): Notification {
  return { ...row, readAt: row.readAt?.toISOString() ?? null, createdAt: row.createdAt.toISOString() };
}
