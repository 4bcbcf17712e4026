/** code.js: a function body in JavaScript, run in QuickJS in a process of its own. Never in this process. */
import * as z from 'zod';
import { asField, defineNode, inPort, namesInScope, outPort } from '../kit.ts';
import { syntaxFault } from './syntax.ts';

/** CONTRACTS, Limits: 128 MiB and 30 s. */
const MEMORY_BYTES = 128 * 1024 * 1024;
const MAX_TIMEOUT_MS = 30_000;

export const codeJs = defineNode({
  type: 'code.js',
  version: 1,
  title: 'JavaScript',
  summary: 'Runs JavaScript over the data, in a sandbox.',
  category: 'code',
  inputs: inPort,
  outputs: outPort,
  params: z.strictObject({
    source: z
      .string()
      .min(1)
      .max(262_144)
      .describe('A function body: return gives the output')
      .meta(asField({ control: 'code', language: 'javascript' })),
    timeoutMs: z.int().min(1).max(MAX_TIMEOUT_MS).default(MAX_TIMEOUT_MS),
  }),
  rawParams: ['source'],
  check(node) {
    const source = node.params?.['source'];
    const fault = typeof source === 'string' ? syntaxFault(source) : undefined;
    return fault === undefined ? [] : [{ path: 'params.source', code: 'code_syntax', message: `the code of "${node.key}" can't be read: ${fault}` }];
  },
  example: { source: 'const total = input.items.reduce((sum, item) => sum + item.price, 0);\nconsole.log("total", total);\nreturn { total };' },
  docs: `\`source\` is a function body. In scope: \`input\` (the instance's), \`steps.<key>.output\`, inside bodies \`item\` and \`index\`, and \`console.log\`, which writes to the step's log. \`return\` gives the output; it has to be JSON. \`await\` works; there are no timers, no network, no files and no modules.

A new runtime each time: nothing stays from one run to the next. Limits: 128 MiB, 30 s.

A fault of syntax is refused when the workflow is saved.

Errors: \`code_syntax\` (final), \`code_failed\` with the line, \`code_timeout\`, \`code_memory\` (final), \`code_crashed\`.`,
  runs: 'inline',
  pure: false,
  async run(params, context) {
    const output = await context.sandbox.run({
      source: params.source,
      globals: namesInScope(context.scope),
      timeoutMs: params.timeoutMs,
      memoryBytes: MEMORY_BYTES,
      signal: context.signal,
      onLog: (line) => context.log(line),
    });
    return { kind: 'output', output };
  },
});
