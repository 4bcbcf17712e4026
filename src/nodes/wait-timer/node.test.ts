import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { waitTimer } from './node.ts';

test('waits for a duration or until a moment', () => {
  assert.deepEqual(waitTimer.run({ durationMs: 5 }, nodeContext()), { kind: 'wait', wait: { kind: 'timer', afterMs: 5 } });
  assert.deepEqual(waitTimer.run({ until: '2026-01-01T00:00:00Z' }, nodeContext()), { kind: 'wait', wait: { kind: 'timer', until: Date.UTC(2026, 0, 1) } });
});

test('takes exactly one of the two, in sane bounds', () => {
  for (const params of [{}, { durationMs: 1, until: '2026-01-01T00:00:00Z' }, { durationMs: -1 }, { durationMs: 1e15 }, { until: 'soon' }])
    assert.equal(waitTimer.params.safeParse(params).success, false, JSON.stringify(params));
});
