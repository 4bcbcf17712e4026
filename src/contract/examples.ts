/** Example workflows, one a construct, and some that do a whole piece of work: what "New workflow" offers, and each runs in the tests through the API. */
import * as z from 'zod';
import { endpoint, json, page, pageQuery } from './endpoint.ts';
import { graph } from './graph.ts';

export const exampleGroups = ['finished', 'flow', 'waits', 'policies', 'triggers', 'models'] as const;

export const exampleSummary = z.strictObject({
  id: z.string(),
  group: z.enum(exampleGroups),
  title: z.string(),
  /** One sentence. */
  summary: z.string(),
  /** What has to be there for it to run: a GPU, a model. None: it runs anywhere. */
  needs: z.array(z.string()),
  /** Node types in it, bodies included, and its triggers as `trigger:cron`; each once. */
  uses: z.array(z.string()),
});

export const exampleWorkflow = exampleSummary.extend({
  /** As POST /api/v1/workflows takes it, without a name. */
  definition: z.strictObject(graph),
  /** What to try it with. */
  input: json.optional(),
});
/** As it is offered. */
export type ShownExample = z.infer<typeof exampleWorkflow>;
/** As it is written down: what can be derived is. */
export type ExampleWorkflow = Omit<ShownExample, 'uses' | 'needs'> & { readonly needs?: readonly string[] };

export const exampleEndpoints = [
  endpoint({
    key: 'GET /api/v1/examples',
    tag: 'workflows',
    summary: 'Example workflows, with what each shows and needs',
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
