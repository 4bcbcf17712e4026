import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { NodeError } from '../kit.ts';
import { waitWebhook } from './node.ts';

const run = (params: object) => waitWebhook.run(waitWebhook.params.parse(params) as never, nodeContext());
const stateOf = (params: object) => {
  const result = run(params);
  assert.ok(!(result instanceof Promise) && result.kind === 'wait' && result.wait.kind === 'webhook');
  return result.wait;
};

test('waits with what whoever lets calls in needs to know, and shows no more than how to call', () => {
  const wait = stateOf({ auth: 'hmac', secret: 'PAYMENTS', timeoutMs: 5_000, methods: ['GET', 'POST'] });
  assert.equal(wait.timeoutMs, 5_000);
  assert.deepEqual(wait.state, {
    call: { auth: 'hmac', methods: ['GET', 'POST'], secret: 'PAYMENTS' },
    onTimeout: 'fail',
    shown: { methods: ['GET', 'POST'], auth: 'hmac' },
  });
});

test('a call is its output; a timeout fails it or leaves by a port, as it was asked', () => {
  const { state } = stateOf({});
  assert.deepEqual(waitWebhook.resume?.({ kind: 'callback', payload: { body: 1 } }, state), { kind: 'output', output: { body: 1 }, port: 'received' });
  assert.throws(
    () => waitWebhook.resume?.({ kind: 'timeout' }, state),
    (error) => error instanceof NodeError && error.code === 'timeout',
  );
  assert.deepEqual(waitWebhook.resume?.({ kind: 'timeout' }, stateOf({ onTimeout: 'continue' }).state), {
    kind: 'output',
    output: { timedOut: true },
    port: 'timeout',
    reason: 'nobody called in time',
  });
  assert.deepEqual([waitWebhook.portOf?.({ timedOut: true }), waitWebhook.portOf?.({ body: null })], ['timeout', 'received']);
});

test('takes a secret with an auth that needs one, and never without', () => {
  for (const params of [
    { auth: 'header' },
    { secret: 'X' },
    { auth: 'jwt', secret: 'X' },
    { methods: [] },
    { methods: ['PUT'] },
    { timeoutMs: 0 },
    { header: 'a b' },
  ])
    assert.equal(waitWebhook.params.safeParse(params).success, false, JSON.stringify(params));
});
