/** What was used of models and of the machine, as drizzle sees it: the types of its rows. The truth is migrations/; schema.test.ts compares the two.
 *  Import types only: at run time drizzle's modules cost a process that runs from source 0.3 s. */
import { bigint, date, doublePrecision, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { orgs } from './schema-people.ts';

export const modelUsage = pgTable(
  'model_usage',
  {
    orgId: text('org_id')
      .notNull()
      .references(() => orgs.id, { onDelete: 'cascade' }),
    day: date().notNull(),
    model: text().notNull(),
    caller: text().notNull(),
    requests: bigint({ mode: 'number' }).notNull(),
    failed: bigint({ mode: 'number' }).notNull(),
    promptTokens: bigint('prompt_tokens', { mode: 'number' }).notNull(),
    completionTokens: bigint('completion_tokens', { mode: 'number' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.orgId, t.day, t.model, t.caller] })],
);

export const modelLimitsUsed = pgTable('model_limits_used', {
  subject: text().primaryKey(),
  requests: doublePrecision().notNull(),
  tokens: doublePrecision().notNull(),
  at: timestamp({ withTimezone: true }).notNull(),
  freeAt: timestamp('free_at', { withTimezone: true }).notNull(),
});

export const modelLimitsRunning = pgTable(
  'model_limits_running',
  {
    subject: text().notNull(),
    process: text().notNull(),
    count: integer().notNull(),
    seenAt: timestamp('seen_at', { withTimezone: true }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.subject, t.process] })],
);

export const machineUses = pgTable('machine_uses', {
  leaseId: text('lease_id').primaryKey(),
  kind: text().$type<'model' | 'service'>().notNull(),
  tenantId: text('tenant_id').notNull(),
  name: text().notNull(),
  orgId: text('org_id'),
  gpus: doublePrecision().notNull(),
  part: doublePrecision().notNull(),
  grantedAt: timestamp('granted_at', { withTimezone: true }).notNull(),
  seenAt: timestamp('seen_at', { withTimezone: true }).notNull(),
  busyMs: doublePrecision('busy_ms').notNull(),
});
