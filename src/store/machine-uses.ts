/** What models and services held of the machine, kept after it was given back: one row a lease. Jobs have rows of their own. */
import type { Sql } from './client.ts';

export interface MachineUseDelta {
  readonly leaseId: string;
  readonly kind: 'model' | 'service';
  readonly tenantId: string;
  readonly orgId: string | null;
  readonly gpus: number;
  readonly part: number;
  readonly grantedAtMs: number;
  readonly seenAtMs: number;
  /** Since it was written last. */
  readonly busyMs: number;
}

/** Counts up. A model is named as it is called now. */
export async function addMachineUses(sql: Sql, uses: readonly MachineUseDelta[]): Promise<void> {
  if (uses.length === 0) return;
  await sql.query(
    `insert into machine_uses (lease_id, kind, tenant_id, name, org_id, gpus, part, granted_at, seen_at, busy_ms)
     select u.lease_id, u.kind, u.tenant_id, coalesce(m.name, regexp_replace(u.tenant_id, '^service:', '')), u.org_id, u.gpus, u.part,
       to_timestamp(u.granted_ms / 1000), to_timestamp(u.seen_ms / 1000), u.busy_ms
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[])
       as u (lease_id, kind, tenant_id, org_id, gpus, part, granted_ms, seen_ms, busy_ms) left join models m on m.id = u.tenant_id
     on conflict (lease_id) do update set seen_at = greatest(machine_uses.seen_at, excluded.seen_at), busy_ms = machine_uses.busy_ms + excluded.busy_ms`,
    [
      uses.map(({ leaseId }) => leaseId),
      uses.map(({ kind }) => kind),
      uses.map(({ tenantId }) => tenantId),
      uses.map(({ orgId }) => orgId),
      uses.map(({ gpus }) => gpus),
      uses.map(({ part }) => part),
      uses.map(({ grantedAtMs }) => grantedAtMs),
      uses.map(({ seenAtMs }) => seenAtMs),
      uses.map(({ busyMs }) => busyMs),
    ],
  );
}

export interface MachineUseRow {
  readonly kind: 'model' | 'service';
  readonly tenantId: string;
  readonly name: string;
  readonly orgId: string | null;
  readonly orgName: string | null;
  readonly gpus: number;
  readonly part: number;
  readonly grantedAt: Date;
  readonly seenAt: Date;
  readonly busyMs: number;
}

/** Those that were there in a time, newest first. LIMIT: the newest 50,000; what earlier ones cost stays with nobody. */
export async function listMachineUses(sql: Sql, window: { readonly since: Date; readonly until: Date }): Promise<MachineUseRow[]> {
  const { rows } = await sql.query<MachineUseRow>(
    `select u.kind, u.tenant_id as "tenantId", u.name, u.org_id as "orgId", o.name as "orgName", u.gpus, u.part, u.granted_at as "grantedAt", u.seen_at as "seenAt",
       u.busy_ms as "busyMs"
     from machine_uses u left join orgs o on o.id = u.org_id where u.seen_at > $1 and u.granted_at < $2 order by u.granted_at desc, u.lease_id limit 50000`,
    [window.since, window.until],
  );
  return rows;
}

export async function deleteOldMachineUses(sql: Sql, before: Date): Promise<void> {
  await sql.query(`delete from machine_uses where seen_at < $1`, [before]);
}

export interface ModelAskerRow {
  readonly model: string;
  readonly orgId: string;
  readonly orgName: string;
  readonly tokens: number;
}

/** Which organisations asked which model in a time, whole days of it. */
export async function listModelAskers(sql: Sql, window: { readonly since: Date; readonly until: Date }): Promise<ModelAskerRow[]> {
  const { rows } = await sql.query<ModelAskerRow>(
    `select u.model, u.org_id as "orgId", o.name as "orgName", sum(u.prompt_tokens + u.completion_tokens + u.requests)::float8 as tokens
     from model_usage u join orgs o on o.id = u.org_id where u.day between ($1::timestamptz at time zone 'utc')::date and ($2::timestamptz at time zone 'utc')::date
     group by u.model, u.org_id, o.name order by u.model, u.org_id limit 100000`,
    [window.since, window.until],
  );
  return rows;
}
