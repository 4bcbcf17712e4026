import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import { NodeError } from '../nodes/kit.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';

let sandbox: Sandbox;
const lines: string[] = [];

before(() => {
  sandbox = createSandbox({ clock: systemClock, log: createLogger({ level: 'silent' }) });
});
after(() => sandbox.stop());

function run(
  source: string,
  options: { readonly globals?: Record<string, Json>; readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
): Promise<Json> {
  return sandbox.run({
    source,
    globals: options.globals ?? {},
    timeoutMs: options.timeoutMs ?? 5_000,
    memoryBytes: 64 * 1024 * 1024,
    signal: options.signal ?? new AbortController().signal,
    onLog: (line) => lines.push(line),
  });
}

const failsWith = (code: string, message: RegExp) => (error: unknown) => error instanceof NodeError && error.code === code && message.test(error.message);

describe('sandbox', () => {
  it('returns what the code returns, over the data it is given', async () => {
    assert.deepEqual(
      await run('return { sum: input.items.reduce((a, b) => a + b, 0), from: steps.a.output.name };', {
        globals: { input: { items: [1, 2] }, steps: { a: { output: { name: 'ä' } } } },
      }),
      { sum: 3, from: 'ä' },
    );
    assert.equal(await run('const x = 1;'), null);
    assert.deepEqual(await run('return await Promise.all([1, Promise.resolve(2)]);'), [1, 2]);
  });
  it('hands each console line to the log', async () => {
    lines.length = 0;
    await run('console.log("a", { b: 1 }); console.error([1]);');
    assert.deepEqual(lines, ['a {"b":1}', '[1]']);
  });
  it('tells a thrown error with the line in the source, and a syntax error', async () => {
    await assert.rejects(run('const a = 1;\nthrow new TypeError("no price");'), failsWith('code_failed', /TypeError: no price \(line 2\)/));
    await assert.rejects(run('return {'), failsWith('code_syntax', /SyntaxError/));
    await assert.rejects(run('throw "text"'), failsWith('code_failed', /text/));
  });
  it('ends endless loops, bombs of memory and recursion, and goes on working', async () => {
    await assert.rejects(run('for (;;) {}', { timeoutMs: 100 }), failsWith('code_timeout', /longer than 100 ms/));
    await assert.rejects(run('const a = []; for (;;) a.push(new Uint8Array(1e6));', { timeoutMs: 60_000 }), failsWith('code_memory', /64 MiB/));
    await assert.rejects(run('const f = () => f() + 1; return f();', { timeoutMs: 60_000 }), failsWith('code_failed', /stack|recursion/i));
    await assert.rejects(run('return /^(a+)+$/.test("a".repeat(40) + "b");', { timeoutMs: 200 }), failsWith('code_timeout', /longer than 200 ms/));
    await assert.rejects(run('await new Promise(() => {});'), failsWith('code_failed', /never comes/));
    assert.equal(await run('return 7;'), 7);
  });
  it('has no way out: no process, no modules, no fetch, no timers', async () => {
    const names = ['process', 'require', 'fetch', 'setTimeout', 'module', 'Deno', 'Bun', 'WebAssembly', 'XMLHttpRequest', 'global', 'std', 'os'];
    assert.deepEqual(await run(`return ${JSON.stringify(names)}.filter((name) => typeof globalThis[name] !== 'undefined');`), []);
    await assert.rejects(run('return await import("node:fs");'));
    assert.equal(
      await run('return this.constructor?.constructor("return typeof process")() ?? (() => {}).constructor("return typeof process")();'),
      'undefined',
    );
  });
  it('keeps nothing from one run to the next', async () => {
    await run('globalThis.left = 1; Array.prototype.evil = 1; Object.prototype.polluted = 1;');
    assert.deepEqual(await run('return [typeof left, typeof [].evil, typeof ({}).polluted];'), ['undefined', 'undefined', 'undefined']);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
  it('refuses a result that is not JSON', async () => {
    await assert.rejects(run('return () => 1;'), failsWith('code_failed', /not JSON/));
    await assert.rejects(run('const a = {}; a.a = a; return a;'), failsWith('code_failed', /circular/i));
  });
  it('stops at once when it is cancelled, and runs several at a time', async () => {
    const stop = new AbortController();
    const endless = run('for (;;) {}', { timeoutMs: 30_000, signal: stop.signal });
    const others = Promise.all(Array.from({ length: 6 }, (_unused, index) => run(`return ${index};`)));
    assert.deepEqual(await others, [0, 1, 2, 3, 4, 5]);
    stop.abort(new Error('cancelled'));
    await assert.rejects(endless, /cancelled/);
  });
});
