/** What the page of an instance shows at first, in one call: the instance, what it runs, and how each step stands, without payloads. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { definition } from './graph.ts';
import { instance, itemCounts, step } from './instances.ts';
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
  /** By the path of a map or loop that began: how its items stand. */
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
] as const;
