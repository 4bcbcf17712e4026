/** What was used of models, as drizzle sees it: the types of its rows. The truth is migrations/; schema.test.ts compares the two.
 *  Import types only: at run time drizzle's modules cost a process that runs from source 0.3 s. */
import { bigint, date, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
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
