/** The tables of queues, jobs, files and events as drizzle sees them: the types of their rows. The truth is migrations/;
 *  schema.test.ts compares the two. Import types only: at run time drizzle's modules cost a process that runs from source 0.3 s. */
import { sql } from 'drizzle-orm';
import { bigint, boolean, doublePrecision, integer, jsonb, pgTable, primaryKey, real, text, timestamp } from 'drizzle-orm/pg-core';
import { orgs } from './schema-people.ts';
import { xid8 } from './schema-types.ts';

export const queues = pgTable('queues', {
  name: text().primaryKey(),
  state: text().notNull(),
  slots: integer().notNull(),
  maxPending: integer('max_pending').notNull(),
  defaultTimeoutMs: bigint('default_timeout_ms', { mode: 'number' }).notNull(),
  adaptive: boolean().notNull().default(false),
  defaultGpus: integer('default_gpus').notNull().default(0),
  seq: bigint({ mode: 'number' }).notNull().default(0),
});

export const gpuLeases = pgTable('gpu_leases', {
  id: text().primaryKey(),
  machine: text().notNull(),
  tenantId: text('tenant_id').notNull(),
  kind: text().notNull(),
  orgId: text('org_id'),
  devices: jsonb().notNull(),
  isWhole: boolean('is_whole').notNull(),
  cpu: doublePrecision().notNull(),
  memoryBytes: bigint('memory_bytes', { mode: 'number' }).notNull(),
  priority: integer().notNull(),
  queuedAt: timestamp('queued_at', { withTimezone: true }).notNull(),
  grantedAt: timestamp('granted_at', { withTimezone: true }).notNull(),
  endsBy: timestamp('ends_by', { withTimezone: true }),
  isPreemptible: boolean('is_preemptible').notNull(),
  isPinned: boolean('is_pinned').notNull(),
  idleSince: timestamp('idle_since', { withTimezone: true }),
  leaving: text(),
  pid: integer(),
  pidStarted: text('pid_started'),
  seq: bigint({ mode: 'number' }).notNull().default(1),
});

export const jobSizes = pgTable(
  'job_sizes',
  {
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    signature: text().notNull(),
    vramBytes: bigint('vram_bytes', { mode: 'number' }).notNull(),
    memoryBytes: bigint('memory_bytes', { mode: 'number' }).notNull(),
    attempts: integer().notNull(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.signature] })],
);

export const workers = pgTable('workers', {
  id: text().primaryKey(),
  builtIn: boolean('built_in').notNull(),
  host: text().notNull(),
  pid: integer().notNull(),
  queues: text().array().notNull(),
  slots: integer().notNull(),
  startedAt: timestamp('started_at', { withTimezone: true }).notNull().defaultNow(),
  beatAt: timestamp('beat_at', { withTimezone: true }).notNull().defaultNow(),
  proof: text(),
  joinedAt: timestamp('joined_at', { withTimezone: true }),
  refusal: text(),
  shutOutAt: timestamp('shut_out_at', { withTimezone: true }),
  shutOutBy: text('shut_out_by'),
  shutOutReason: text('shut_out_reason'),
});

export const jobs = pgTable('jobs', {
  id: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  queue: text()
    .notNull()
    .references(() => queues.name),
  type: text().notNull(),
  status: text().notNull(),
  spec: jsonb(),
  instanceId: text('instance_id'),
  stepPath: text('step_path'),
  stepGeneration: integer('step_generation'),
  stepAttempt: integer('step_attempt'),
  priority: integer().notNull(),
  labels: jsonb().notNull().default({}),
  resources: jsonb().notNull().default({}),
  retry: jsonb().notNull().default({}),
  timeoutMs: bigint('timeout_ms', { mode: 'number' }),
  attempts: integer().notNull().default(0),
  orphanedAttempts: integer('orphaned_attempts').notNull().default(0),
  notBefore: timestamp('not_before', { withTimezone: true }),
  workerId: text('worker_id'),
  leaseExpiresAt: timestamp('lease_expires_at', { withTimezone: true }),
  pid: integer(),
  pidStarted: text('pid_started'),
  cancelRequestedAt: timestamp('cancel_requested_at', { withTimezone: true }),
  exitCode: integer('exit_code'),
  signal: text(),
  reason: text(),
  error: jsonb(),
  result: text(),
  progress: real(),
  metrics: jsonb(),
  wait: jsonb(),
  seq: bigint({ mode: 'number' }).notNull().default(0),
  principal: text(),
  /** Generated from `resources`. */
  needsGrant: boolean('needs_grant').notNull().default(false),
  lineAt: timestamp('line_at', { withTimezone: true }),
  preemptions: integer().notNull().default(0),
  signature: text(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  startedAt: timestamp('started_at', { withTimezone: true }),
  endedAt: timestamp('ended_at', { withTimezone: true }),
  name: text(),
  groupId: text('group_id'),
  groupIndex: integer('group_index'),
  groupSize: integer('group_size'),
  groupValues: jsonb('group_values'),
  blockedBy: integer('blocked_by').notNull().default(0),
  preemptible: boolean().notNull().default(false),
});

export const jobDependencies = pgTable(
  'job_dependencies',
  {
    jobId: text('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    dependsOn: text('depends_on')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    condition: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.jobId, t.dependsOn] })],
);

export const jobMetrics = pgTable(
  'job_metrics',
  {
    jobId: text('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    name: text().notNull(),
    n: bigint({ mode: 'number' }).notNull(),
    at: timestamp({ withTimezone: true }).notNull(),
    step: doublePrecision(),
    value: doublePrecision().notNull(),
  },
  (t) => [primaryKey({ columns: [t.jobId, t.name, t.n] })],
);

export const files = pgTable('files', {
  id: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  path: text().notNull(),
  bytes: bigint({ mode: 'number' }).notNull(),
  sha256: text().notNull(),
  mediaType: text('media_type').notNull(),
  seq: bigint({ mode: 'number' }).notNull().default(0),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
});

export const artifacts = pgTable('artifacts', {
  id: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  name: text().notNull(),
  bytes: bigint({ mode: 'number' }).notNull(),
  sha256: text().notNull(),
  mediaType: text('media_type').notNull(),
  jobId: text('job_id').references(() => jobs.id, { onDelete: 'cascade' }),
  instanceId: text('instance_id'),
  stepPath: text('step_path'),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
});

export const uploads = pgTable('uploads', {
  id: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  userId: text('user_id').notNull(),
  path: text().notNull(),
  mediaType: text('media_type').notNull(),
  length: bigint({ mode: 'number' }).notNull(),
  received: bigint({ mode: 'number' }).notNull().default(0),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
});

export const streams = pgTable(
  'streams',
  {
    kind: text().notNull(),
    id: text().notNull(),
    seq: bigint({ mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.kind, t.id] })],
);

export const outbox = pgTable('outbox', {
  position: bigint({ mode: 'number' }).generatedAlwaysAsIdentity().primaryKey(),
  xid: xid8()
    .notNull()
    .default(sql`pg_current_xact_id()`),
  at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  kind: text().notNull(),
  id: text().notNull(),
  sequence: bigint({ mode: 'number' }).notNull(),
  type: text().notNull(),
  orgId: text('org_id'),
  parent: text(),
  payload: text()
    .notNull()
    .default(sql`'{}'::text`),
  requestId: text('request_id'),
});

export const outboxFloor = pgTable('outbox_floor', {
  isOnly: boolean('is_only').primaryKey().default(true),
  xid: xid8().notNull(),
  position: bigint({ mode: 'number' }).notNull(),
});
