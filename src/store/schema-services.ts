/** The tables of services and of the machine's cost as drizzle sees them: the types of their rows. The truth is migrations/; schema.test.ts compares the two. */
import { bigint, doublePrecision, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { orgs } from './schema-people.ts';

export const services = pgTable('services', {
  name: text().primaryKey(),
  orgId: text('org_id')
    .notNull()
    .references(() => orgs.id, { onDelete: 'cascade' }),
  definition: jsonb().notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull(),
});

export const serviceExits = pgTable('service_exits', {
  id: text().primaryKey(),
  service: text().notNull(),
  at: timestamp({ withTimezone: true }).notNull(),
  code: integer(),
  signal: text(),
  uptimeMs: bigint('uptime_ms', { mode: 'number' }).notNull(),
  lastLines: text('last_lines').array().notNull(),
});

export const machineRuns = pgTable('machine_runs', {
  id: text().primaryKey(),
  startedAt: timestamp('started_at', { withTimezone: true }).notNull(),
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull(),
  perHour: doublePrecision('per_hour'),
  currency: text().notNull(),
  gpus: integer().notNull(),
  slots: integer().notNull(),
});

export const machineSettings = pgTable('machine_settings', {
  key: text().primaryKey(),
  value: jsonb().notNull(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull(),
});
