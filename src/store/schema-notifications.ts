/** The tables of notifications and of durable readers of the outbox as drizzle sees them: the types of their rows. The truth is migrations/;
 *  schema.test.ts compares the two. Import types only: at run time drizzle's modules cost a process that runs from source 0.3 s. */
import { bigint, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { orgs, users } from './schema-people.ts';
import { xid8 } from './schema-types.ts';

export const outboxReaders = pgTable('outbox_readers', {
  name: text().primaryKey(),
  xid: xid8().notNull(),
  position: bigint({ mode: 'number' }).notNull(),
});

export const notifications = pgTable('notifications', {
  id: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  userId: text('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  source: text().notNull(),
  kind: text().notNull(),
  title: text().notNull(),
  body: text().notNull(),
  workflowId: text('workflow_id'),
  instanceId: text('instance_id'),
  stepPath: text('step_path'),
  readAt: timestamp('read_at', { withTimezone: true }),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  fold: text(),
  count: integer().notNull().default(1),
  shown: jsonb(),
});

export const notificationDeliveries = pgTable('notification_deliveries', {
  id: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  source: text().notNull(),
  channel: text().notNull(),
  target: text(),
  urlSecret: text('url_secret'),
  signSecret: text('sign_secret'),
  kind: text().notNull(),
  title: text().notNull(),
  body: text().notNull(),
  workflowId: text('workflow_id'),
  instanceId: text('instance_id'),
  stepPath: text('step_path'),
  status: text().notNull(),
  attempts: integer().notNull().default(0),
  nextAt: timestamp('next_at', { withTimezone: true }),
  lastError: text('last_error'),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  endedAt: timestamp('ended_at', { withTimezone: true }),
  fold: text(),
  count: integer().notNull().default(1),
  shown: jsonb(),
  dueAt: timestamp('due_at', { withTimezone: true }),
});
