/** Rows of saved views. Who may see or change which is asked with every question. */
import type { SavedView } from '../contract/saved-views.ts';
import type { Sql } from './client.ts';

interface Row {
  id: string;
  page: SavedView['page'];
  name: string;
  filter: string;
  is_shared: boolean;
  user_id: string;
  owner: string;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = `v.id, v.page, v.name, v.filter, v.is_shared, v.user_id, u.name as owner, v.created_at, v.updated_at`;

/** A person's own and the shared ones, by name. @param query.after id of the last of the page before */
export async function listSavedViews(
  sql: Sql,
  query: {
    readonly orgId: string;
    readonly userId: string;
    readonly page?: SavedView['page'] | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  },
): Promise<SavedView[]> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from saved_views v join users u on u.id = v.user_id
     where v.org_id = $1 and (v.user_id = $2 or v.is_shared) and ($3::text is null or v.page = $3)
       and ($4::text is null or (lower(v.name), v.id) > (select lower(a.name), a.id from saved_views a where a.org_id = $1 and a.id = $4))
     order by lower(v.name), v.id limit $5`,
    [query.orgId, query.userId, query.page ?? null, query.after ?? null, query.limit],
  );
  return rows.map(toView);
}

/** @returns undefined when the org has none of that id, or it is somebody else's and not shared */
export async function readSavedView(sql: Sql, query: { readonly orgId: string; readonly userId: string; readonly id: string }): Promise<SavedView | undefined> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from saved_views v join users u on u.id = v.user_id where v.org_id = $1 and v.id = $2 and (v.user_id = $3 or v.is_shared)`,
    [query.orgId, query.id, query.userId],
  );
  return rows[0] === undefined ? undefined : toView(rows[0]);
}

/** Changes of a person's views come one after the other: of two that take a name the second is told. */
export async function lockSavedViews(sql: Sql, owner: { readonly orgId: string; readonly userId: string }): Promise<void> {
  await sql.query('select pg_advisory_xact_lock(hashtextextended($1, 14))', [`views ${owner.orgId} ${owner.userId}`]);
}

export async function countSavedViews(sql: Sql, owner: { readonly orgId: string; readonly userId: string }): Promise<number> {
  const { rows } = await sql.query<{ count: number }>('select count(*)::int as count from saved_views where org_id = $1 and user_id = $2', [
    owner.orgId,
    owner.userId,
  ]);
  return rows[0]?.count ?? 0;
}

/** @returns false when the owner has another of that name on the page; a second try of the same id is no other */
export async function insertSavedView(
  sql: Sql,
  view: Pick<SavedView, 'id' | 'page' | 'name' | 'filter' | 'isShared'> & { readonly orgId: string; readonly userId: string; readonly now: Date },
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into saved_views (id, org_id, user_id, page, name, filter, is_shared, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
     on conflict do nothing`,
    [view.id, view.orgId, view.userId, view.page, view.name, view.filter, view.isShared, view.now],
  );
  if (rowCount === 1) return true;
  return (await readSavedView(sql, view)) !== undefined;
}

/** @returns false when its owner has another of that name on the page */
export async function updateSavedView(sql: Sql, view: Pick<SavedView, 'id' | 'name' | 'filter' | 'isShared'> & { readonly now: Date }): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update saved_views v set name = $2, filter = $3, is_shared = $4, updated_at = $5 where v.id = $1 and not exists (
       select 1 from saved_views o where o.org_id = v.org_id and o.user_id = v.user_id and o.page = v.page and lower(o.name) = lower($2) and o.id <> v.id
     )`,
    [view.id, view.name, view.filter, view.isShared, view.now],
  );
  return rowCount === 1;
}

export async function deleteSavedView(sql: Sql, id: string): Promise<void> {
  await sql.query('delete from saved_views where id = $1', [id]);
}

function toView(row: Row): SavedView {
  const { id, page, name, filter } = row;
  const owner = { userId: row.user_id, name: row.owner };
  return { id, page, name, filter, isShared: row.is_shared, owner, createdAt: row.created_at.toISOString(), updatedAt: row.updated_at.toISOString() };
}
