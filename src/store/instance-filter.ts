/** Which instances a list, a count or a batch means: one condition for all of them. */

export interface InstanceFilter {
  readonly orgId: string;
  readonly ids?: readonly string[] | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly workflowId?: string | undefined;
  /** Of the workflow. */
  readonly tag?: string | undefined;
  readonly label?: { readonly key: string; readonly value: string } | undefined;
  /** `cron`: every trigger of that type; `cron:daily`: that one. */
  readonly startedBy?: string | undefined;
  /** Only test runs, or none; undefined: both. */
  readonly test?: boolean | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

/** Over `i` (instances); its parameters are `filterValues`, $1 to $10. */
export const MATCHES = `i.org_id = $1 and ($2::text[] is null or i.id = any($2)) and ($3::text[] is null or i.status = any($3)) and ($4::text is null or i.workflow_id = $4)
  and ($5::text is null or i.workflow_id in (select t.id from workflows t where t.org_id = $1 and $5 = any(t.tags)))
  and ($6::jsonb is null or i.labels @> $6)
  and ($7::text is null or case when strpos($7, ':') > 0 then i.started_by = $7 else split_part(i.started_by, ':', 1) = $7 end)
  and ($8::boolean is null or i.is_test = $8) and ($9::timestamptz is null or i.created_at >= $9) and ($10::timestamptz is null or i.created_at < $10)`;

/** The first ten parameters of a statement with MATCHES; its own come after them. */
export function filterValues(filter: InstanceFilter): unknown[] {
  return [
    filter.orgId,
    filter.ids ?? null,
    filter.statuses ?? null,
    filter.workflowId ?? null,
    filter.tag ?? null,
    filter.label === undefined ? null : JSON.stringify({ [filter.label.key]: filter.label.value }),
    filter.startedBy ?? null,
    filter.test ?? null,
    filter.since ?? null,
    filter.until ?? null,
  ];
}
