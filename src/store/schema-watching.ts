/** The table of Studio's own alerts, as drizzle sees it. The truth is migrations/; schema.test.ts compares the two. */
import { pgTable, text, timestamp } from 'drizzle-orm/pg-core';

export const alerts = pgTable('alerts', {
  id: text().primaryKey(),
  rule: text().notNull(),
  subject: text().notNull(),
  severity: text().notNull(),
  title: text().notNull(),
  body: text().notNull(),
  beganAt: timestamp('began_at', { withTimezone: true }).notNull(),
  firedAt: timestamp('fired_at', { withTimezone: true }).notNull(),
  resolvedAt: timestamp('resolved_at', { withTimezone: true }),
});
