/** Rows of workflows and their drafts; their versions are in workflow-versions.ts, their tags in workflow-tags.ts. Every change writes its event; call the
 *  writers in a transaction. */
import type { Json } from '../contract/endpoint.ts';
import type { EventType } from '../contract/events.ts';
import type { Definition } from '../contract/graph.ts';
import type { Workflow, WorkflowSummary } from '../contract/workflows.ts';
import { hot, type Sql } from './client.ts';
import { writeEvents } from './outbox.ts';
import { listTriggerViews } from './triggers.ts';
import { insertVersion, type NewVersion } from './workflow-versions.ts';

interface SummaryRow {
  id: string;
  name: string;
  description: string;
  tags: string[];
  version: number;
  node_count: number;
  has_draft: boolean;
  archived_at: Date | null;
  created_at: Date;
  updated_at: Date;
  last_id: string | null;
  last_status: string | null;
  last_created_at: Date | null;
}

interface FullRow extends SummaryRow {
  definition: Definition;
  structural_hash: string;
  revision: number;
  seq: number;
}

const SUMMARY = `w.id, w.name, w.description, w.tags, w.version, v.node_count, w.draft is not null as has_draft, w.archived_at, w.created_at, w.updated_at,
  l.id as last_id, l.status as last_status, l.created_at as last_created_at`;
const FROM = `from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
  left join lateral (select i.id, i.status, i.created_at from instances i where i.workflow_id = w.id and not i.is_test order by i.id desc limit 1) l on true`;

/** The ETag of a workflow: changes with every publish, not with drafts. */
export function workflowEtag(revision: number): string {
  return `"r${revision}"`;
}

export async function readWorkflow(
  sql: Sql,
  workflow: { readonly orgId: string; readonly id: string; readonly cursor: string },
): Promise<Workflow | undefined> {
  const { rows } = await sql.query<FullRow>(`select ${SUMMARY}, v.definition, v.structural_hash, w.revision, w.seq ${FROM} where w.org_id = $1 and w.id = $2`, [
    workflow.orgId,
    workflow.id,
  ]);
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    ...toSummary(row),
    definition: row.definition,
    structuralHash: row.structural_hash,
    triggers: await listTriggerViews(sql, workflow),
    etag: workflowEtag(row.revision),
    seq: row.seq,
    cursor: workflow.cursor,
  };
}

export interface WorkflowQuery {
  readonly orgId: string;
  readonly search?: string | undefined;
  readonly tag?: string | undefined;
  readonly archived: boolean;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function listWorkflows(sql: Sql, query: WorkflowQuery): Promise<WorkflowSummary[]> {
  const { rows } = await sql.query<SummaryRow>(
    `select ${SUMMARY} ${FROM}
     where w.org_id = $1 and (w.archived_at is not null) = $2 and ($3::text is null or w.id < $3)
       and ($4::text is null or strpos(lower(w.name || ' ' || w.description), lower($4)) > 0)
       and ($6::text is null or $6 = any(w.tags))
     order by w.id desc limit $5`,
    [query.orgId, query.archived, query.after ?? null, query.search ?? null, query.limit, query.tag ?? null],
  );
  return rows.map(toSummary);
}

function toSummary(row: SummaryRow): WorkflowSummary {
  const last =
    row.last_id === null || row.last_status === null || row.last_created_at === null
      ? null
      : { id: row.last_id, status: row.last_status, createdAt: row.last_created_at.toISOString() };
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    tags: row.tags,
    version: row.version,
    nodeCount: row.node_count,
    hasDraft: row.has_draft,
    archivedAt: row.archived_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    lastInstance: last,
  };
}

/** Which of `ids` are workflows of the org: their name, newest version, and whether they are archived. */
export async function findWorkflows(
  sql: Sql,
  query: { readonly orgId: string; readonly ids: readonly string[] },
): Promise<ReadonlyMap<string, { readonly name: string; readonly version: number; readonly isArchived: boolean }>> {
  const { rows } = await sql.query<{ id: string; name: string; version: number; is_archived: boolean }>(
    'select id, name, version, archived_at is not null as is_archived from workflows where org_id = $1 and id = any($2)',
    [query.orgId, [...new Set(query.ids)]],
  );
  return new Map(rows.map((row) => [row.id, { name: row.name, version: row.version, isArchived: row.is_archived }]));
}

/** Ids of the org's workflows of these names, archived ones left out: at most two of each, enough to see that a name is not unique. */
export async function findWorkflowsByName(
  sql: Sql,
  query: { readonly orgId: string; readonly names: readonly string[] },
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql.query<{ name: string; ids: string[] }>(
    `select name, (array_agg(id order by id))[1:2] as ids from workflows where org_id = $1 and name = any($2) and archived_at is null group by name`,
    [query.orgId, [...new Set(query.names)]],
  );
  return new Map(rows.map((row) => [row.name, row.ids]));
}

/** A workflow as commands see it. */
export interface WorkflowHead {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly version: number;
  readonly revision: number;
  readonly seq: number;
  readonly draft: Json;
  readonly draftSavedAt: Date | null;
  readonly draftRevision: number;
  readonly structuralHash: string;
  readonly isArchived: boolean;
}

/** What a start has to know of a workflow. Without its draft, which may be large. */
export type RunnableHead = Pick<WorkflowHead, 'name' | 'version' | 'isArchived'>;

/** @returns undefined when the org has no such workflow */
export async function readRunnableHead(sql: Sql, workflow: { readonly orgId: string; readonly id: string }): Promise<RunnableHead | undefined> {
  const { rows } = await sql.query<{ name: string; version: number; archived: boolean }>(
    hot(`select name, version, archived_at is not null as archived from workflows where org_id = $1 and id = $2`),
    [workflow.orgId, workflow.id],
  );
  const [row] = rows;
  return row === undefined ? undefined : { name: row.name, version: row.version, isArchived: row.archived };
}

/** @param lock hold the row until the transaction ends */
export async function readWorkflowHead(
  sql: Sql,
  workflow: { readonly orgId: string; readonly id: string; readonly lock: boolean },
): Promise<WorkflowHead | undefined> {
  // A statement of its own: one that waited here would look for the version in its old snapshot, and find no row at all.
  if (workflow.lock) await sql.query('select 1 from workflows where org_id = $1 and id = $2 for update', [workflow.orgId, workflow.id]);
  const { rows } = await sql.query<{
    id: string;
    name: string;
    description: string;
    tags: string[];
    version: number;
    revision: number;
    seq: number;
    draft: Json;
    draft_saved_at: Date | null;
    draft_revision: number;
    structural_hash: string;
    archived_at: Date | null;
  }>(
    hot(`select w.id, w.name, w.description, w.tags, w.version, w.revision, w.seq, w.draft, w.draft_saved_at, w.draft_revision, v.structural_hash, w.archived_at
     from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version where w.org_id = $1 and w.id = $2`),
    [workflow.orgId, workflow.id],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    tags: row.tags,
    version: row.version,
    revision: row.revision,
    seq: row.seq,
    draft: row.draft,
    draftSavedAt: row.draft_saved_at,
    draftRevision: row.draft_revision,
    structuralHash: row.structural_hash,
    isArchived: row.archived_at !== null,
  };
}

/** @returns false when the id is taken: the first try of the same request made it */
export async function insertWorkflow(
  sql: Sql,
  workflow: NewVersion & { readonly name: string; readonly description: string; readonly tags: readonly string[]; readonly requestId: string },
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into workflows (id, org_id, name, description, version, seq, tags) values ($1, $2, $3, $4, $5, 1, $6::text[]) on conflict (id) do nothing`,
    [workflow.workflowId, workflow.orgId, workflow.name, workflow.description, workflow.version, workflow.tags],
  );
  if (rowCount === 0) return false;
  await insertVersion(sql, workflow);
  await writeWorkflowEvent(sql, {
    ...workflow,
    sequence: 1,
    type: 'workflows:workflow:published',
    payload: { version: workflow.version, name: workflow.name },
  });
  return true;
}

/** Makes `version` the newest, drops the draft, tells so. */
export async function publishWorkflow(
  sql: Sql,
  publish: {
    readonly orgId: string;
    readonly workflowId: string;
    readonly version: number;
    readonly name: string;
    readonly description: string;
    /** Undefined: as they are. */
    readonly tags: readonly string[] | undefined;
    readonly requestId: string;
  },
): Promise<void> {
  const { rows } = await sql.query<{ seq: number }>(
    `update workflows set name = $3, description = $4, version = $5, tags = coalesce($6::text[], tags), revision = revision + 1, draft = null, draft_saved_at = null, archived_at = null, seq = seq + 1, updated_at = now()
     where org_id = $1 and id = $2 returning seq`,
    [publish.orgId, publish.workflowId, publish.name, publish.description, publish.version, publish.tags ?? null],
  );
  await writeWorkflowEvent(sql, {
    ...publish,
    sequence: rows[0]?.seq ?? 0,
    type: 'workflows:workflow:published',
    payload: { version: publish.version, name: publish.name },
  });
}

export async function archiveWorkflow(sql: Sql, workflow: { readonly orgId: string; readonly workflowId: string; readonly requestId: string }): Promise<void> {
  const { rows } = await sql.query<{ seq: number }>(
    `update workflows set archived_at = now(), seq = seq + 1 where org_id = $1 and id = $2 and archived_at is null returning seq`,
    [workflow.orgId, workflow.workflowId],
  );
  if (rows[0] === undefined) return;
  await writeWorkflowEvent(sql, { ...workflow, sequence: rows[0].seq, type: 'workflows:workflow:archived', payload: {} });
}

/** @returns false when it is not archived */
export async function unarchiveWorkflow(
  sql: Sql,
  workflow: { readonly orgId: string; readonly workflowId: string; readonly requestId: string },
): Promise<boolean> {
  const { rows } = await sql.query<{ seq: number; name: string }>(
    `update workflows set archived_at = null, seq = seq + 1 where org_id = $1 and id = $2 and archived_at is not null returning seq, name`,
    [workflow.orgId, workflow.workflowId],
  );
  const [row] = rows;
  if (row === undefined) return false;
  await writeWorkflowEvent(sql, { ...workflow, sequence: row.seq, type: 'workflows:workflow:unarchived', payload: { name: row.name } });
  return true;
}

/** For changes of a workflow that are written elsewhere. */
export async function writeWorkflowEvent(
  sql: Sql,
  event: {
    readonly orgId: string;
    readonly workflowId: string;
    readonly sequence: number;
    readonly type: EventType;
    readonly payload: Record<string, Json>;
    readonly requestId: string;
  },
): Promise<void> {
  await writeEvents(sql, [
    {
      kind: 'workflow',
      id: event.workflowId,
      sequence: event.sequence,
      type: event.type,
      orgId: event.orgId,
      payload: event.payload,
      requestId: event.requestId,
    },
  ]);
}
