/** What was used of models: requests and tokens by day, model and caller. */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';

export const usageGroups = ['day', 'model', 'caller'] as const;
export type UsageGroup = (typeof usageGroups)[number];

const group = z
  .string()
  .max(100)
  .transform((text) => text.split(','))
  .pipe(
    z
      .array(z.enum(usageGroups, { error: `group by ${usageGroups.join(', ')}, with commas between` }))
      .min(1)
      .max(3),
  );

/** A day in UTC. */
const day = z.iso.date();

export const usageRow = z.strictObject({
  day: day.optional(),
  model: z.string().optional(),
  /** Who asked: an API key, a person's session, a workflow. Name null: it was deleted since. */
  caller: z.strictObject({ kind: z.enum(['key', 'user', 'workflow']), id: z.string(), name: z.string().nullable() }).optional(),
  requests: z.int(),
  /** Of them, those that ended in an error or were left by their caller. */
  failed: z.int(),
  promptTokens: z.int(),
  completionTokens: z.int(),
});
export type UsageRow = z.infer<typeof usageRow>;

export const modelUsageEndpoints = [
  endpoint({
    key: 'GET /api/v1/models/usage',
    tag: 'models',
    summary: 'What the org used of models, by day, model or caller',
    description:
      'Counted when a request ends, written every 5 s and when Studio stops: a crash loses the last 5 s at most. Days are UTC; the newest and largest come first.',
    query: z.strictObject({
      group: group.default(['day', 'model']),
      since: day.optional(),
      until: day.optional(),
      model: z.string().max(200).optional(),
      caller: z.string().max(64).optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
    }),
    status: 200,
    reply: z.strictObject({ items: z.array(usageRow), cursor: z.string() }),
    errors: ['invalid_query'],
  }),
] as const;
