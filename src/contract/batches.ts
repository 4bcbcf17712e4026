/** One command on many instances, named by a filter. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { instanceFilter } from './instances.ts';
import { instanceStatuses } from './values.ts';

/** Instances of one call; the next call takes the next ones. */
export const MAX_BATCH = 1_000;

export const batchCommand = z.strictObject({
  /** `delete` takes finished instances away with their steps. */
  command: z.enum(['cancel', 'retry', 'delete']),
  filter: z.strictObject({
    /** Every one of them is answered for. */
    ids: z.array(z.string().max(64)).min(1).max(MAX_BATCH).optional(),
    /** Default: those that the command applies to. */
    status: z.array(z.enum(instanceStatuses)).min(1).optional(),
    workflowId: z.string().max(64).optional(),
    label: z
      .string()
      .max(1_000)
      .regex(/^[^:]+:/, 'write a label as key:value')
      .optional(),
    tag: instanceFilter.tag,
    startedBy: instanceFilter.startedBy,
    /** Without `ids`, test runs are left out unless asked for. */
    test: z.enum(['true', 'false', 'all']).optional(),
    since: timestamp.optional(),
    until: timestamp.optional(),
    search: instanceFilter.search,
    minDurationMs: z.number().min(0).optional(),
    maxDurationMs: z.number().min(0).optional(),
  }),
  limit: z.int().min(1).max(MAX_BATCH).default(MAX_BATCH),
  /** Only counts. */
  dryRun: z.boolean().default(false),
});

export const batchEndpoints = [
  endpoint({
    key: 'POST /api/v1/instances/batch',
    tag: 'instances',
    summary: 'Cancel, retry or delete every instance that a filter names, newest first',
    description:
      'An empty filter names all that the command applies to. `done` counts those it was carried out on, `refused` names the others and why; with `filter.ids` also ids that are unknown, and without `filter.status` those the command does not apply to. `matched` counts those it was or would be carried out on or tried; `more` says that further ones match: call again.',
    body: batchCommand,
    status: 200,
    reply: z.strictObject({
      matched: z.int(),
      done: z.int(),
      refused: z.array(z.strictObject({ id: z.string(), code: z.string(), message: z.string() })),
      more: z.boolean(),
    }),
    errors: ['invalid_body', 'forbidden'],
  }),
] as const;
