/** Versions of workflows. A version's structure never changes; what does not matter to a run (names, positions, triggers) may be written over when the
 *  structure is the same. Call the writers in the transaction of the workflow's own change (workflows.ts), which tells of it. */
import type * as z from 'zod';
import type { Definition } from '../contract/graph.ts';
import type { workflowVersion } from '../contract/workflows.ts';
import type { Sql } from './client.ts';
import { readTestDefinition } from './test-definitions.ts';

type WorkflowVersion = z.infer<typeof workflowVersion>;

export interface NewVersion {
  readonly orgId: string;
  readonly workflowId: string;
  readonly version: number;
  readonly definition: Definition;
  readonly structuralHash: string;
  readonly publishedBy: string;
}

export async function insertVersion(sql: Sql, version: NewVersion): Promise<void> {
  await sql.query(
    `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count, published_by) values ($1, $2, $3, $4::jsonb, $5, $6, (select id from users where id = $7))`,
    [
      version.workflowId,
      version.version,
      version.orgId,
      JSON.stringify(version.definition),
      version.structuralHash,
      version.definition.nodes.length,
      version.publishedBy,
    ],
  );
}

/** Writes over what does not matter to a run. */
export async function updateVersion(sql: Sql, version: Pick<NewVersion, 'workflowId' | 'version' | 'definition' | 'publishedBy'>): Promise<void> {
  await sql.query(
    `update workflow_versions set definition = $3::jsonb, published_by = coalesce((select id from users where id = $4), published_by) where workflow_id = $1 and version = $2`,
    [version.workflowId, version.version, JSON.stringify(version.definition), version.publishedBy],
  );
}

interface VersionRow {
  version: number;
  structural_hash: string;
  published_by: string | null;
  created_at: Date;
}

/** Newest first. @param query.before a version number */
export async function listVersions(
  sql: Sql,
  query: { readonly orgId: string; readonly workflowId: string; readonly before: number | undefined; readonly limit: number },
): Promise<Omit<WorkflowVersion, 'definition'>[]> {
  const { rows } = await sql.query<VersionRow>(
    `select version, structural_hash, published_by, created_at from workflow_versions where org_id = $1 and workflow_id = $2 and ($3::int is null or version < $3) order by version desc limit $4`,
    [query.orgId, query.workflowId, query.before ?? null, query.limit],
  );
  return rows.map(toVersion);
}

/** @param query.version below zero: what a test run ran */
export async function readVersion(
  sql: Sql,
  query: { readonly orgId: string; readonly workflowId: string; readonly version: number },
): Promise<WorkflowVersion | undefined> {
  if (query.version < 0) return readTest(sql, query);
  const { rows } = await sql.query<VersionRow & { definition: Definition }>(
    `select version, structural_hash, published_by, created_at, definition from workflow_versions where org_id = $1 and workflow_id = $2 and version = $3`,
    [query.orgId, query.workflowId, query.version],
  );
  return rows[0] === undefined ? undefined : { ...toVersion(rows[0]), definition: rows[0].definition };
}

async function readTest(sql: Sql, query: Parameters<typeof readTestDefinition>[1]): Promise<WorkflowVersion | undefined> {
  const test = await readTestDefinition(sql, query);
  if (test === undefined) return undefined;
  const { definition, runBy, createdAt } = test;
  return { version: query.version, structuralHash: '', publishedBy: runBy, createdAt: createdAt.toISOString(), definition };
}

function toVersion(row: VersionRow): Omit<WorkflowVersion, 'definition'> {
  return { version: row.version, structuralHash: row.structural_hash, publishedBy: row.published_by, createdAt: row.created_at.toISOString() };
}
