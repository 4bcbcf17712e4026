import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeContext } from '../kit.ts';
import type { SandboxPort } from '../kit-ports.ts';
import { codeJs } from './node.ts';

describe('code.js', () => {
  it('gives the code the input, the outputs of steps and the item, within the limits, and logs its lines', async () => {
    const asked: Parameters<SandboxPort['run']>[0][] = [];
    const lines: string[] = [];
    const context = {
      signal: new AbortController().signal,
      scope: { input: { a: 1 }, steps: { x: { output: [1], status: 'completed' } }, item: 'i', index: 3 },
      log: (line: string) => lines.push(line),
      sandbox: {
        async run(request: Parameters<SandboxPort['run']>[0]) {
          asked.push(request);
          request.onLog('line');
          return { ok: true };
        },
      },
    } as unknown as NodeContext;
    assert.deepEqual(await codeJs.run(codeJs.params.parse({ source: 'return 1' }), context), { kind: 'output', output: { ok: true } });
    assert.deepEqual(asked[0]?.globals, { input: { a: 1 }, steps: { x: { output: [1] } }, item: 'i', index: 3 });
    assert.deepEqual([asked[0]?.timeoutMs, asked[0]?.memoryBytes], [30_000, 134_217_728]);
    assert.deepEqual(lines, ['line']);
  });
  it('refuses an empty source and a time over the limit', () => {
    assert.equal(codeJs.params.safeParse({ source: '' }).success, false);
    assert.equal(codeJs.params.safeParse({ source: 'return 1', timeoutMs: 60_000 }).success, false);
  });
  it('tells a fault of syntax with its line, and takes whatever the sandbox would run', () => {
    const check = (source: string): readonly { readonly code: string; readonly message: string }[] =>
      codeJs.check?.({ key: 'a', type: 'code.js', params: { source } }) ?? [];
    const [fault, ...more] = check('const a = 1;\nreturn {');
    assert.deepEqual([fault?.code, more], ['code_syntax', []]);
    assert.match(fault?.message ?? '', /the code of "a" can't be read: line 2, column 9: Unexpected token in "return \{"/);
    for (const source of [
      'return await input.x',
      'const { a, ...rest } = input; return rest',
      'return input?.x ?? steps.a.output',
      'for (const x of []) { x.y; }',
    ])
      assert.deepEqual(check(source), [], source);
    for (const source of ['import x from "y"', '}); globalThis.x = 1; (async () => {', 'const a = 1; const a = 2'])
      assert.equal(check(source)[0]?.code, 'code_syntax', source);
    assert.match(check(`return ${'('.repeat(100_000)}`)[0]?.message ?? '', /nested too deeply/);
  });
});
