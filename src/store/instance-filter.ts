/** Which instances a list, a count or a batch means: one condition for all of them. */
import { firstIdAt } from '../kernel/ids.ts';
import type { Sql } from './client.ts';
import type { Label } from './instance-labels.ts';

export interface InstanceFilter {
  readonly orgId: string;
  readonly ids?: readonly string[] | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly workflowId?: string | undefined;
  /** Of the workflow. */
  readonly tag?: string | undefined;
  /** Every one of them. */
  readonly labels?: readonly Label[] | undefined;
  /** `cron`: every trigger of that type; `cron:daily`: that one. */
  readonly startedBy?: string | undefined;
  /** Only test runs, or none; undefined: both. */
  readonly test?: boolean | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** Each is found in its id, the name of its workflow, what started it, its labels, its error or what it waits for, whatever the case. */
  readonly words?: readonly string[] | undefined;
  /** From start to end; of what has not ended, to `asOf`. */
  readonly duration?: { readonly minMs: number | undefined; readonly maxMs: number | undefined; readonly asOf: Date } | undefined;
}

/** Over `i` (instances); its parameters are `filterValues`, $1 to $15. The texts of a row are held together against all words at once: one by one took longer. */
export const MATCHES = `i.org_id = $1 and ($2::text[] is null or i.id = any($2)) and ($3::text[] is null or i.status = any($3)) and ($4::text is null or i.workflow_id = $4)
  and ($5::text is null or i.workflow_id in (select t.id from workflows t where t.org_id = $1 and $5 = any(t.tags)))
  and ($6::jsonb[] is null or i.labels @> all($6))
  and ($7::text is null or case when strpos($7, ':') > 0 then i.started_by = $7 else split_part(i.started_by, ':', 1) = $7 end)
  and ($8::boolean is null or i.is_test = $8) and ($9::timestamptz is null or i.created_at >= $9) and ($10::timestamptz is null or i.created_at < $10)
  and ($11::numeric is null or extract(epoch from coalesce(i.ended_at, $13::timestamptz) - i.started_at) * 1000 >= $11)
  and ($12::numeric is null or extract(epoch from coalesce(i.ended_at, $13::timestamptz) - i.started_at) * 1000 < $12)
  and ($14::text[] is null or lower(concat_ws(E'\n', i.id, i.rerun_of, i.parent_id, $15::jsonb ->> i.workflow_id, i.started_by, i.error ->> 'code', i.error ->> 'message',
    i.error ->> 'step', i.waiting ->> 'kind', i.waiting ->> 'message', nullif(i.labels, '{}')::text)) like all ($14))`;

/** The first fifteen parameters of a statement with MATCHES; its own come after them. */
export async function filterValues(sql: Sql, filter: InstanceFilter): Promise<unknown[]> {
  const { words, duration } = filter;
  const patterns = words?.map((word) => `%${word.toLowerCase().replaceAll(/[%_\\]/g, String.raw`\$&`)}%`);
  return [
    ...[filter.orgId, filter.ids ?? null, filter.statuses ?? null, filter.workflowId ?? null, filter.tag ?? null],
    filter.labels?.map(({ key, value }) => JSON.stringify({ [key]: value })) ?? null,
    ...[filter.startedBy ?? null, filter.test ?? null, filter.since ?? null, filter.until ?? null],
    ...[duration?.minMs ?? null, duration?.maxMs ?? null, duration?.asOf ?? null],
    ...[patterns ?? null, patterns === undefined ? null : JSON.stringify(await namesOf(sql, { orgId: filter.orgId, patterns }))],
  ];
}

/** Names of the workflows in which one of the words is found, by id: they are few where rows are many. */
async function namesOf(sql: Sql, query: { readonly orgId: string; readonly patterns: readonly string[] }): Promise<Readonly<Record<string, string>>> {
  const { rows } = await sql.query<{ id: string; name: string }>(`select id, name from workflows where org_id = $1 and lower(name) like any ($2)`, [
    query.orgId,
    query.patterns,
  ]);
  return Object.fromEntries(rows.map(({ id, name }) => [id, name]));
}

const DAY_MS = 86_400_000;
/** An id may be made before its row: of an event that was heard late, of a schedule that was made up for. */
const ID_BEFORE_MS = 7 * DAY_MS;
const ID_AFTER_MS = 60_000;

/** The ids that those created in a part of time lie between: `from` on, before `to`. */
export function idsOf(part: { readonly since: string | undefined; readonly until: string | undefined }): {
  readonly from: string | undefined;
  readonly to: string | undefined;
} {
  return {
    from: part.since === undefined ? undefined : firstIdAt('inst', Date.parse(part.since) - ID_BEFORE_MS),
    to: part.until === undefined ? undefined : firstIdAt('inst', Date.parse(part.until) + ID_AFTER_MS),
  };
}
