/** The tables of workflows, triggers, instances and steps as drizzle sees them: the types of their rows. The truth is migrations/;
 *  schema.test.ts compares the two. Import types only: at run time drizzle's modules cost a process that runs from source 0.3 s. */
import { sql } from 'drizzle-orm';
import { bigint, boolean, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { orgs, users } from './schema-people.ts';
import { bytea, xid8 } from './schema-types.ts';

export const owners = pgTable('owners', {
  id: text().primaryKey(),
  epoch: bigint({ mode: 'number' }).generatedAlwaysAsIdentity(),
  host: text().notNull(),
  pid: integer().notNull(),
  pidStarted: text('pid_started').notNull(),
  startedAt: timestamp('started_at', { withTimezone: true }).notNull().defaultNow(),
  beatAt: timestamp('beat_at', { withTimezone: true }).notNull().defaultNow(),
});

export const workflows = pgTable('workflows', {
  id: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  name: text().notNull(),
  description: text().notNull().default(''),
  version: integer().notNull(),
  revision: integer().notNull().default(1),
  draft: jsonb(),
  draftSavedAt: timestamp('draft_saved_at', { withTimezone: true }),
  draftRevision: integer('draft_revision').notNull().default(0),
  seq: bigint({ mode: 'number' }).notNull().default(0),
  archivedAt: timestamp('archived_at', { withTimezone: true }),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  tags: text().array().notNull().default([]),
});

export const testDefinitions = pgTable('test_definitions', {
  version: integer().primaryKey(),
  workflowId: text('workflow_id')
    .notNull()
    .references(() => workflows.id, { onDelete: 'cascade' }),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  definition: text().notNull(),
  runBy: text('run_by').references(() => users.id, { onDelete: 'set null' }),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
});

export const workflowEditors = pgTable(
  'workflow_editors',
  {
    workflowId: text('workflow_id')
      .notNull()
      .references(() => workflows.id, { onDelete: 'cascade' }),
    editorId: text('editor_id').notNull(),
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    hasPen: boolean('has_pen').notNull(),
    openedAt: timestamp('opened_at', { withTimezone: true }).notNull(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.workflowId, t.editorId] })],
);

export const workflowVersions = pgTable(
  'workflow_versions',
  {
    workflowId: text('workflow_id')
      .notNull()
      .references(() => workflows.id, { onDelete: 'cascade' }),
    version: integer().notNull(),
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    definition: jsonb().notNull(),
    structuralHash: text('structural_hash').notNull(),
    nodeCount: integer('node_count').notNull(),
    publishedBy: text('published_by').references(() => users.id, { onDelete: 'set null' }),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.workflowId, t.version] })],
);

export const triggers = pgTable(
  'triggers',
  {
    workflowId: text('workflow_id')
      .notNull()
      .references(() => workflows.id, { onDelete: 'cascade' }),
    key: text().notNull(),
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    type: text().notNull(),
    params: jsonb().notNull(),
    enabled: boolean().notNull(),
    declaredEnabled: boolean('declared_enabled').notNull(),
    token: text(),
    nextFireAt: timestamp('next_fire_at', { withTimezone: true }),
    lastFiredAt: timestamp('last_fired_at', { withTimezone: true }),
    lastError: text('last_error'),
    dueAt: timestamp('due_at', { withTimezone: true }),
    plannedAt: timestamp('planned_at', { withTimezone: true }),
    queuedAt: timestamp('queued_at', { withTimezone: true }).array().notNull().default([]),
    lastInstanceId: text('last_instance_id'),
    lastResult: jsonb('last_result'),
    rateUntil: timestamp('rate_until', { withTimezone: true }),
    sinceXid: xid8('since_xid'),
  },
  (t) => [primaryKey({ columns: [t.workflowId, t.key] })],
);

export const triggerFires = pgTable(
  'trigger_fires',
  {
    workflowId: text('workflow_id').notNull(),
    triggerKey: text('trigger_key').notNull(),
    source: text().notNull(),
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    event: text().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.workflowId, t.triggerKey, t.source] }),
    foreignKey({ columns: [t.workflowId, t.triggerKey], foreignColumns: [triggers.workflowId, triggers.key] }).onDelete('cascade'),
  ],
);

export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    workflowId: text('workflow_id').notNull(),
    triggerKey: text('trigger_key').notNull(),
    deliveryHash: bytea('delivery_hash').notNull(),
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    instanceId: text('instance_id').notNull(),
    startedAt: timestamp('started_at', { withTimezone: true }),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.workflowId, t.triggerKey, t.deliveryHash] }),
    foreignKey({ columns: [t.workflowId, t.triggerKey], foreignColumns: [triggers.workflowId, triggers.key] }).onDelete('cascade'),
  ],
);

/** Here and in the tables below that name an instance: no foreign key, for it would hold up the drop of a period (store/run-data.ts). Partitioned by id. */
export const instances = pgTable('instances', {
  id: text().primaryKey(),
  orgId: text('org_id').notNull(),
  workflowId: text('workflow_id').notNull(),
  version: integer().notNull(),
  status: text().notNull(),
  input: text().notNull(),
  output: text(),
  error: jsonb(),
  waiting: jsonb(),
  labels: jsonb().notNull().default({}),
  priority: integer().notNull(),
  startedBy: text('started_by').notNull(),
  rerunOf: text('rerun_of'),
  principal: text(),
  ownerEpoch: bigint('owner_epoch', { mode: 'number' }),
  seq: bigint({ mode: 'number' }).notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  startedAt: timestamp('started_at', { withTimezone: true }),
  endedAt: timestamp('ended_at', { withTimezone: true }),
  parentId: text('parent_id'),
  parentPath: text('parent_path'),
  parentGeneration: integer('parent_generation'),
  depth: integer().notNull().default(0),
  debug: boolean().notNull().default(false),
  limitKey: text('limit_key'),
  rateKey: text('rate_key'),
  starter: text(),
  isTest: boolean('is_test').notNull().default(false),
});

export const steps = pgTable(
  'steps',
  {
    instanceId: text('instance_id').notNull(),
    path: text().notNull(),
    generation: integer().notNull(),
    orgId: text('org_id').notNull(),
    status: text().notNull(),
    attempt: integer().notNull(),
    port: text(),
    input: text(),
    output: text(),
    error: jsonb(),
    reason: text(),
    wait: jsonb(),
    jobId: text('job_id'),
    workerId: text('worker_id'),
    seq: bigint({ mode: 'number' }).notNull(),
    queuedAt: timestamp('queued_at', { withTimezone: true }),
    startedAt: timestamp('started_at', { withTimezone: true }),
    endedAt: timestamp('ended_at', { withTimezone: true }),
    details: text(),
  },
  (t) => [primaryKey({ columns: [t.instanceId, t.path, t.generation] })],
);

export const stepItems = pgTable(
  'step_items',
  {
    instanceId: text('instance_id').notNull(),
    path: text().notNull(),
    generation: integer().notNull(),
    chunk: integer().notNull(),
    orgId: text('org_id').notNull(),
    items: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.instanceId, t.path, t.generation, t.chunk] })],
);

export const admissions = pgTable('admissions', {
  instanceId: text('instance_id').primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  workflowId: text('workflow_id')
    .notNull()
    .references(() => workflows.id, { onDelete: 'cascade' }),
  limitKey: text('limit_key'),
  rateKey: text('rate_key'),
  admittedAt: timestamp('admitted_at', { withTimezone: true }).notNull(),
  releasedAt: timestamp('released_at', { withTimezone: true }),
});

export const stepCache = pgTable(
  'step_cache',
  {
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    key: bytea().notNull(),
    output: text().notNull(),
    port: text(),
    instanceId: text('instance_id').notNull(),
    stepPath: text('step_path').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.key] })],
);

export const stepCrashes = pgTable(
  'step_crashes',
  {
    instanceId: text('instance_id').notNull(),
    path: text().notNull(),
    generation: integer().notNull(),
    orgId: text('org_id').notNull(),
    crashes: integer().notNull(),
    lastAt: timestamp('last_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.instanceId, t.path, t.generation] })],
);

export const stepAttempts = pgTable(
  'step_attempts',
  {
    instanceId: text('instance_id').notNull(),
    path: text().notNull(),
    generation: integer().notNull(),
    attempt: integer().notNull(),
    orgId: text('org_id').notNull(),
    status: text().notNull(),
    output: text(),
    error: jsonb(),
    jobId: text('job_id'),
    startedAt: timestamp('started_at', { withTimezone: true }),
    endedAt: timestamp('ended_at', { withTimezone: true }),
  },
  (t) => [primaryKey({ columns: [t.instanceId, t.path, t.generation, t.attempt] })],
);

export const stepLogs = pgTable(
  'step_logs',
  {
    id: bigint({ mode: 'number' })
      .notNull()
      .default(sql`nextval('step_logs_id')`),
    instanceId: text('instance_id').notNull(),
    path: text().notNull(),
    generation: integer().notNull(),
    attempt: integer().notNull(),
    orgId: text('org_id').notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
    line: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.instanceId, t.path, t.id] })],
);

export const commands = pgTable('commands', {
  id: text().primaryKey(),
  orgId: text('org_id').notNull(),
  instanceId: text('instance_id').notNull(),
  kind: text().notNull(),
  payload: jsonb().notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  doneAt: timestamp('done_at', { withTimezone: true }),
  error: jsonb(),
  effect: text(),
});
