/** Example workflows, one a construct: what "New workflow" offers, and each runs in the tests through the API. */
import * as z from 'zod';
import { endpoint, json, page, pageQuery } from './endpoint.ts';
import { graph } from './graph.ts';

export const exampleGroups = ['flow', 'waits', 'policies', 'triggers', 'models'] as const;

export const exampleSummary = z.strictObject({
  id: z.string(),
  group: z.enum(exampleGroups),
  title: z.string(),
  /** One sentence. */
  summary: z.string(),
});

export const exampleWorkflow = exampleSummary.extend({
  /** As POST /api/v1/workflows takes it, without a name. */
  definition: z.strictObject(graph),
  /** What to try it with. */
  input: json.optional(),
});
export type ExampleWorkflow = z.infer<typeof exampleWorkflow>;

export const exampleEndpoints = [
  endpoint({
    key: 'GET /api/v1/examples',
    tag: 'workflows',
    summary: 'Example workflows, one a construct',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(exampleSummary),
  }),
  endpoint({
    key: 'GET /api/v1/examples/{id}',
    tag: 'workflows',
    summary: 'Read an example: its definition, and an input to try it with',
    params: z.strictObject({ id: z.string().max(64) }),
    status: 200,
    reply: exampleWorkflow,
    errors: ['not_found'],
  }),
] as const;
