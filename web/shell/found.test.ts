import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOfHit } from './found.ts';

test('what is found is opened where it is looked at, odd names too', () => {
  assert.deepEqual(
    (['workflow', 'instance', 'job', 'model'] as const).map((kind) => pathOfHit({ kind, id: 'x_1' })),
    ['/workflows/x_1', '/instances/x_1', '/jobs/x_1', '/models?model=x_1'],
  );
  assert.equal(pathOfHit({ kind: 'file', id: 'reports/a&b ü.csv' }), '/files?dir=reports%2F&file=reports%2Fa%26b%20%C3%BC.csv');
  assert.equal(pathOfHit({ kind: 'file', id: 'top.csv' }), '/files?dir=&file=top.csv');
});
