/** The tables of the machine's history and of devices held back, as drizzle sees them. The truth is migrations/; schema.test.ts compares the two. */
import { bigint, doublePrecision, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

export const systemSamples = pgTable('system_samples', {
  at: timestamp({ withTimezone: true }).primaryKey(),
  cpuShare: doublePrecision('cpu_share'),
  memoryUsedBytes: bigint('memory_used_bytes', { mode: 'number' }).notNull(),
  memoryTotalBytes: bigint('memory_total_bytes', { mode: 'number' }).notNull(),
  diskUsedBytes: bigint('disk_used_bytes', { mode: 'number' }).notNull(),
  diskTotalBytes: bigint('disk_total_bytes', { mode: 'number' }).notNull(),
  receivedBytesPerS: doublePrecision('received_bytes_per_s'),
  sentBytesPerS: doublePrecision('sent_bytes_per_s'),
  loopDelayMs: doublePrecision('loop_delay_ms'),
  databaseConnections: integer('database_connections'),
  queuedJobs: integer('queued_jobs'),
  runningJobs: integer('running_jobs'),
  stepsPerS: doublePrecision('steps_per_s'),
  requestsPerS: doublePrecision('requests_per_s'),
  processBytes: bigint('process_bytes', { mode: 'number' }),
});

export const gpuSamples = pgTable(
  'gpu_samples',
  {
    at: timestamp({ withTimezone: true }).notNull(),
    uuid: text().notNull(),
    gpuIndex: integer('gpu_index').notNull(),
    name: text().notNull(),
    memoryTotalBytes: bigint('memory_total_bytes', { mode: 'number' }).notNull(),
    memoryUsedBytes: bigint('memory_used_bytes', { mode: 'number' }).notNull(),
    utilizationPercent: doublePrecision('utilization_percent'),
    temperatureC: doublePrecision('temperature_c'),
    powerW: doublePrecision('power_w'),
  },
  (t) => [primaryKey({ columns: [t.at, t.uuid] })],
);

export const gpuTenantSamples = pgTable(
  'gpu_tenant_samples',
  {
    at: timestamp({ withTimezone: true }).notNull(),
    uuid: text().notNull(),
    tenantId: text('tenant_id').notNull(),
    kind: text({ enum: ['job', 'model', 'service'] }).notNull(),
    orgId: text('org_id'),
    name: text(),
    grantedBytes: bigint('granted_bytes', { mode: 'number' }).notNull(),
    usedBytes: bigint('used_bytes', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.at, t.uuid, t.tenantId] })],
);

export const gpuMarks = pgTable('gpu_marks', {
  uuid: text().primaryKey(),
  state: text().notNull(),
  reason: text().notNull(),
  bootId: text('boot_id'),
  markedAt: timestamp('marked_at', { withTimezone: true }).notNull(),
});
