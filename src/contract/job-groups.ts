/** Jobs that were submitted together: an array or a matrix. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { jobStatuses } from './values.ts';

const id = z.strictObject({ id: z.string().max(64) });

/** Largest group of one submission: an array's size, or the product of a matrix. */
export const MAX_GROUP = 10_000;
/** Jobs that were submitted together. */
export const jobGroup = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  queue: z.string(),
  size: z.int(),
  counts: z.record(z.enum(jobStatuses), z.int()),
  createdAt: timestamp,
});
export type JobGroup = z.infer<typeof jobGroup>;

export const jobGroupEndpoints = [
  endpoint({
    key: 'GET /api/v1/job-groups/{id}',
    tag: 'jobs',
    summary: 'Read a group of jobs: an array or a matrix',
    params: id,
    status: 200,
    reply: jobGroup,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/job-groups/{id}/cancel',
    tag: 'jobs',
    summary: 'Cancel every job of a group that has not ended',
    params: id,
    status: 200,
    reply: jobGroup,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/job-groups/{id}/retry',
    tag: 'jobs',
    summary: 'Queue every job of a group again that did not complete',
    params: id,
    status: 200,
    reply: jobGroup,
    errors: ['not_found', 'queue_full'],
  }),
] as const;
