/** Instances as people see them: the columns of a list, and one instance whole. Reads only; what the engine loads is in instances.ts. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure, Instance, InstanceSummary, WaitReason } from '../contract/instances.ts';
import type { InstanceStatus, WaitingKind } from '../contract/values.ts';
import { hot, type Sql } from './client.ts';

export interface SummaryRow {
  id: string;
  workflow_id: string;
  workflow_name: string;
  version: number;
  status: InstanceStatus;
  error: Failure | null;
  waiting: (WaitReason & { kind: WaitingKind }) | null;
  labels: Record<string, string>;
  priority: number;
  started_by: string;
  rerun_of: string | null;
  parent_id: string | null;
  parent_path: string | null;
  parent_generation: number | null;
  debug: boolean;
  is_test: boolean;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
  seq: number;
}

interface FullRow extends SummaryRow {
  input: string;
  output: string | null;
}

/** For those who look: the outbox tells at once while it reaches back; an instance of a large map has too many steps to be asked each time. */
const SEEN_SEQ_OF_SECOND = `greatest(i.seq, coalesce((select max(o.sequence) from outbox o where o.kind = 'instance' and o.id = $2),
  (select max(s.seq) from steps s where s.instance_id = $2))) as seq`;
// The outbox holds ids of every kind in the database's own collation; compared in that of instances its index could not be used.
/** The same in a list. */
export const SEEN_SEQ = `greatest(i.seq, coalesce((select max(o.sequence) from outbox o where o.kind = 'instance' and o.id = i.id collate "default"),
  (select max(s.seq) from steps s where s.instance_id = i.id))) as seq`;
/** Of a list, over `i` (instances) and `w` (workflows). */
export const SUMMARY = `i.id, i.workflow_id, w.name as workflow_name, i.version, i.status, i.error, i.waiting, i.labels, i.priority, i.started_by, i.rerun_of,
  i.parent_id, i.parent_path, i.parent_generation, i.debug, i.is_test, i.created_at, i.started_at, i.ended_at`;

/** @returns undefined when the org has no such instance */
export async function readInstance(
  sql: Sql,
  instance: { readonly orgId: string; readonly id: string; readonly cursor: string },
): Promise<Instance | undefined> {
  const { rows } = await sql.query<FullRow>(
    hot(
      `select ${SUMMARY}, ${SEEN_SEQ_OF_SECOND}, i.input, i.output from instances i join workflows w on w.id = i.workflow_id where i.org_id = $1 and i.id = $2`,
    ),
    [instance.orgId, instance.id],
  );
  const row = rows[0];
  return row === undefined
    ? undefined
    : {
        ...toSummary(row),
        input: JSON.parse(row.input) as Json,
        output: row.output === null ? null : (JSON.parse(row.output) as Json),
        cursor: instance.cursor,
      };
}

export function toSummary(row: SummaryRow): InstanceSummary {
  return {
    id: row.id,
    workflowId: row.workflow_id,
    workflowName: row.workflow_name,
    version: row.version,
    status: row.status,
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.waiting === null ? {} : { waiting: row.waiting }),
    labels: row.labels,
    priority: row.priority,
    startedBy: row.started_by,
    ...(row.rerun_of === null ? {} : { rerunOf: row.rerun_of }),
    ...parentOf(row),
    ...(row.debug ? { debug: true } : {}),
    ...(row.is_test ? { isTest: true } : {}),
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    seq: row.seq,
  };
}

export interface ParentColumns {
  parent_id: string | null;
  parent_path: string | null;
  parent_generation: number | null;
}

export function parentOf(row: ParentColumns): { parent?: { instanceId: string; path: string; generation: number | null } } {
  return row.parent_id === null ? {} : { parent: { instanceId: row.parent_id, path: row.parent_path ?? '', generation: row.parent_generation } };
}
