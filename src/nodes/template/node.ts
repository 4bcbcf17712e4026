/** template: writes a text with values in it. */
import * as z from 'zod';
import { asField, defineNode, inPort, outPort } from '../kit.ts';

export const template = defineNode({
  type: 'template',
  version: 1,
  title: 'Text template',
  summary: 'Writes a text with values in it.',
  category: 'data',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    text: z
      .json()
      .describe('The text, with {{ expressions }}')
      .meta(asField({ control: 'long' })),
  }),
  example: { text: 'Hello {{ input.name }}, you have {{ $count(input.items) }} items.' },
  docs: `Output: \`{ text }\`. What is missing reads as nothing; objects and arrays read as JSON.

Errors: \`expression_failed\`, \`expression_limit\`.`,
  runs: 'inline',
  pure: true,
  // A text that is one expression may give any type.
  run: (params) => ({
    kind: 'output',
    output: { text: typeof params.text === 'string' ? params.text : params.text === null ? '' : JSON.stringify(params.text) },
  }),
});
