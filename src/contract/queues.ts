/** Queues over the API. */
import * as z from 'zod';
import { endpoint, page, pageQuery } from './endpoint.ts';
import { queueStates } from './values.ts';

export const queue = z.strictObject({
  name: z.string(),
  state: z.enum(queueStates),
  slots: z.int(),
  /** Studio finds the number of slots by itself, from 1 to 32. */
  adaptive: z.boolean(),
  /** What a job gets that does not say how many GPUs it needs. */
  defaultGpus: z.int(),
  maxPending: z.int(),
  defaultTimeoutMs: z.int(),
  pending: z.int(),
  running: z.int(),
});
export type Queue = z.infer<typeof queue>;

export const queueEndpoints = [
  endpoint({ key: 'GET /api/v1/queues', tag: 'machine', summary: 'List queues', query: z.strictObject(pageQuery), status: 200, reply: page(queue) }),
  endpoint({
    key: 'PATCH /api/v1/queues/{name}',
    tag: 'machine',
    summary: 'Change a queue; a new name makes one',
    params: z.strictObject({ name: z.string().max(64) }),
    body: z.strictObject({
      /** `auto`: as many as the machine bears. */
      slots: z.union([z.int().min(0).max(256), z.literal('auto')]).optional(),
      defaultGpus: z.int().min(0).max(64).optional(),
      paused: z.boolean().optional(),
      draining: z.boolean().optional(),
      maxPending: z.int().min(1).max(1_000_000).optional(),
      defaultTimeoutMs: z
        .int()
        .min(1)
        .max(30 * 86_400_000)
        .optional(),
    }),
    status: 200,
    reply: queue,
    errors: ['invalid_body', 'not_found'],
  }),
] as const;
