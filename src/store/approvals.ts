/** Steps that wait for approval: lists of what a person may decide. Deciding is the engine's. */
import { approvalFacts, type Approval } from '../contract/approvals.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Role } from '../contract/values.ts';
import type { Sql } from './client.ts';

export interface ApprovalQuery {
  readonly orgId: string;
  /** Only what this person may decide and has not decided. Undefined: all. */
  readonly who: { readonly userId: string; readonly email: string; readonly roles: readonly Role[] } | undefined;
  readonly after: { readonly instanceId: string; readonly path: string } | undefined;
  readonly limit: number;
}

interface ApprovalRow {
  instance_id: string;
  path: string;
  generation: number;
  workflow_id: string;
  workflow_name: string;
  shown: Json;
  until: string | null;
  started_at: Date | null;
}

/** Newest instance first. Looks at instances that live and wait only. */
export async function listApprovals(sql: Sql, query: ApprovalQuery): Promise<Approval[]> {
  const { rows } = await sql.query<ApprovalRow>(
    `select s.instance_id, s.path, s.generation, i.workflow_id, w.name as workflow_name, s.wait -> 'state' -> 'shown' as shown, s.wait ->> 'until' as until, s.started_at
     from instances i join workflows w on w.id = i.workflow_id join steps s on s.instance_id = i.id
     cross join lateral (select s.wait -> 'state' -> 'shown' as shown) f
     where i.org_id = $1 and i.status in ('running', 'waiting', 'paused') and s.org_id = $1 and s.status = 'waiting' and s.wait ->> 'kind' = 'approval'
       and ($2::text is null or (s.instance_id, s.path) < ($2 collate "C", $3))
       and ($4::text is null or (
         f.shown ->> 'except' is distinct from $4
         and not exists (select 1 from jsonb_array_elements(f.shown -> 'decisions') d where d ->> 'userId' = $4)
         and (f.shown -> 'approvers' = '{}'::jsonb or f.shown -> 'approvers' -> 'users' ? $4 or f.shown -> 'approvers' -> 'roles' ?| $6::text[]
           or exists (select 1 from jsonb_array_elements_text(coalesce(f.shown -> 'approvers' -> 'users', '[]')) u where lower(u) = lower($5)))))
       and not exists (select 1 from steps later where later.instance_id = s.instance_id and later.path = s.path and later.generation > s.generation)
     order by s.instance_id desc, s.path desc limit $7`,
    [
      query.orgId,
      query.after?.instanceId ?? null,
      query.after?.path ?? null,
      query.who?.userId ?? null,
      query.who?.email ?? null,
      query.who?.roles ?? [],
      query.limit,
    ],
  );
  return rows.flatMap((row) => {
    const facts = approvalFacts.safeParse(row.shown);
    return facts.success ? [toApproval(row, facts.data)] : [];
  });
}

function toApproval(
  row: ApprovalRow,
  facts: Omit<Approval, 'instanceId' | 'path' | 'generation' | 'workflowId' | 'workflowName' | 'since' | 'until'>,
): Approval {
  return {
    instanceId: row.instance_id,
    path: row.path,
    generation: row.generation,
    workflowId: row.workflow_id,
    workflowName: row.workflow_name,
    ...facts,
    since: row.started_at?.toISOString() ?? null,
    ...(row.until === null ? {} : { until: row.until }),
  };
}
