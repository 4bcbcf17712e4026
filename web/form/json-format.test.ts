/** Laying out JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatJson } from './json-format.ts';

test('what is short stays on one line, what is long breaks', () => {
  const value = {
    edges: [
      { from: 'read', to: 'draw' },
      { from: 'draw', to: 'write' },
    ],
    text: 'x'.repeat(80),
    list: ['y'.repeat(60), 'z'.repeat(60)],
  };
  assert.equal(
    formatJson(value),
    `{
  "edges": [{ "from": "read", "to": "draw" }, { "from": "draw", "to": "write" }],
  "text": "${'x'.repeat(80)}",
  "list": [
    "${'y'.repeat(60)}",
    "${'z'.repeat(60)}"
  ]
}`,
  );
});

test('the text always parses to the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(JSON.parse(formatJson(value)), JSON.parse(JSON.stringify(value)));
    }),
    { seed: 3, numRuns: 300 },
  );
});
