/** What each org takes: rows of the database with their share of its bytes, and content by its rows. Across orgs: for ops alone, which shows an org only its own.
 *  One thing to know: of large tables a sample is read, so rows and bytes of the database are estimates. */
import pg from 'pg';
import type { Sql } from './client.ts';

export interface OrgTable {
  readonly name: string;
  readonly isPartitioned: boolean;
  /** As PostgreSQL last estimated; 0 before it looked. */
  readonly rows: number;
  /** With indexes and what is kept beside. */
  readonly bytes: number;
}

/** Tables whose rows are of orgs, largest first: whatever has a column org_id. */
export async function listOrgTables(sql: Sql): Promise<OrgTable[]> {
  const { rows } = await sql.query<OrgTable>(
    `select c.relname as name, c.relkind = 'p' as "isPartitioned", sum(greatest(leaf.reltuples, 0))::float8 as rows, sum(pg_total_relation_size(leaf.oid))::float8 as bytes
     from pg_class c
     join pg_class leaf on leaf.oid = c.oid and c.relkind = 'r' or c.relkind = 'p' and leaf.relkind = 'r' and leaf.oid in (select relid from pg_partition_tree(c.oid))
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and has_table_privilege(c.oid, 'select')
       and exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped)
     group by c.oid, c.relname, c.relkind order by bytes desc, c.relname limit 200`,
  );
  return rows;
}

export interface OrgShare {
  readonly orgId: string;
  readonly rows: number;
  /** Of the rows themselves: what shares of a table are measured by. */
  readonly weight: number;
}

/** @param percent of the table's pages that are read; 100: all of it */
export async function readOrgShares(sql: Sql, { name, percent }: { readonly name: string; readonly percent: number }): Promise<OrgShare[]> {
  const sample = percent >= 100 ? '' : `tablesample system (${Number(percent)})`;
  const { rows } = await sql.query<OrgShare>(
    `select org_id as "orgId", count(*) * 100 / $1::float8 as rows, sum(pg_column_size(t.*)) * 100 / $1::float8 as weight
     from ${pg.escapeIdentifier(name)} t ${sample} where org_id is not null group by org_id`,
    [Math.min(100, percent)],
  );
  return rows;
}

export interface OrgContent {
  readonly orgId: string;
  readonly name: string;
  readonly files: number;
  readonly fileBytes: number;
  readonly artifacts: number;
  readonly artifactBytes: number;
  /** Of files and artifacts on disk: the same content stands there once. */
  readonly contentBytes: number;
  readonly uploads: number;
  readonly uploadBytes: number;
  readonly models: number;
  readonly modelBytes: number;
}

/** Every org, by name. */
export async function listOrgContent(sql: Sql): Promise<OrgContent[]> {
  const { rows } = await sql.query<OrgContent>(
    `select o.id as "orgId", o.name, coalesce(f.count, 0) as files, coalesce(f.bytes, 0)::float8 as "fileBytes", coalesce(a.count, 0) as artifacts,
       coalesce(a.bytes, 0)::float8 as "artifactBytes", coalesce(c.bytes, 0)::float8 as "contentBytes", coalesce(u.count, 0) as uploads,
       coalesce(u.bytes, 0)::float8 as "uploadBytes", coalesce(m.count, 0) as models, coalesce(m.bytes, 0)::float8 as "modelBytes"
     from orgs o
     left join (select org_id, count(*) as count, sum(bytes) as bytes from files group by org_id) f on f.org_id = o.id
     left join (select org_id, count(*) as count, sum(bytes) as bytes from artifacts group by org_id) a on a.org_id = o.id
     left join (select org_id, sum(bytes) as bytes from (select org_id, sha256, bytes from files union select org_id, sha256, bytes from artifacts) one group by org_id) c
       on c.org_id = o.id
     left join (select org_id, count(*) as count, sum(received) as bytes from uploads group by org_id) u on u.org_id = o.id
     left join (select org_id, count(*) as count, sum(bytes) as bytes from models where org_id is not null group by org_id) m on m.org_id = o.id
     order by lower(o.name), o.id limit 10000`,
  );
  return rows;
}

/** Whose these jobs are; those that are gone are left out. */
export async function readJobOrgs(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql.query<{ id: string; orgId: string }>(`select id, org_id as "orgId" from jobs where id = any($1)`, [ids]);
  return new Map(rows.map(({ id, orgId }) => [id, orgId]));
}
