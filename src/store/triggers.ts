/** Rows of triggers and of the deliveries that webhooks took. When something fires is engine/triggers' to say. */
import type { Json } from '../contract/endpoint.ts';
import type { TriggerType } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { writeEvents } from './outbox.ts';
import type { triggers } from './schema-runs.ts';

type Columns = typeof triggers.$inferSelect;

export type TriggerRow = Readonly<Omit<Columns, 'type' | 'params'>> & { readonly type: TriggerType; readonly params: Record<string, Json> };

/** A trigger with what decides whether it may fire at all. */
export interface ArmedTrigger extends TriggerRow {
  readonly isArchived: boolean;
  /** The switch of its org (setting triggersPaused). */
  readonly isPaused: boolean;
}

const COLUMNS = `t.workflow_id as "workflowId", t.key, t.org_id as "orgId", t.type, t.params, t.enabled, t.declared_enabled as "declaredEnabled", t.token,
  t.next_fire_at as "nextFireAt", t.last_fired_at as "lastFiredAt", t.last_error as "lastError"`;
const ARMED = `${COLUMNS}, w.archived_at is not null as "isArchived",
  exists (select 1 from settings s where s.key = 'triggersPaused' and s.value = 'true'::jsonb and (s.org_id = t.org_id or s.org_id is null)) as "isPaused"`;

/** All triggers of a workflow, held until the transaction ends. */
export async function lockTriggers(sql: Sql, workflow: { readonly orgId: string; readonly workflowId: string }): Promise<TriggerRow[]> {
  const { rows } = await sql.query<TriggerRow>(`select ${COLUMNS} from triggers t where t.org_id = $1 and t.workflow_id = $2 order by t.key for update`, [
    workflow.orgId,
    workflow.workflowId,
  ]);
  return rows;
}

export async function writeTrigger(sql: Sql, row: Omit<TriggerRow, 'lastFiredAt'>): Promise<void> {
  await sql.query(
    `insert into triggers (workflow_id, key, org_id, type, params, enabled, declared_enabled, token, next_fire_at, last_error)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (workflow_id, key) do update set type = excluded.type, params = excluded.params, enabled = excluded.enabled,
       declared_enabled = excluded.declared_enabled, token = excluded.token, next_fire_at = excluded.next_fire_at, last_error = excluded.last_error`,
    [row.workflowId, row.key, row.orgId, row.type, JSON.stringify(row.params), row.enabled, row.declaredEnabled, row.token, row.nextFireAt, row.lastError],
  );
}

/** Takes away the triggers that a definition no longer has, with their URLs. */
export async function deleteOtherTriggers(sql: Sql, options: { readonly workflowId: string; readonly keep: readonly string[] }): Promise<void> {
  await sql.query('delete from triggers where workflow_id = $1 and key <> all($2::text[])', [options.workflowId, options.keep]);
}

/** The trigger of a webhook's URL. */
export async function readTriggerByToken(sql: Sql, token: string): Promise<ArmedTrigger | undefined> {
  const { rows } = await sql.query<ArmedTrigger>(
    `select ${ARMED} from triggers t join workflows w on w.id = t.workflow_id where t.token = $1 and t.type = 'webhook'`,
    [token],
  );
  return rows[0];
}

/** The trigger that has waited longest for its time, held until the transaction ends; those that another process holds are passed over. */
export async function claimDueTrigger(sql: Sql, now: Date): Promise<ArmedTrigger | undefined> {
  const { rows } = await sql.query<ArmedTrigger>(
    `select ${ARMED} from triggers t join workflows w on w.id = t.workflow_id
     where t.enabled and t.next_fire_at <= $1 order by t.next_fire_at, t.workflow_id, t.key limit 1 for update of t skip locked`,
    [now],
  );
  return rows[0];
}

/** When the next trigger is due. */
export async function readNextDue(sql: Sql): Promise<Date | undefined> {
  const { rows } = await sql.query<{ at: Date | null }>('select min(next_fire_at) as at from triggers where enabled and next_fire_at is not null');
  return rows[0]?.at ?? undefined;
}

/** Moves a trigger on. Undefined stays as it is. */
export async function moveTrigger(
  sql: Sql,
  trigger: {
    readonly workflowId: string;
    readonly key: string;
    readonly nextFireAt: Date | null;
    readonly lastFiredAt?: Date;
    readonly lastError?: string | null;
  },
): Promise<void> {
  await sql.query(
    `update triggers set next_fire_at = $3, last_fired_at = coalesce($4, last_fired_at), last_error = case when $5 then $6 else last_error end
     where workflow_id = $1 and key = $2`,
    [trigger.workflowId, trigger.key, trigger.nextFireAt, trigger.lastFiredAt ?? null, trigger.lastError !== undefined, trigger.lastError ?? null],
  );
}

/** Tells of a change to a workflow's trigger, numbered in the workflow's stream. */
export async function writeTriggerEvent(
  sql: Sql,
  change: { readonly orgId: string; readonly workflowId: string; readonly key: string; readonly enabled: boolean; readonly requestId: string },
): Promise<void> {
  const { rows } = await sql.query<{ seq: number }>('update workflows set seq = seq + 1 where id = $1 and org_id = $2 returning seq', [
    change.workflowId,
    change.orgId,
  ]);
  const sequence = rows[0]?.seq;
  if (sequence === undefined) return;
  const payload = { key: change.key, enabled: change.enabled };
  await writeEvents(sql, [
    { kind: 'workflow', id: change.workflowId, sequence, type: 'workflows:trigger:changed', orgId: change.orgId, payload, requestId: change.requestId },
  ]);
}

/** Whether the workflow stands, for its org, and is not archived. */
export async function isWorkflowLive(sql: Sql, workflow: { readonly orgId: string; readonly workflowId: string }): Promise<boolean> {
  const { rows } = await sql.query('select 1 as one from workflows where id = $1 and org_id = $2 and archived_at is null', [
    workflow.workflowId,
    workflow.orgId,
  ]);
  return rows.length > 0;
}

export interface Delivery {
  readonly instanceId: string;
  /** The instance stands, or stood: nothing is left to start. */
  readonly isStarted: boolean;
}

interface DeliveryKey {
  readonly workflowId: string;
  readonly key: string;
  readonly hash: Buffer;
}

/** Takes a delivery, or finds the one that was taken: copies that come at once all get the same instance. */
export async function takeDelivery(
  sql: Sql,
  delivery: DeliveryKey & { readonly orgId: string; readonly instanceId: string; readonly now: Date },
): Promise<Delivery> {
  const { rows } = await sql.query<Delivery>(
    `insert into webhook_deliveries as d (workflow_id, trigger_key, delivery_hash, org_id, instance_id, created_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (workflow_id, trigger_key, delivery_hash) do update set delivery_hash = excluded.delivery_hash
     returning d.instance_id as "instanceId", d.started_at is not null as "isStarted"`,
    [delivery.workflowId, delivery.key, delivery.hash, delivery.orgId, delivery.instanceId, delivery.now],
  );
  return rows[0] ?? { instanceId: delivery.instanceId, isStarted: false };
}

export async function markDelivered(sql: Sql, delivery: DeliveryKey & { readonly now: Date }): Promise<void> {
  await sql.query('update webhook_deliveries set started_at = coalesce(started_at, $4) where workflow_id = $1 and trigger_key = $2 and delivery_hash = $3', [
    delivery.workflowId,
    delivery.key,
    delivery.hash,
    delivery.now,
  ]);
}

/** Gives a delivery back that started nothing: the sender may try it again. */
export async function dropDelivery(sql: Sql, delivery: DeliveryKey): Promise<void> {
  await sql.query('delete from webhook_deliveries where workflow_id = $1 and trigger_key = $2 and delivery_hash = $3 and started_at is null', [
    delivery.workflowId,
    delivery.key,
    delivery.hash,
  ]);
}

/** @returns how many; call again while it is `limit` */
export async function deleteOldDeliveries(sql: Sql, options: { readonly before: Date; readonly limit: number }): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from webhook_deliveries where ctid in (select ctid from webhook_deliveries where created_at < $1 order by created_at limit $2)`,
    [options.before, options.limit],
  );
  return rowCount;
}
