/** log: writes a line to the step's log. */
import * as z from 'zod';
import { asField, defineNode, inPort, outPort } from '../kit.ts';

export const log = defineNode({
  type: 'log',
  version: 1,
  title: 'Log',
  summary: "Writes a line to the step's log.",
  category: 'data',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    message: z
      .json()
      .describe('The line; anything but a text is written as JSON')
      .meta(asField({ control: 'long' })),
  }),
  example: { message: 'got {{ $count(input.items) }} items' },
  docs: `Writes \`message\` to the log of the step. Secrets are masked. Output: \`{ message }\`.

Errors: \`expression_failed\`, \`expression_limit\`.`,
  runs: 'inline',
  pure: true,
  run(params, context) {
    const line = typeof params.message === 'string' ? params.message : JSON.stringify(params.message);
    context.log(line);
    return { kind: 'output', output: { message: line } };
  },
});
