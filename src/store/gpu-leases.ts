/** Rows of leases: who holds memory of devices, cores and memory, for as long as its processes live. Each change writes its event in the same transaction.
 *  Events tell what is held, never by whom: every person who may see the machine hears them. */
import type { Json } from '../contract/endpoint.ts';
import type { NewEvent } from './outbox.ts';
import { writeEvents } from './outbox.ts';
import type { Sql } from './client.ts';

export interface StoredLease {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: 'job' | 'model' | 'service';
  readonly orgId: string | null;
  /** What people call the tenant; undefined: nothing but its id. */
  readonly name?: string | undefined;
  readonly devices: readonly { readonly uuid: string; readonly index: number; readonly bytes: number }[];
  /** Nobody sits beside it. */
  readonly isWhole: boolean;
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly priority: number;
  readonly queuedAtMs: number;
  readonly grantedAtMs: number;
  /** By when it ends at the latest; undefined: nobody knows. */
  readonly endsByMs: number | undefined;
  readonly isPreemptible: boolean;
  readonly isPinned: boolean;
  readonly idleSinceMs: number | null;
  /** Why it was told to end. */
  readonly leaving: string | null;
  readonly process: { readonly pid: number; readonly started: string } | null;
}

interface LeaseRow {
  id: string;
  tenant_id: string;
  kind: StoredLease['kind'];
  org_id: string | null;
  devices: StoredLease['devices'];
  is_whole: boolean;
  cpu: number;
  memory_bytes: number;
  priority: number;
  queued_at: Date;
  granted_at: Date;
  ends_by: Date | null;
  is_preemptible: boolean;
  is_pinned: boolean;
  idle_since: Date | null;
  leaving: string | null;
  pid: number | null;
  pid_started: string | null;
  seq: number;
}

const COLUMNS = `id, tenant_id, kind, org_id, devices, is_whole, cpu, memory_bytes, priority, queued_at, granted_at, ends_by, is_preemptible, is_pinned, idle_since, leaving,
  pid, pid_started, seq`;

/** Writes granted leases, in the transaction that lets their tenants begin. */
export async function insertLeases(sql: Sql, machine: string, leases: readonly StoredLease[]): Promise<void> {
  if (leases.length === 0) return;
  const rows = leases.map((lease) => ({
    id: lease.id,
    tenant_id: lease.tenantId,
    kind: lease.kind,
    org_id: lease.orgId,
    devices: lease.devices,
    is_whole: lease.isWhole,
    cpu: lease.cpu,
    memory_bytes: lease.memoryBytes,
    priority: lease.priority,
    queued_at: lease.queuedAtMs,
    granted_at: lease.grantedAtMs,
    ends_by: lease.endsByMs ?? null,
    is_preemptible: lease.isPreemptible,
    is_pinned: lease.isPinned,
  }));
  const { rows: written } = await sql.query<LeaseRow>(
    `insert into gpu_leases (id, machine, tenant_id, kind, org_id, devices, is_whole, cpu, memory_bytes, priority, queued_at, granted_at, ends_by, is_preemptible, is_pinned)
     select id, $1, tenant_id, kind, org_id, devices, is_whole, cpu, memory_bytes, priority, to_timestamp(queued_at / 1000), to_timestamp(granted_at / 1000),
       to_timestamp(ends_by / 1000), is_preemptible, is_pinned
     from jsonb_to_recordset($2::jsonb) as new (id text, tenant_id text, kind text, org_id text, devices jsonb, is_whole boolean, cpu float8, memory_bytes bigint, priority int,
       queued_at float8, granted_at float8, ends_by float8, is_preemptible boolean, is_pinned boolean)
     returning ${COLUMNS}`,
    [machine, JSON.stringify(rows)],
  );
  await writeEvents(
    sql,
    written.map((row) => eventOf(row, 'gpu:lease:granted')),
  );
}

/** Says that these were told to end, and why. */
export async function markLeaving(sql: Sql, leases: readonly { readonly id: string; readonly reason: string }[]): Promise<void> {
  if (leases.length === 0) return;
  const { rows } = await sql.query<LeaseRow>(
    `update gpu_leases set leaving = told.reason, seq = seq + 1 from unnest($1::text[], $2::text[]) as told (lease_id, reason) where id = told.lease_id returning ${COLUMNS}`,
    [leases.map((lease) => lease.id), leases.map((lease) => lease.reason)],
  );
  await writeEvents(
    sql,
    rows.map((row) => eventOf(row, 'gpu:lease:evicted')),
  );
}

/** Gives back what a tenant holds, in the transaction that records its end. Nothing happens when it holds nothing. */
export async function releaseLeaseOf(sql: Sql, tenantId: string): Promise<void> {
  const { rows } = await sql.query<LeaseRow>(`delete from gpu_leases where tenant_id = $1 returning ${COLUMNS}`, [tenantId]);
  await writeEvents(
    sql,
    rows.map((row) => eventOf({ ...row, seq: row.seq + 1 }, 'gpu:lease:released')),
  );
}

/** What the ledger notes of a lease while it lives; small facts that are no events. */
export async function noteLease(
  sql: Sql,
  lease: { readonly id: string; readonly isPinned: boolean; readonly idleSinceMs: number | null; readonly process: StoredLease['process'] },
): Promise<void> {
  await sql.query(`update gpu_leases set is_pinned = $2, idle_since = to_timestamp($3::float8 / 1000), pid = $4, pid_started = $5 where id = $1`, [
    lease.id,
    lease.isPinned,
    lease.idleSinceMs,
    lease.process?.pid ?? null,
    lease.process?.started ?? null,
  ]);
}

/** All leases of a workspace's machine, oldest first, with the names of their tenants. */
export async function listLeases(sql: Sql, machine: string): Promise<StoredLease[]> {
  const { rows } = await sql.query<LeaseRow & { name: string | null }>(
    `select ${COLUMNS}, coalesce((select name from jobs where jobs.id = tenant_id), (select name from models where models.id = tenant_id)) as name
     from gpu_leases where machine = $1 order by id limit 10000`,
    [machine],
  );
  return rows.map((row) => ({ ...toLease(row), name: row.name ?? undefined }));
}

/** Of these jobs, those that run. */
export async function findRunningJobs(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ id: string }>(`select id from jobs where id = any($1) and status = 'running'`, [[...ids]]);
  return new Set(rows.map((row) => row.id));
}

function toLease(row: LeaseRow): StoredLease {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    orgId: row.org_id,
    devices: row.devices,
    isWhole: row.is_whole,
    cpu: row.cpu,
    memoryBytes: row.memory_bytes,
    priority: row.priority,
    queuedAtMs: row.queued_at.getTime(),
    grantedAtMs: row.granted_at.getTime(),
    endsByMs: row.ends_by?.getTime(),
    isPreemptible: row.is_preemptible,
    isPinned: row.is_pinned,
    idleSinceMs: row.idle_since?.getTime() ?? null,
    leaving: row.leaving,
    process: row.pid === null || row.pid_started === null ? null : { pid: row.pid, started: row.pid_started },
  };
}

function eventOf(row: LeaseRow, type: 'gpu:lease:granted' | 'gpu:lease:evicted' | 'gpu:lease:released'): NewEvent {
  const devices = row.devices.map(({ uuid, index, bytes }): Json => ({ uuid, index, bytes }));
  return {
    kind: 'lease',
    id: row.id,
    sequence: row.seq,
    type,
    orgId: null,
    payload: { kind: row.kind, devices, cpu: row.cpu, memoryBytes: row.memory_bytes, ...(type === 'gpu:lease:evicted' ? { isLeaving: true } : {}) },
  };
}
