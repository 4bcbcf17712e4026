import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detailWords } from './audit-words.ts';

test('details stand as words; what says nothing is left out', () => {
  assert.equal(
    detailWords({ details: { name: 'CI', scopes: ['jobs:read', 'jobs:run'], reason: null, limits: { perMinute: 3 } } }),
    'name: CI, scopes: jobs:read, jobs:run, limits: {"perMinute":3}',
  );
  assert.equal(detailWords({ details: {} }), '');
});
