import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeContext, SandboxPort } from '../kit.ts';
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
});
