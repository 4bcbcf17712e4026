/** Test runs: a draft, or a part of it, run before it is published. The instance is like any other but for `isTest`. */
import * as z from 'zod';
import { endpoint, json, timestamp } from './endpoint.ts';
import { definition, nodeKey } from './graph.ts';
import { stepStatuses } from './values.ts';

const id = z.strictObject({ id: z.string().max(64) });

/** Which part runs. `key` names a node of the workflow itself, not one inside a body. */
export const testScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all') }),
  /** The node alone: what it reads of others is answered by their outputs. */
  z.strictObject({ kind: z.literal('node'), key: nodeKey }),
  /** What leads to the node, and the node. */
  z.strictObject({ kind: z.literal('upTo'), key: nodeKey }),
  /** The node and what follows; what they read of others is answered by their outputs. */
  z.strictObject({ kind: z.literal('from'), key: nodeKey }),
]);
export type TestScope = z.infer<typeof testScope>;

export const startTestRun = z.strictObject({
  /** The draft's, as it is on the screen; nothing of it is saved as a draft or a version. */
  definition,
  input: json.optional(),
  run: testScope,
  /** Outputs by key that stand for running these nodes, inside bodies too. They go before the draft's own `mock`; the node that a run is asked of runs anyway. */
  pinned: z.record(nodeKey, json).default({}),
});
export type StartTestRun = z.infer<typeof startTestRun>;

/** A node that did not run, and what stood for it. */
const answered = z.strictObject({
  key: z.string(),
  /** `skipped`: it was skipped when it ran last, and is again. `none`: nothing reads it. */
  by: z.enum(['pinned', 'mock', 'last', 'skipped', 'none']),
  /** The instance whose output it is. */
  instanceId: z.string().optional(),
});
export type Answered = z.infer<typeof answered>;

export const lastOutput = z.strictObject({
  key: z.string(),
  /** Of a node in a body: of the first item, `each[0]/encode`. */
  path: z.string(),
  status: z.enum(stepStatuses),
  /** Null when it is left out. */
  output: json,
  /** Too large for this answer: read it from the step itself. */
  isLeftOut: z.boolean(),
  /** Of the output as JSON text. */
  bytes: z.int(),
  instanceId: z.string(),
  isTest: z.boolean(),
  endedAt: timestamp.nullable(),
});
export type LastOutput = z.infer<typeof lastOutput>;

export const testRunEndpoints = [
  endpoint({
    key: 'POST /api/v1/workflows/{id}/test-runs',
    tag: 'workflows',
    summary: 'Run a draft, or a part of it, without publishing it',
    description:
      'With `run` one node, what leads up to it, or it and what follows. What does not run is answered by `pinned`, by its `mock`, or by what it gave last; 422 names the nodes that have nothing to stand on. The instance has `isTest`: it counts in no statistics, sets nothing off and tells nobody when it fails; limits of the workflow do not hold it back. `input` is checked against the input schema when it is given, or the run begins at the start.',
    params: id,
    body: startTestRun,
    status: 201,
    reply: z.strictObject({ instanceId: z.string(), answered: z.array(answered) }),
    errors: ['invalid_body', 'not_found', 'conflict', 'invalid_graph', 'forbidden', 'too_large', 'disk_full'],
  }),
  endpoint({
    key: 'GET /api/v1/workflows/{id}/last-outputs',
    tag: 'workflows',
    summary: 'What each node gave last, in test runs and real ones',
    description:
      'Of the twenty newest instances, by the keys of the draft (without one: of the newest version). Outputs beyond 64 KiB, or beyond 2 MiB in all, are left out.',
    params: id,
    status: 200,
    reply: z.strictObject({
      items: z.array(lastOutput),
      /** Of the newest instance. */
      input: z.strictObject({ instanceId: z.string(), value: json }).nullable(),
      cursor: z.string(),
    }),
    errors: ['not_found'],
  }),
] as const;
