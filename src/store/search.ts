/** What the palette finds, one question a kind. Each is bounded by what it looks at, not only by what it gives: names are held against the newest so many
 *  rows where no index helps. Words are looked for as they are, whatever their case; nothing in them is a pattern. */
import type { Sql } from './client.ts';
import { idsLabelled, type Label } from './instance-labels.ts';

interface Query {
  readonly orgId: string;
  /** In lower case. */
  readonly words: string;
  readonly limit: number;
}

/** Rows that are looked at where no index helps, newest first: some 20 ms each. */
const LOOKED_AT = 5_000;
/** Definitions are larger. */
const DEFINITIONS = 1_000;

interface Hit {
  readonly id: string;
  readonly title: string;
  readonly matched: string;
  readonly detail: string | null;
  readonly status: string | null;
  readonly at: Date;
}

/** By name, tag or description: the name's beginning first, then anywhere in it, then the rest. */
export async function searchWorkflows(sql: Sql, query: Query): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select id, name as title, case when strpos(lower(name), $2) > 0 then 'name' when tag is not null then 'tag' else 'description' end as matched,
       case when strpos(lower(name), $2) > 0 then null else tag end as detail, null as status, updated_at as at
     from (select w.*, (select t from unnest(w.tags) t where strpos(lower(t), $2) > 0 limit 1) as tag from workflows w where w.org_id = $1 and w.archived_at is null) w
     where strpos(lower(name), $2) > 0 or tag is not null or strpos(lower(description), $2) > 0
     order by starts_with(lower(name), $2) desc, strpos(lower(name), $2) > 0 desc, tag is not null desc, id desc limit $3`,
    [query.orgId, query.words, query.limit],
  );
  return rows;
}

/** By a node's name, key or type, those in bodies included, over the workflows that were changed last. */
export async function searchNodes(sql: Sql, query: Query): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select distinct on (w.updated_at, w.id) w.id, w.name as title, 'node' as matched, concat_ws(' · ', coalesce(n.node ->> 'name', n.node ->> 'key'), n.node ->> 'type') as detail,
       null as status, w.updated_at as at
     from (select id, name, version, updated_at from workflows where org_id = $1 and archived_at is null order by updated_at desc limit $4) w
     join workflow_versions v on v.workflow_id = w.id and v.version = w.version
     cross join lateral jsonb_path_query(v.definition, 'strict $.**.nodes[*]', '{}', true) as n (node)
     where strpos(lower(concat_ws(' ', n.node ->> 'name', n.node ->> 'key', n.node ->> 'type')), $2) > 0
     order by w.updated_at desc, w.id limit $3`,
    [query.orgId, query.words, query.limit, DEFINITIONS],
  );
  return rows;
}

/** Of these workflows, each with its newest instance. */
export async function newestInstances(sql: Sql, query: { readonly orgId: string; readonly workflowIds: readonly string[] }): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select i.id, w.name as title, 'workflow' as matched, null as detail, i.status, i.created_at as at from workflows w
     cross join lateral (select id, status, created_at from instances where workflow_id = w.id and not is_test order by id desc limit 1) i
     where w.org_id = $1 and w.id = any($2) order by i.id desc`,
    [query.orgId, query.workflowIds],
  );
  return rows;
}

/** @param query.to the first id that does not begin like the one asked for */
export async function findInstancesById(
  sql: Sql,
  query: { readonly orgId: string; readonly from: string; readonly to: string; readonly limit: number },
): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select i.id, w.name as title, 'id' as matched, null as detail, i.status, i.created_at as at from instances i join workflows w on w.id = i.workflow_id
     where i.org_id = $1 and i.id >= $2 and i.id < $3 order by i.id desc limit $4`,
    [query.orgId, query.from, query.to, query.limit],
  );
  return rows;
}

/** Of a label that more have, the newest are soon found without its index. */
const FEW_LABELLED = 5_000;

interface LabelQuery {
  readonly orgId: string;
  readonly label: Label;
  readonly limit: number;
}

export async function findInstancesByLabel(sql: Sql, query: LabelQuery): Promise<Hit[]> {
  const ids = await idsLabelled(sql, { labels: [query.label], limit: FEW_LABELLED });
  const { rows } = await sql.query<Hit>(
    `select i.id, w.name as title, 'label' as matched, $3 as detail, i.status, i.created_at as at from instances i join workflows w on w.id = i.workflow_id
     where i.org_id = $1 and i.labels @> $2 and ($5::text[] is null or i.id = any($5)) and not i.is_test order by i.id desc limit $4`,
    [query.orgId, JSON.stringify({ [query.label.key]: query.label.value }), `${query.label.key}:${query.label.value}`, query.limit, ids ?? null],
  );
  return rows;
}

/** By what went wrong, over the newest instances. */
export async function searchErrors(sql: Sql, query: Query): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select i.id, w.name as title, 'error' as matched, left(i.error ->> 'message', 200) as detail, i.status, i.created_at as at
     from (select id, workflow_id, status, error, created_at from instances where org_id = $1 and not is_test order by id desc limit $4) i
     join workflows w on w.id = i.workflow_id
     where i.error is not null and strpos(lower(concat_ws(' ', i.error ->> 'code', i.error ->> 'message')), $2) > 0 order by i.id desc limit $3`,
    [query.orgId, query.words, query.limit, LOOKED_AT],
  );
  return rows;
}

/** By the beginning of the id, a label, or the name of recent ones. */
export async function searchJobs(sql: Sql, query: Query & { readonly label: { readonly key: string; readonly value: string } | undefined }): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select id, coalesce(name, type) as title, case when starts_with(id, $2) then 'id' when strpos(lower(coalesce(name, '')), $2) > 0 then 'name' else 'label' end as matched,
       case when starts_with(id, $2) or strpos(lower(coalesce(name, '')), $2) > 0 then null else $6 end as detail, status, created_at as at
     from (select id, name, type, labels, status, created_at from jobs where org_id = $1 order by id desc limit $4) j
     where starts_with(id, $2) or strpos(lower(coalesce(name, '')), $2) > 0 or labels @> $5::jsonb order by id desc limit $3`,
    [
      query.orgId,
      query.words,
      query.limit,
      LOOKED_AT,
      query.label === undefined ? null : JSON.stringify({ [query.label.key]: query.label.value }),
      query.label === undefined ? null : `${query.label.key}:${query.label.value}`,
    ],
  );
  return rows;
}

/** The org's own and the machine's. */
export async function searchModels(sql: Sql, query: Query): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select id, name as title, 'name' as matched, null as detail, null as status, updated_at as at from models
     where (org_id = $1 or org_id is null) and strpos(lower(name), $2) > 0 order by starts_with(lower(name), $2) desc, id desc limit $3`,
    [query.orgId, query.words, query.limit],
  );
  return rows;
}

/** By path, over those made last: the beginning of a path first, then that of a name. */
export async function searchFiles(sql: Sql, query: Query): Promise<Hit[]> {
  const { rows } = await sql.query<Hit>(
    `select path as id, path as title, 'path' as matched, null as detail, null as status, updated_at as at
     from (select path, updated_at, id from files where org_id = $1 order by id desc limit $4) f
     where strpos(lower(path), $2) > 0 order by starts_with(lower(path), $2) desc, strpos(lower(path), '/' || $2) > 0 desc, id desc limit $3`,
    [query.orgId, query.words, query.limit, LOOKED_AT],
  );
  return rows;
}
