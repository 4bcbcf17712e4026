/** noop: gives an output and does nothing else. With `effect` it counts as a step that changed something outside. */
import * as z from 'zod';
import { defineNode, inPort, outPort } from '../kit.ts';

export const noop = defineNode({
  type: 'noop',
  version: 1,
  title: 'No operation',
  summary: 'Gives an output and does nothing else.',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    output: z.json().optional().describe('What the step gives; an empty object when absent'),
    effect: z.boolean().optional().describe('Treat it as a step with effects: its result is durable before anything after it starts'),
  }),
  example: { output: { hello: '{{ input.name }}' } },
  docs: `Gives \`output\` (or \`{}\`). Useful as a join, as a place to look at data, and with \`effect: true\` for tests and measurements: the step is then recorded durably before anything that depends on it starts.

Errors: none.`,
  runs: 'inline',
  pure: (params) => params.effect !== true,
  run: (params) => ({ kind: 'output', output: params.output === undefined ? {} : params.output }),
});
