/** Rows of what the machine and its devices did: a point a minute, dropped after a day. They belong to no org: read with the engine's role. */
import type { Sql } from './client.ts';
import type { gpuSamples, gpuTenantSamples, systemSamples } from './schema-gpu.ts';

export type SystemSample = typeof systemSamples.$inferSelect;
export type GpuSample = typeof gpuSamples.$inferSelect;
export type GpuTenantSample = typeof gpuTenantSamples.$inferSelect;

/** One minute. A second writing of the same minute replaces the first. */
export async function writeSamples(sql: Sql, system: SystemSample, gpus: readonly GpuSample[]): Promise<void> {
  await sql.query(
    `insert into system_samples (at, cpu_share, memory_used_bytes, memory_total_bytes, disk_used_bytes, disk_total_bytes, received_bytes_per_s, sent_bytes_per_s,
       loop_delay_ms, database_connections, queued_jobs, running_jobs, steps_per_s, requests_per_s, process_bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
     on conflict (at) do update set cpu_share = excluded.cpu_share, memory_used_bytes = excluded.memory_used_bytes, memory_total_bytes = excluded.memory_total_bytes,
       disk_used_bytes = excluded.disk_used_bytes, disk_total_bytes = excluded.disk_total_bytes,
       received_bytes_per_s = excluded.received_bytes_per_s, sent_bytes_per_s = excluded.sent_bytes_per_s,
       loop_delay_ms = excluded.loop_delay_ms, database_connections = excluded.database_connections, queued_jobs = excluded.queued_jobs,
       running_jobs = excluded.running_jobs, steps_per_s = excluded.steps_per_s, requests_per_s = excluded.requests_per_s, process_bytes = excluded.process_bytes`,
    [
      system.at,
      system.cpuShare,
      system.memoryUsedBytes,
      system.memoryTotalBytes,
      system.diskUsedBytes,
      system.diskTotalBytes,
      system.receivedBytesPerS,
      system.sentBytesPerS,
      system.loopDelayMs,
      system.databaseConnections,
      system.queuedJobs,
      system.runningJobs,
      system.stepsPerS,
      system.requestsPerS,
      system.processBytes,
    ],
  );
  if (gpus.length === 0) return;
  await sql.query(
    `insert into gpu_samples (at, uuid, gpu_index, name, memory_total_bytes, memory_used_bytes, utilization_percent, temperature_c, power_w)
     select $1::timestamptz, g.uuid, g.gpu_index, g.name, g.memory_total_bytes, g.memory_used_bytes, g.utilization_percent, g.temperature_c, g.power_w
     from unnest($2::text[], $3::integer[], $4::text[], $5::bigint[], $6::bigint[], $7::float8[], $8::float8[], $9::float8[])
       as g (uuid, gpu_index, name, memory_total_bytes, memory_used_bytes, utilization_percent, temperature_c, power_w)
     on conflict (at, uuid) do update set gpu_index = excluded.gpu_index, name = excluded.name, memory_total_bytes = excluded.memory_total_bytes,
       memory_used_bytes = excluded.memory_used_bytes, utilization_percent = excluded.utilization_percent,
       temperature_c = excluded.temperature_c, power_w = excluded.power_w`,
    [
      system.at,
      gpus.map((gpu) => gpu.uuid),
      gpus.map((gpu) => gpu.gpuIndex),
      gpus.map((gpu) => gpu.name),
      gpus.map((gpu) => gpu.memoryTotalBytes),
      gpus.map((gpu) => gpu.memoryUsedBytes),
      gpus.map((gpu) => gpu.utilizationPercent),
      gpus.map((gpu) => gpu.temperatureC),
      gpus.map((gpu) => gpu.powerW),
    ],
  );
}

/** Who had memory in that minute. A second writing of the same minute replaces what it tells again. */
export async function writeTenantSamples(sql: Sql, at: Date, tenants: readonly GpuTenantSample[]): Promise<void> {
  if (tenants.length === 0) return;
  await sql.query(
    `insert into gpu_tenant_samples (at, uuid, tenant_id, kind, org_id, name, granted_bytes, used_bytes)
     select $1::timestamptz, t.uuid, t.tenant_id, t.kind, t.org_id, t.name, t.granted_bytes, t.used_bytes
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
       as t (uuid, tenant_id, kind, org_id, name, granted_bytes, used_bytes)
     on conflict (at, uuid, tenant_id) do update set name = excluded.name, granted_bytes = excluded.granted_bytes, used_bytes = excluded.used_bytes`,
    [
      at,
      tenants.map((tenant) => tenant.uuid),
      tenants.map((tenant) => tenant.tenantId),
      tenants.map((tenant) => tenant.kind),
      tenants.map((tenant) => tenant.orgId),
      tenants.map((tenant) => tenant.name),
      tenants.map((tenant) => tenant.grantedBytes),
      tenants.map((tenant) => tenant.usedBytes),
    ],
  );
}

export async function deleteSamplesBefore(sql: Sql, at: Date): Promise<void> {
  await sql.query('delete from system_samples where at < $1', [at]);
  await sql.query('delete from gpu_samples where at < $1', [at]);
  await sql.query('delete from gpu_tenant_samples where at < $1', [at]);
}

/** Oldest first, from `since` on: a day of minutes at most. */
export async function listSystemSamples(sql: Sql, since: Date): Promise<SystemSample[]> {
  const { rows } = await sql.query<SystemSample>(
    `select at, cpu_share as "cpuShare", memory_used_bytes as "memoryUsedBytes", memory_total_bytes as "memoryTotalBytes", disk_used_bytes as "diskUsedBytes",
       disk_total_bytes as "diskTotalBytes", received_bytes_per_s as "receivedBytesPerS", sent_bytes_per_s as "sentBytesPerS",
       loop_delay_ms as "loopDelayMs", database_connections as "databaseConnections", queued_jobs as "queuedJobs", running_jobs as "runningJobs",
       steps_per_s as "stepsPerS", requests_per_s as "requestsPerS", process_bytes as "processBytes"
     from system_samples where at >= $1 order by at limit 2000`,
    [since],
  );
  return rows;
}

/** Oldest first, from `since` on: a day of 16 cards in 7 parts each at most. */
export async function listGpuSamples(sql: Sql, since: Date): Promise<GpuSample[]> {
  const { rows } = await sql.query<GpuSample>(
    `select at, uuid, gpu_index as "gpuIndex", name, memory_total_bytes as "memoryTotalBytes", memory_used_bytes as "memoryUsedBytes",
       utilization_percent as "utilizationPercent", temperature_c as "temperatureC", power_w as "powerW"
     from gpu_samples where at >= $1 order by at, uuid limit 170000`,
    [since],
  );
  return rows;
}

// A day of minutes on 16 cards with 8 tenants each.
const MAX_TENANT_SAMPLES = 200_000;

/** Oldest first, from `since` on. */
export async function listTenantSamples(sql: Sql, since: Date): Promise<GpuTenantSample[]> {
  const { rows } = await sql.query<GpuTenantSample>(
    `select at, uuid, tenant_id as "tenantId", kind, org_id as "orgId", name, granted_bytes as "grantedBytes", used_bytes as "usedBytes"
     from gpu_tenant_samples where at >= $1 order by at, uuid, tenant_id limit $2`,
    [since, MAX_TENANT_SAMPLES],
  );
  return rows;
}
