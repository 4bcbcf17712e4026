/** Instances over time: what the chart and the facets above the list show. Narrowed by the list's own filter. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { instanceFilter } from './instances.ts';
import { instanceStatuses } from './values.ts';

/** Instances that are read for one answer, newest first, whatever narrows them: they bound its cost, about half a second on two busy cores. */
export const MAX_COUNTED = 100_000;

const counts = z.partialRecord(z.enum(instanceStatuses), z.int());
const { since: _since, until: _until, ...filter } = instanceFilter;

const bucket = z.strictObject({
  from: timestamp,
  total: z.int(),
  /** By how they stand now; none of a status: it is left out. */
  counts,
  /** From start to end, of those that ended; null: none did. */
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
});

export const instanceStats = z.strictObject({
  from: timestamp,
  to: timestamp,
  bucketMs: z.number(),
  /** Oldest first, without gaps. By when instances were created. */
  buckets: z.array(bucket),
  total: z.int(),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  /** How many there are of each value, under the filter without that facet's own part: what choosing another value would show. Most first. With `workflowId`, that
   *  workflow alone. */
  facets: z.strictObject({
    status: z.array(z.strictObject({ value: z.enum(instanceStatuses), count: z.int() })),
    workflow: z.array(z.strictObject({ id: z.string(), name: z.string(), count: z.int() })),
    /** `manual`, `rerun`, `test`, `workflow`, or the type of a trigger. */
    startedBy: z.array(z.strictObject({ value: z.string(), count: z.int() })),
  }),
  /** Set: there are more instances than are counted; everything said is of those created from then on. */
  countedFrom: timestamp.optional(),
  cursor: z.string(),
});
export type InstanceStats = z.infer<typeof instanceStats>;

export const instanceStatsEndpoints = [
  endpoint({
    key: 'GET /api/v1/instances/stats',
    tag: 'instances',
    summary: 'Count instances over time, with their durations and facets',
    description:
      'Of those created in [from, to), by default the last 24 hours, narrowed as the list is. At most 100,000 of the organisation (with `workflowId`: of that workflow) are read, the newest; `countedFrom` says where that begins.',
    query: z.strictObject({
      from: timestamp.optional(),
      to: timestamp.optional(),
      buckets: z.coerce.number().int().min(1).max(200).default(48),
      ...filter,
    }),
    status: 200,
    reply: instanceStats,
    errors: ['invalid_query'],
  }),
] as const;
