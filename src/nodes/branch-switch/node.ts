/** branch.switch: goes one of several ways; the first case that fits. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { nodeKey } from '../../contract/graph.ts';
import { equalJson, isTruthy } from '../../kernel/json.ts';
import { asField, defineNode, inPort } from '../kit.ts';

const caseOf = z
  .strictObject({
    port: nodeKey,
    equals: z.json().optional(),
    when: z
      .json()
      .optional()
      .meta(asField({ control: 'expression' })),
  })
  .refine((one) => (one.equals === undefined) !== (one.when === undefined), 'a case has exactly one of "equals" and "when"');

export const branchSwitch = defineNode({
  type: 'branch.switch',
  version: 1,
  title: 'Switch',
  summary: 'Goes one of several ways: the first case that fits.',
  category: 'flow',
  inputs: inPort,
  outputs: [],
  portsOf: (params) => portNames(params),
  portOf: (output) =>
    typeof output === 'object' && output !== null && !Array.isArray(output) && typeof output['port'] === 'string' ? output['port'] : undefined,
  params: z.strictObject({
    value: z.json().optional().describe('What `equals` is compared with'),
    cases: z.array(caseOf).min(1).max(100),
    default: nodeKey.optional().describe('The port when no case fits'),
  }),
  expressionParams: ['cases[].when'],
  example: {
    value: '{{ input.kind }}',
    cases: [
      { port: 'image', equals: 'png' },
      { port: 'large', when: '{{ input.bytes > 1000000 }}' },
    ],
    default: 'other',
  },
  docs: `Looks at the cases in order and leaves by the port of the first that fits: \`equals\` (the same JSON as \`value\`) or \`when\` (a condition). With none, by \`default\`; without a default only edges that name no port are taken. Output: \`{ port, reason }\`.

Errors: \`expression_failed\`, \`expression_limit\`.`,
  runs: 'inline',
  pure: true,
  run(params) {
    const value = params.value ?? null;
    const index = params.cases.findIndex((one) => (one.equals === undefined ? isTruthy(one.when ?? null) : equalJson(one.equals, value)));
    const found = params.cases[index];
    const port = found?.port ?? params.default;
    const reason =
      found === undefined
        ? port === undefined
          ? 'no case fits'
          : 'no case fits: the default'
        : `case ${index + 1} fits: ${found.equals === undefined ? 'its condition is true' : `the value equals ${shorten(found.equals)}`}`;
    return { kind: 'output', output: { port: port ?? null, reason }, port: port ?? '', reason };
  },
});

function portNames(params: Record<string, Json>): readonly string[] {
  const cases = Array.isArray(params['cases']) ? params['cases'] : [];
  const named = cases.flatMap((one) =>
    typeof one === 'object' && one !== null && !Array.isArray(one) && typeof one['port'] === 'string' ? [one['port']] : [],
  );
  return [...new Set([...named, ...(typeof params['default'] === 'string' ? [params['default']] : [])])];
}

function shorten(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}
