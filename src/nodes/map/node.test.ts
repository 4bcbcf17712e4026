import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeError } from '../kit.ts';
import { map } from './node.ts';

const body = { nodes: [{ key: 'one', type: 'noop' }], edges: [] };

test('sixteen items at once and the first failure fails it, unless said otherwise', () => {
  const plan = map.toBody(map.params.parse({ items: [1, 2], body }) as never);
  assert.ok(plan.kind === 'map');
  assert.deepEqual([plan.items, plan.concurrency, plan.onItemError, plan.itemRetry.maxAttempts], [[1, 2], 16, 'fail', 1]);
});

for (const [items, code] of [
  [null, 'not_an_array'],
  [{ a: 1 }, 'not_an_array'],
  ['text', 'not_an_array'],
  [Array.from({ length: 100_001 }, () => 0), 'too_many_items'],
] as const) {
  test(`${code} is final: ${JSON.stringify(items).slice(0, 20)}`, () => {
    assert.throws(
      () => map.toBody(map.params.parse({ items, body }) as never),
      (error) => error instanceof NodeError && error.code === code && error.final,
    );
  });
}
