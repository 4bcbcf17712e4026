/** What the page of an instance shows at first, in one call: the instance, what it runs, and how each step stands, without payloads. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { definition } from './graph.ts';
import { idAndPath, instance, itemCounts, step } from './instances.ts';
import { stepStatuses } from './values.ts';

/** A step as a graph and a timeline need it; what went in and out is read when somebody looks. */
export const stepOutline = step.omit({ input: true, output: true });
export type StepOutline = z.infer<typeof stepOutline>;

/** A try that did not stand: another came after it, or another generation. */
export const pastTry = z.strictObject({
  path: z.string(),
  generation: z.int(),
  attempt: z.int(),
  status: z.enum(stepStatuses),
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
});
export type PastTry = z.infer<typeof pastTry>;

export const instanceView = z.strictObject({
  instance,
  /** Of the version that it runs. */
  definition,
  /** Outside maps and loops: the newest generation of each. */
  steps: z.array(stepOutline),
  /** Of those steps, the newest thousand. */
  tries: z.array(pastTry),
  /** By the path of a map or loop that began: how its items stand. Of maps with more than a thousand, which take longer to count, nothing. */
  items: z.record(z.string(), itemCounts),
});

export const instanceViewEndpoints = [
  endpoint({
    key: 'GET /api/v1/instances/{id}/view',
    tag: 'instances',
    summary: 'Read an instance with its definition and the outline of its steps',
    description: 'Enough for a graph and a timeline; inputs and outputs of steps are left out, and so are steps inside maps and loops, which are counted.',
    params: z.strictObject({ id: z.string().max(64) }),
    status: 200,
    reply: instanceView,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}/steps/{path}/outlines',
    tag: 'instances',
    summary: 'Read some items of a map or loop, or the steps of one item, without payloads',
    description:
      'Of a map or loop: those that ?items=0,5,9 names by their numbers, at most 200, or the first 200; those that have not begun are left out, and one that has not ended is running. Of an item, such as each[3]: the steps directly in it. An item spans its steps.',
    params: idAndPath,
    query: z.strictObject({ items: z.string().max(2_000).optional() }),
    status: 200,
    reply: z.strictObject({ items: z.array(stepOutline) }),
    errors: ['not_found', 'invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/instances/{id}/steps/{path}/items/indexes',
    tag: 'instances',
    summary: 'The numbers of the items of a map, or rounds of a loop, that stand so; without a status all that ended',
    params: idAndPath,
    query: z.strictObject({ status: z.string().max(200).optional() }),
    status: 200,
    reply: z.strictObject({ indexes: z.array(z.int()) }),
    errors: ['not_found', 'invalid_query'],
  }),
] as const;
