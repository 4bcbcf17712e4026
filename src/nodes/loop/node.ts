/** loop: runs a graph again and again, while a condition holds, one round after another. */
import * as z from 'zod';
import { graphBody } from '../../contract/graph.ts';
import { asField, defineBodyNode, inPort, outPort } from '../kit.ts';

const MAX_ROUNDS = 100_000;

export const loop = defineBodyNode({
  type: 'loop',
  version: 1,
  title: 'Loop',
  summary: 'Runs a graph again and again while a condition holds, at most so many times.',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    while: z
      .string()
      .min(1)
      .max(10_000)
      .optional()
      .describe('Asked before each round, over index and previous; without it there are maxIterations rounds')
      .meta(asField({ control: 'expression', names: ['index', 'previous'] })),
    maxIterations: z.int().min(1).max(MAX_ROUNDS).default(100),
    onLimit: z.enum(['fail', 'stop']).default('fail').describe('When the limit is reached and the condition still holds'),
    body: graphBody.meta(asField({ control: 'hidden' })),
  }),
  bodyParams: ['body'],
  rawParams: ['while'],
  example: {
    while: 'index = 0 or previous.more',
    maxIterations: 50,
    body: {
      nodes: [{ key: 'page', type: 'http.request', params: { method: 'GET', url: 'https://api.example.com/list?page={{ index }}' } }],
      edges: [],
    },
  },
  docs: `\`while\` is asked before each round. It and the expressions inside the body see \`index\` (rounds done, from 0) and \`previous\` (the output of the round before, null in the first), the steps of the same round, and the steps around the loop that come before it.

Output: \`{ iterations, output }\`, \`output\` being that of the last round (null without any). The step's reason says why it ended.

Each round has a step of its own, \`loop[0]\`, and its steps are \`loop[0]/page\`. A round starts when the one before is durable; after a crash the loop goes on with the round it was in.

Errors: \`max_iterations\` (final) when the condition still holds after \`maxIterations\` rounds, unless \`onLimit\` is \`stop\`; \`round_failed\` with the round and code in its details.`,
  runs: 'body',
  toBody: ({ maxIterations, onLimit }) => ({ kind: 'loop', maxIterations, onLimit }),
});
