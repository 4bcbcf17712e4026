/** Events that triggers hear: who listens, what was heard and has not started its workflow yet, and where an event came from. */
import type { Json } from '../contract/endpoint.ts';
import type { Sql } from './client.ts';
import { ensureReader } from './outbox-readers.ts';

/** The durable reader of all event and file triggers. */
export const TRIGGER_READER = 'triggers';

/** A trigger that hears events, or the changes of files. */
export interface Listening {
  readonly workflowId: string;
  readonly key: string;
  readonly orgId: string;
  readonly type: 'event' | 'file';
  readonly params: Record<string, Json>;
  /** Transactions before this one are not heard. */
  readonly sinceXid: string;
  /** Published by a super administrator: hears the machine's events too. */
  readonly hearsSystem: boolean;
}

/** The triggers that hear something now. */
export async function listListening(sql: Sql): Promise<Listening[]> {
  const { rows } = await sql.query<Listening & Record<string, unknown>>(
    `select t.workflow_id as "workflowId", t.key, t.org_id as "orgId", t.type, t.params, coalesce(t.since_xid, '0'::xid8)::text as "sinceXid",
       coalesce(u.is_super_admin, false) as "hearsSystem"
     from triggers t join workflows w on w.id = t.workflow_id and w.archived_at is null
     left join workflow_versions v on v.workflow_id = w.id and v.version = w.version left join users u on u.id = v.published_by
     where t.enabled and t.type in ('event', 'file')
       and not exists (select 1 from settings s where s.key = 'triggersPaused' and s.value = 'true'::jsonb and (s.org_id = t.org_id or s.org_id is null))`,
  );
  return rows;
}

export async function isAnyListening(sql: Sql): Promise<boolean> {
  const { rows } = await sql.query<{ found: boolean }>(`select exists (select 1 from triggers where enabled and type in ('event', 'file')) as found`);
  return rows[0]?.found === true;
}

/** Begins to listen, in the transaction that switches a trigger on: the reader stands still until it ends, so that nothing falls between.
 *  @returns the transaction before which nothing is heard */
export async function beginListening(sql: Sql): Promise<string> {
  await ensureReader(sql, TRIGGER_READER);
  // Whoever reads holds this row; with nobody listening it was left behind, and what lies between is nobody's.
  const { rows } = await sql.query<{ xid: string }>(
    `update outbox_readers set xid = case when exists (select 1 from triggers where enabled and type in ('event', 'file')) then xid else pg_snapshot_xmin(pg_current_snapshot()) end
     where name = $1 returning pg_snapshot_xmin(pg_current_snapshot())::text as xid`,
    [TRIGGER_READER],
  );
  return rows[0]?.xid ?? '0';
}

/** An event that one trigger heard. */
export interface Fire {
  readonly workflowId: string;
  readonly key: string;
  readonly orgId: string;
  /** The event's place in the order. */
  readonly source: string;
  /** The envelope, JSON. */
  readonly event: string;
  readonly createdAt: Date;
}

/** Keeps what was heard, in the transaction that moves the reader. */
export async function insertFires(sql: Sql, fires: readonly Fire[]): Promise<void> {
  if (fires.length === 0) return;
  await sql.query(
    `insert into trigger_fires (workflow_id, trigger_key, source, org_id, event, created_at)
     select f.workflow_id, f.trigger_key, f.source, f.org_id, f.event, f.created_at
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[]) as f (workflow_id, trigger_key, source, org_id, event, created_at)
     where exists (select 1 from triggers t where t.workflow_id = f.workflow_id and t.key = f.trigger_key)
     on conflict do nothing`,
    [
      fires.map((fire) => fire.workflowId),
      fires.map((fire) => fire.key),
      fires.map((fire) => fire.source),
      fires.map((fire) => fire.orgId),
      fires.map((fire) => fire.event),
      fires.map((fire) => fire.createdAt),
    ],
  );
}

/** The oldest that are yet to start something. */
export async function listFires(sql: Sql, limit: number): Promise<Fire[]> {
  const { rows } = await sql.query<Fire & Record<string, unknown>>(
    `select workflow_id as "workflowId", trigger_key as key, org_id as "orgId", source, event, created_at as "createdAt"
     from trigger_fires order by created_at, source, workflow_id, trigger_key limit $1`,
    [limit],
  );
  return rows;
}

export async function deleteFire(sql: Sql, fire: Pick<Fire, 'workflowId' | 'key' | 'source'>): Promise<void> {
  await sql.query('delete from trigger_fires where workflow_id = $1 and trigger_key = $2 and source = $3', [fire.workflowId, fire.key, fire.source]);
}

/** Where an instance comes from: its workflow, and how many event triggers led to it, through whatever calls. */
export interface Origin {
  readonly workflowId: string;
  readonly chain: number;
  /** It, or one that called it, is a test run. */
  readonly isTest: boolean;
}

/** @param origin.label the label that counts the chain */
export async function readOrigin(
  sql: Sql,
  origin: { readonly orgId: string; readonly instanceId: string; readonly label: string },
): Promise<Origin | undefined> {
  const { rows } = await sql.query<Origin>(
    `with recursive up as (
       select i.id, i.parent_id, i.workflow_id, i.labels, i.is_test, 0 as depth from instances i where i.id = $1 and i.org_id = $2
       union all
       select i.id, i.parent_id, i.workflow_id, i.labels, i.is_test, up.depth + 1 from up join instances i on i.id = up.parent_id where up.depth < 64
     )
     select (select workflow_id from up where depth = 0) as "workflowId", bool_or(is_test) as "isTest",
       coalesce(max(case when labels ->> $3 ~ '^[0-9]{1,4}$' then (labels ->> $3)::int end), 0)::int as chain
     from up having count(*) > 0`,
    [origin.instanceId, origin.orgId, origin.label],
  );
  return rows[0];
}

/** Tells the owners of an org's file triggers why a dropped file was not taken. */
export async function noteDropFault(sql: Sql, fault: { readonly orgId: string; readonly message: string }): Promise<void> {
  await sql.query(`update triggers set last_error = $2 where org_id = $1 and type = 'file' and last_error is distinct from $2`, [fault.orgId, fault.message]);
}

/** What watches the drop folders: by org, the longest that a file of it has to settle. */
export async function listDropOrgs(sql: Sql): Promise<{ readonly orgId: string; readonly settleMs: number | null }[]> {
  const { rows } = await sql.query<{ orgId: string; settleMs: number | null }>(
    `select o.id as "orgId", (select max((t.params ->> 'settleMs')::int) from triggers t where t.org_id = o.id and t.type = 'file' and t.enabled) as "settleMs"
     from orgs o order by o.id limit 10000`,
  );
  return rows;
}
