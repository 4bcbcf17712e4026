/** merge: joins paths. Its fan-in is read by the planner; what runs here only says who came. */
import * as z from 'zod';
import { MAX_NODES } from '../../contract/graph.ts';
import { defineNode, inPort, outPort } from '../kit.ts';

export const merge = defineNode({
  type: 'merge',
  version: 1,
  title: 'Merge',
  summary: 'Joins paths: waits for all of them, any one, or a number.',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z
    .strictObject({ mode: z.enum(['all', 'any', 'n']).default('all'), n: z.int().min(1).max(MAX_NODES).optional() })
    .refine((params) => (params.mode === 'n') === (params.n !== undefined), 'n is given with mode "n", and only then'),
  example: { mode: 'any' },
  docs: `\`all\` waits until every path is settled and at least one led here; \`any\` goes on with the first, later ones are dropped; \`n\` goes on when so many led here, and is skipped when so many can't come any more. Output: \`{ from }\`, the keys of the nodes that led here.

Errors: none.`,
  runs: 'inline',
  pure: true,
  run: (_params, context) => ({ kind: 'output', output: { from: [...context.from] } }),
});
