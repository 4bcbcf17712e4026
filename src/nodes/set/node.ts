/** set: makes an object from expressions. */
import * as z from 'zod';
import { defineNode, inPort, outPort } from '../kit.ts';

export const set = defineNode({
  type: 'set',
  version: 1,
  title: 'Set values',
  summary: 'Makes an object; every string in it may be an expression.',
  category: 'data',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({ values: z.record(z.string(), z.json()).describe('The object; expressions at any depth') }),
  example: { values: { greeting: 'Hello {{ input.name }}', total: '{{ $sum(input.items.price) }}' } },
  docs: `Output: the evaluated \`values\`. A string that is one expression keeps the type of its value; in a longer text values read as text.

Errors: \`expression_failed\`, \`expression_limit\`.`,
  runs: 'inline',
  pure: true,
  run: (params) => ({ kind: 'output', output: params.values }),
});
