/** Rows of deliveries: calls of webhooks and forms that were taken, so that a copy meets what the first one started. */
import type { Sql } from './client.ts';

export interface Delivery {
  readonly instanceId: string;
  /** The instance stands, or stood: nothing is left to start. */
  readonly isStarted: boolean;
}

export interface DeliveryKey {
  readonly workflowId: string;
  readonly key: string;
  readonly hash: Buffer;
}

/** The delivery, when it was taken before. */
export async function readDelivery(sql: Sql, delivery: DeliveryKey): Promise<Delivery | undefined> {
  const { rows } = await sql.query<Delivery>(
    `select instance_id as "instanceId", started_at is not null as "isStarted" from webhook_deliveries
     where workflow_id = $1 and trigger_key = $2 and delivery_hash = $3`,
    [delivery.workflowId, delivery.key, delivery.hash],
  );
  return rows[0];
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
