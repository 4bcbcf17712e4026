/** Trying expressions against sample data, and schedules against the calendar, while somebody writes them. Nothing is stored or started. */
import * as z from 'zod';
import { endpoint, json, timestamp } from './endpoint.ts';

/** What stands for the data of a run. Anything absent is missing, as it would be in a run. */
const sampleScope = z.record(z.string().max(64), json);

const expressionPreview = z.strictObject({
  /** Null also where nothing is there. Secrets stand as `••••`. */
  value: json,
  type: z.enum(['text', 'number', 'boolean', 'list', 'object', 'nothing']),
  /** Of the value as JSON. */
  bytes: z.int(),
  /** The value is too large to be shown: `value` is the beginning of its JSON as a text. */
  isCut: z.boolean(),
  /** Expressions that can not be read (with their place in the template), or what went wrong; then `value` is null. */
  problems: z.array(z.strictObject({ path: z.string(), code: z.string(), message: z.string() })),
});
export type ExpressionPreview = z.infer<typeof expressionPreview>;

export const expressionEndpoints = [
  endpoint({
    key: 'POST /api/v1/expressions/preview',
    tag: 'workflows',
    summary: 'Evaluate expressions against sample data',
    description:
      'With the limits of a run (50 ms, 64 MiB), in a process of its own. `template` is a param as a node holds it: JSON whose texts may hold {{ }}. With `bare` a text without {{ }} is an expression itself, as in conditions. Secrets are never read.',
    body: z.strictObject({ template: json, bare: z.boolean().default(false), scope: sampleScope.default({}) }),
    status: 200,
    reply: expressionPreview,
    errors: ['invalid_body', 'too_large'],
  }),
  endpoint({
    key: 'GET /api/v1/triggers/next-times',
    tag: 'triggers',
    summary: 'When a schedule would fire next',
    query: z.strictObject({
      expression: z.string().min(1).max(200),
      timezone: z.string().max(64).default('UTC'),
      count: z.coerce.number().int().min(1).max(20).default(5),
    }),
    status: 200,
    reply: z.strictObject({
      times: z.array(timestamp),
      /** Why there are none. */
      problem: z.strictObject({ field: z.enum(['timezone', 'expression']), message: z.string() }).nullable(),
    }),
    errors: ['invalid_query'],
  }),
] as const;
