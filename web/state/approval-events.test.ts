import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval } from '../../src/contract/approvals.ts';
import type { Envelope } from '../../src/contract/events.ts';
import { applyToApprovals } from './approval-events.ts';
import type { ApprovalList } from './approval-events.ts';

const approval = (instanceId: string, path: string): Approval => ({
  instanceId,
  path,
  generation: 1,
  workflowId: 'wf_1',
  workflowName: 'Offers',
  title: 'Send?',
  needed: 1,
  approvers: {},
  decisions: [],
  since: null,
});
const list: ApprovalList = { items: [approval('inst_1', 'review'), approval('inst_2', 'each[3]/review')], next: null, cursor: 'c1' };

function event(type: string, id: string, payload: Record<string, unknown>): Envelope {
  return { event_type: type, entity_kind: 'instance', entity_id: id, sequence: 5, payload } as unknown as Envelope;
}

test('a step that ends takes its approval from the list, and no other', () => {
  const after = applyToApprovals(list, event('engine:step:completed', 'inst_1', { path: 'review', status: 'completed' }));
  deepEqual(after === 'reload' ? after : after.items.map((item) => item.instanceId), ['inst_2']);
  equal(applyToApprovals(list, event('engine:step:completed', 'inst_1', { path: 'other', status: 'completed' })), list);
});

test('a step that begins to wait for approval has to be read, one that waits for a timer does not', () => {
  const waits = (kind: string) => event('engine:step:waiting', 'inst_3', { path: 'a', status: 'waiting', waitReason: { kind, message: '' } });
  equal(applyToApprovals(list, waits('approval')), 'reload');
  equal(applyToApprovals(list, waits('timer')), list);
});

test('an instance that ends or is deleted takes all of its approvals along', () => {
  for (const end of ['cancelled', 'deleted', 'failed']) {
    const after = applyToApprovals(list, event(`engine:instance:${end}`, 'inst_2', { status: 'cancelled' }));
    deepEqual(after === 'reload' ? after : after.items.map((item) => item.instanceId), ['inst_1']);
  }
  equal(applyToApprovals(list, event('engine:instance:waiting', 'inst_2', { status: 'waiting' })), list);
});
