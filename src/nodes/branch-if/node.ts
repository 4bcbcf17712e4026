/** branch.if: goes one of two ways. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { isTruthy } from '../../kernel/json.ts';
import { asField, defineNode, inPort } from '../kit.ts';

export const branchIf = defineNode({
  type: 'branch.if',
  version: 1,
  title: 'If',
  summary: 'Goes one of two ways, by a condition.',
  category: 'flow',
  inputs: inPort,
  outputs: [
    { name: 'true', title: 'True', kind: 'any' },
    { name: 'false', title: 'False', kind: 'any' },
  ],
  params: z.strictObject({
    condition: z
      .json()
      .describe('An expression, with or without braces')
      .meta(asField({ control: 'expression' })),
  }),
  expressionParams: ['condition'],
  portOf: (output) => resultOf(output),
  example: { condition: '{{ input.amount > 100 }}' },
  docs: `Leaves by the port \`true\` or \`false\`; an edge that names no port is taken both ways. Output: \`{ result }\`.

False are: \`false\`, \`null\`, \`0\`, empty texts, arrays and objects; everything else is true.

Errors: \`expression_failed\`, \`expression_limit\`.`,
  runs: 'inline',
  pure: true,
  run(params) {
    const result = isTruthy(params.condition);
    return { kind: 'output', output: { result }, port: String(result), reason: `the condition gave ${shorten(params.condition)}` };
  },
});

function resultOf(output: Json): string | undefined {
  const isResult = typeof output === 'object' && output !== null && !Array.isArray(output) && typeof output['result'] === 'boolean';
  return isResult ? String(output['result']) : undefined;
}

function shorten(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}
