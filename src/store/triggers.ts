/** Rows of triggers: what definitions declare, where each schedule stands, what became of the last time. When something fires is engine/'s to say. */
import type { Json } from '../contract/endpoint.ts';
import type { TriggerResult, TriggerRowView, TriggerView } from '../contract/triggers.ts';
import type { TriggerType } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { writeEvents } from './outbox.ts';
import type { triggers } from './schema-runs.ts';

type Columns = typeof triggers.$inferSelect;

export type TriggerRow = Readonly<Omit<Columns, 'type' | 'params' | 'lastResult'>> & {
  readonly type: TriggerType;
  readonly params: Record<string, Json>;
  readonly lastResult: TriggerResult | null;
};

/** A trigger with what decides whether it may fire at all. */
export interface ArmedTrigger extends TriggerRow {
  readonly workflowName: string;
  readonly isArchived: boolean;
  /** The switch of its org (setting triggersPaused). */
  readonly isPaused: boolean;
}

/** Which trigger. */
export interface TriggerName {
  readonly workflowId: string;
  readonly key: string;
}

const COLUMNS = `t.workflow_id as "workflowId", t.key, t.org_id as "orgId", t.type, t.params, t.enabled, t.declared_enabled as "declaredEnabled", t.token,
  t.next_fire_at as "nextFireAt", t.last_fired_at as "lastFiredAt", t.last_error as "lastError", t.due_at as "dueAt", t.planned_at as "plannedAt",
  t.queued_at as "queuedAt", t.last_instance_id as "lastInstanceId", t.last_result as "lastResult", t.rate_until as "rateUntil", t.since_xid::text as "sinceXid"`;
const PAUSED = `exists (select 1 from settings s where s.key = 'triggersPaused' and s.value = 'true'::jsonb and (s.org_id = t.org_id or s.org_id is null))`;
const ARMED = `${COLUMNS}, w.name as "workflowName", w.archived_at is not null as "isArchived", ${PAUSED} as "isPaused"`;

/** All triggers of a workflow, held until the transaction ends. */
export async function lockTriggers(sql: Sql, workflow: { readonly orgId: string; readonly workflowId: string }): Promise<TriggerRow[]> {
  const { rows } = await sql.query<TriggerRow>(`select ${COLUMNS} from triggers t where t.org_id = $1 and t.workflow_id = $2 order by t.key for update`, [
    workflow.orgId,
    workflow.workflowId,
  ]);
  return rows;
}

/** What a definition, a switch or a new URL decides. */
export type TriggerSetting = Omit<TriggerRow, 'lastFiredAt' | 'lastInstanceId' | 'lastResult' | 'rateUntil'>;

export async function writeTrigger(sql: Sql, row: TriggerSetting): Promise<void> {
  await sql.query(
    `insert into triggers (workflow_id, key, org_id, type, params, enabled, declared_enabled, token, next_fire_at, last_error, due_at, planned_at, queued_at, since_xid)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::timestamptz[], $14::xid8)
     on conflict (workflow_id, key) do update set type = excluded.type, params = excluded.params, enabled = excluded.enabled,
       declared_enabled = excluded.declared_enabled, token = excluded.token, next_fire_at = excluded.next_fire_at, last_error = excluded.last_error,
       due_at = excluded.due_at, planned_at = excluded.planned_at, queued_at = excluded.queued_at, since_xid = excluded.since_xid`,
    [
      ...[row.workflowId, row.key, row.orgId, row.type, JSON.stringify(row.params), row.enabled, row.declaredEnabled, row.token, row.nextFireAt, row.lastError],
      ...[row.dueAt, row.plannedAt, row.queuedAt, row.sinceXid],
    ],
  );
}

/** Takes away the triggers that a definition no longer has, with their URLs. */
export async function deleteOtherTriggers(sql: Sql, options: { readonly workflowId: string; readonly keep: readonly string[] }): Promise<void> {
  await sql.query('delete from triggers where workflow_id = $1 and key <> all($2::text[])', [options.workflowId, options.keep]);
}

/** The trigger of a URL: a webhook's, or a public form's. */
export async function readTriggerByToken(sql: Sql, token: string, type: 'webhook' | 'form'): Promise<ArmedTrigger | undefined> {
  const { rows } = await sql.query<ArmedTrigger>(
    `select ${ARMED} from triggers t join workflows w on w.id = t.workflow_id where t.token = $1 and t.type = $2`,
    [token, type],
  );
  return rows[0];
}

export async function readTrigger(sql: Sql, name: TriggerName): Promise<ArmedTrigger | undefined> {
  const { rows } = await sql.query<ArmedTrigger>(
    `select ${ARMED} from triggers t join workflows w on w.id = t.workflow_id where t.workflow_id = $1 and t.key = $2`,
    [name.workflowId, name.key],
  );
  return rows[0];
}

/** Schedules whose time has come, the longest waiting first. Those of an org that paused its triggers are passed over: they stay due. */
export async function listDueTriggers(sql: Sql, due: { readonly now: Date; readonly limit: number }): Promise<ArmedTrigger[]> {
  const { rows } = await sql.query<ArmedTrigger>(
    `select ${ARMED} from triggers t join workflows w on w.id = t.workflow_id
     where t.enabled and t.next_fire_at <= $1 and not ${PAUSED} order by t.next_fire_at, t.workflow_id, t.key limit $2`,
    [due.now, due.limit],
  );
  return rows;
}

/** When the next schedule is to be looked at. */
export async function readNextDue(sql: Sql): Promise<Date | undefined> {
  const { rows } = await sql.query<{ at: Date | null }>(
    `select min(t.next_fire_at) as at from triggers t where t.enabled and t.next_fire_at is not null and not ${PAUSED}`,
  );
  return rows[0]?.at ?? undefined;
}

/** Schedules that were worked out by a clock that stood after `ahead`. */
export async function listMisplanned(sql: Sql, ahead: Date): Promise<ArmedTrigger[]> {
  const { rows } = await sql.query<ArmedTrigger>(
    `select ${ARMED} from triggers t join workflows w on w.id = t.workflow_id where t.enabled and t.planned_at > $1 limit 1000`,
    [ahead],
  );
  return rows;
}

export interface ScheduleMove {
  /** Where the row must still stand. */
  readonly from: Pick<TriggerRow, 'workflowId' | 'key' | 'dueAt' | 'queuedAt'>;
  readonly dueAt: Date | null;
  readonly plannedAt: Date;
  readonly nextFireAt: Date | null;
  readonly queuedAt: readonly Date[];
  readonly instanceId?: string | undefined;
  readonly firedAt?: Date | undefined;
  readonly result?: TriggerResult | undefined;
}

/** Moves a schedule on, if it stands where it was read. @returns false when it was switched, published or moved meanwhile */
export async function moveSchedule(sql: Sql, move: ScheduleMove): Promise<boolean> {
  const { from, result } = move;
  const { rowCount } = await sql.query(
    `update triggers set due_at = $5, planned_at = $6, next_fire_at = $7, queued_at = $8::timestamptz[], last_instance_id = coalesce($9, last_instance_id),
       last_fired_at = coalesce($10, last_fired_at), last_result = coalesce($11::jsonb, last_result),
       last_error = case when $12 = 'refused' then $13 when $12 = 'started' then null else last_error end
     where workflow_id = $1 and key = $2 and enabled and due_at is not distinct from $3 and queued_at = $4::timestamptz[]`,
    [
      ...[from.workflowId, from.key, from.dueAt, from.queuedAt, move.dueAt, move.plannedAt, move.nextFireAt, move.queuedAt],
      ...[move.instanceId ?? null, move.firedAt ?? null, result === undefined ? null : JSON.stringify(result), result?.outcome ?? null, result?.reason ?? null],
    ],
  );
  return rowCount === 1;
}

/** Notes what became of a call, a form, an event or a file. */
export async function noteResult(sql: Sql, name: TriggerName, result: TriggerResult): Promise<void> {
  const isStarted = result.outcome === 'started';
  await sql.query(
    `update triggers set last_result = $3, last_fired_at = case when $4 then $5::timestamptz else last_fired_at end, last_error = case when $4 then null else $6 end,
       last_instance_id = coalesce($7, last_instance_id)
     where workflow_id = $1 and key = $2`,
    [name.workflowId, name.key, JSON.stringify(result), isStarted, result.at, result.reason ?? null, result.instanceId ?? null],
  );
}

/** Counts one call against a rate: `limit` in any `periodMs`, evenly or at once. @returns how long until one passes; 0: this one did */
export async function takeRate(sql: Sql, name: TriggerName, rate: { readonly now: Date; readonly limit: number; readonly periodMs: number }): Promise<number> {
  // A mark further ahead than a whole period is of a clock that was set back since: it counts as now.
  const { rows } = await sql.query<{ until: Date; passed: boolean }>(
    `with mark as (
       select greatest($3::timestamptz, case when rate_until <= $3::timestamptz + make_interval(secs => $5::float8 / 1000) then rate_until end) as at
       from triggers where workflow_id = $1 and key = $2 for update
     ), moved as (
       update triggers t set rate_until = m.at + make_interval(secs => $5::float8 / 1000 / $4::float8) from mark m
       where t.workflow_id = $1 and t.key = $2 and m.at + make_interval(secs => $5::float8 / 1000 / $4::float8) <= $3::timestamptz + make_interval(secs => $5::float8 / 1000)
       returning 1
     )
     select m.at + make_interval(secs => $5::float8 / 1000 / $4::float8 - $5::float8 / 1000) as until, exists (select 1 from moved) as passed from mark m`,
    [name.workflowId, name.key, rate.now, rate.limit, rate.periodMs],
  );
  const [row] = rows;
  return row === undefined || row.passed ? 0 : Math.max(1, row.until.getTime() - rate.now.getTime());
}

/** Tells of something that happened to a workflow's trigger, numbered in the workflow's stream. */
export async function writeTriggerEvent(
  sql: Sql,
  event: TriggerName & {
    readonly orgId: string;
    readonly type: 'workflows:trigger:changed' | 'workflows:trigger:skipped';
    readonly payload: Record<string, Json>;
    readonly requestId: string;
  },
): Promise<void> {
  const { rows } = await sql.query<{ seq: number }>('update workflows set seq = seq + 1 where id = $1 and org_id = $2 returning seq', [
    event.workflowId,
    event.orgId,
  ]);
  const sequence = rows[0]?.seq;
  if (sequence === undefined) return;
  const payload = { key: event.key, ...event.payload };
  await writeEvents(sql, [{ kind: 'workflow', id: event.workflowId, sequence, type: event.type, orgId: event.orgId, payload, requestId: event.requestId }]);
}

/** Whether the workflow stands, for its org, and is not archived. */
export async function isWorkflowLive(sql: Sql, workflow: { readonly orgId: string; readonly workflowId: string }): Promise<boolean> {
  const { rows } = await sql.query('select 1 as one from workflows where id = $1 and org_id = $2 and archived_at is null', [
    workflow.workflowId,
    workflow.orgId,
  ]);
  return rows.length > 0;
}

/** What the API shows of a row. */
export function toTriggerView(row: TriggerRow): TriggerView {
  const url = urlOf(row);
  return {
    key: row.key,
    type: row.type,
    params: row.params,
    enabled: row.enabled,
    ...(url === undefined ? {} : { url }),
    nextFireAt: row.nextFireAt?.toISOString() ?? null,
    lastFiredAt: row.lastFiredAt?.toISOString() ?? null,
    lastError: row.lastError,
    lastResult: row.lastResult,
  };
}

function urlOf(row: TriggerRow): string | undefined {
  if (row.type === 'webhook' && row.token !== null) return `/webhooks/${row.token}`;
  if (row.type !== 'form') return undefined;
  return row.token === null ? `/workflows/${row.workflowId}/forms/${row.key}` : `/forms/${row.token}`;
}

export async function listTriggerViews(sql: Sql, workflow: { readonly orgId: string; readonly id: string }): Promise<TriggerView[]> {
  const { rows } = await sql.query<TriggerRow>(`select ${COLUMNS} from triggers t where t.org_id = $1 and t.workflow_id = $2 order by t.key`, [
    workflow.orgId,
    workflow.id,
  ]);
  return rows.map(toTriggerView);
}

/** The triggers of an org, by workflow and key. @param query.after `<workflow>/<key>` of the last one of the page before */
export async function listTriggers(
  sql: Sql,
  query: { readonly orgId: string; readonly type?: TriggerType | undefined; readonly after?: string | undefined; readonly limit: number },
): Promise<TriggerRowView[]> {
  const { rows } = await sql.query<ArmedTrigger>(
    `select ${ARMED} from triggers t join workflows w on w.id = t.workflow_id
     where t.org_id = $1 and ($2::text is null or t.type = $2) and ($3::text is null or t.workflow_id || '/' || t.key > $3)
     order by t.workflow_id || '/' || t.key limit $4`,
    [query.orgId, query.type ?? null, query.after ?? null, query.limit],
  );
  return rows.map((row) => ({
    ...toTriggerView(row),
    workflowId: row.workflowId,
    workflowName: row.workflowName,
    state: row.isArchived ? 'archived' : row.enabled ? (row.isPaused ? 'paused' : 'active') : 'disabled',
  }));
}
