import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeContext } from '../../test/node-context.ts';
import { workflowCall } from './node.ts';

test('asks for the newest version and its end, unless said otherwise', () => {
  const params = workflowCall.params.parse({ workflowId: 'wf_1' });
  assert.deepEqual(workflowCall.run(params as never, nodeContext()), {
    kind: 'call',
    workflowId: 'wf_1',
    version: undefined,
    input: {},
    wait: true,
  });
});
