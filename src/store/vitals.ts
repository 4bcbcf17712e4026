/** A few figures of the database that metrics, alerts and history read again and again: cheap enough for every few seconds. */
import type { Sql } from './client.ts';

export interface StoreVitals {
  /** Connections of everybody to this server's database. */
  readonly connections: number;
  readonly maxConnections: number;
  /** Not archived. */
  readonly workflows: number;
  /** How long the oldest event waits that the notifications have not read. */
  readonly outboxLagMs: number;
}

export async function readStoreVitals(sql: Sql): Promise<StoreVitals> {
  const { rows } = await sql.query<StoreVitals>(
    `select (select numbackends from pg_stat_database where datname = current_database()) as connections,
       current_setting('max_connections')::int as "maxConnections",
       (select count(*) from workflows where archived_at is null) as workflows,
       coalesce((select greatest(0, (extract(epoch from clock_timestamp() - o.at) * 1000)::bigint) from outbox_readers r
         cross join lateral (select at from outbox where (xid, position) > (r.xid, r.position) order by xid, position limit 1) o
         where r.name = 'notifications'), 0) as "outboxLagMs"`,
  );
  return rows[0] ?? { connections: 0, maxConnections: 0, workflows: 0, outboxLagMs: 0 };
}
