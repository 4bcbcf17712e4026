/** stop: ends the instance as completed. */
import * as z from 'zod';
import { defineNode, inPort } from '../kit.ts';

export const stop = defineNode({
  type: 'stop',
  version: 1,
  title: 'Stop',
  summary: 'Ends the instance as completed; whatever else runs is cancelled.',
  category: 'flow',
  inputs: inPort,
  outputs: [],
  params: z.strictObject({ output: z.json().optional().describe('The output of the instance') }),
  example: { output: { done: true } },
  docs: `Ends the instance as completed. Its output is \`output\`; without one, the output of the nodes without successors, as always. Steps that still run or wait are cancelled.

Errors: none.`,
  runs: 'inline',
  pure: true,
  run: (params) => ({ kind: 'end', status: 'completed', output: params.output }),
});
