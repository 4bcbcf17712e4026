import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tinyGguf } from './tiny-gguf.ts';

test('a tiny model has the bytes of its options, whenever it is made', () => {
  const first = tinyGguf();
  assert.equal(first.subarray(0, 4).toString(), 'GGUF');
  assert.equal(first.length % 32, 0);
  assert.deepEqual(tinyGguf({ seed: 1 }), first);
  assert.notDeepEqual(tinyGguf({ seed: 2 }), first);
});
