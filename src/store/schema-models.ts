/** The tables of models and downloads as drizzle sees them: the types of their rows. The truth is migrations/; schema.test.ts compares the two.
 *  Import types only: at run time drizzle's modules cost a process that runs from source 0.3 s. */
import { bigint, boolean, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import { orgs } from './schema-people.ts';

export const models = pgTable('models', {
  id: text().primaryKey(),
  orgId: text('org_id').references(() => orgs.id, { onDelete: 'cascade' }),
  homeOrgId: text('home_org_id').references(() => orgs.id, { onDelete: 'set null' }),
  name: text().notNull(),
  engine: text().notNull(),
  status: text().notNull(),
  fault: text(),
  format: text(),
  architecture: text(),
  quantisation: text(),
  parameters: bigint({ mode: 'number' }),
  contextLength: bigint('context_length', { mode: 'number' }),
  bytes: bigint({ mode: 'number' }).notNull().default(0),
  source: jsonb().notNull(),
  files: jsonb().notNull().default([]),
  shape: jsonb(),
  settings: jsonb().notNull().default({}),
  pinned: boolean().notNull().default(false),
  ttlS: integer('ttl_s'),
  seq: bigint({ mode: 'number' }).notNull().default(0),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull(),
});

export const downloads = pgTable('downloads', {
  id: text().primaryKey(),
  orgId: text('org_id').references(() => orgs.id, { onDelete: 'cascade' }),
  homeOrgId: text('home_org_id').references(() => orgs.id, { onDelete: 'set null' }),
  modelId: text('model_id').references(() => models.id, { onDelete: 'set null' }),
  name: text().notNull(),
  status: text().notNull(),
  source: jsonb().notNull(),
  url: text(),
  files: jsonb().notNull(),
  bytesDone: bigint('bytes_done', { mode: 'number' }).notNull().default(0),
  bytesTotal: bigint('bytes_total', { mode: 'number' }),
  rate: bigint({ mode: 'number' }),
  error: jsonb(),
  seq: bigint({ mode: 'number' }).notNull().default(0),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull(),
  startedAt: timestamp('started_at', { withTimezone: true }),
  endedAt: timestamp('ended_at', { withTimezone: true }),
});
