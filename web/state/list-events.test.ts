/** Events on lists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Envelope, EventType } from '../../src/contract/events.ts';
import type { InstanceSummary } from '../../src/contract/instances.ts';
import type { WorkflowSummary } from '../../src/contract/workflows.ts';
import { applyToInstances, applyToJobs, asksForInstance, putInstance, withLastInstance } from './list-events.ts';
import { listOf } from './live-list.ts';

const AT = '2026-01-01T00:00:00.000Z';
const NOW = Date.parse(AT);
const all = { terms: {}, words: [] };
const row = (id: string, changes: Partial<InstanceSummary> = {}): InstanceSummary => ({
  id,
  workflowId: 'wf_1',
  workflowName: 'Report',
  version: 1,
  status: 'running',
  labels: {},
  priority: 50,
  startedBy: 'manual',
  createdAt: AT,
  startedAt: AT,
  endedAt: null,
  seq: 1,
  ...changes,
});
const event = (type: EventType, id: string, sequence: number, payload: Record<string, unknown>): Envelope => ({
  contract_version: 'v1',
  event_id: `${id}-${sequence}`,
  idempotency_key: '',
  sequence,
  sequence_stream: '',
  emitted_at: AT,
  event_type: type,
  entity_kind: type.startsWith('jobs:') ? 'job' : 'instance',
  entity_id: id,
  room_keys: [],
  runtime: 'node',
  payload: payload as Envelope['payload'],
  request_id: null,
  correlation_id: null,
  cursor: '',
});
const created = { status: 'pending', workflowId: 'wf_1', workflowName: 'Report', version: 1 };

test('a new instance is announced, not inserted', () => {
  const list = applyToInstances(listOf([row('inst_1')], null), event('engine:instance:created', 'inst_2', 1, created), all, NOW);
  assert.deepEqual(
    list.rows.map((each) => each.id),
    ['inst_1'],
  );
  assert.deepEqual(
    list.held.map((each) => each.id),
    ['inst_2'],
  );
});

test('what the filter does not ask for is not announced', () => {
  const failed = { terms: { status: ['failed'] }, words: [] };
  assert.equal(applyToInstances(listOf([], null), event('engine:instance:created', 'inst_2', 1, created), failed, NOW).held.length, 0);
  const other = { terms: { workflow: ['wf_9'] }, words: [] };
  assert.equal(applyToInstances(listOf([], null), event('engine:instance:created', 'inst_2', 1, created), other, NOW).held.length, 0);
});

test('an instance that comes to match the filter is announced when its event says enough', () => {
  const failed = { terms: { status: ['failed'] }, words: [] };
  const list = applyToInstances(listOf([], null), event('engine:instance:failed', 'inst_2', 9, { ...created, status: 'failed', createdAt: AT }), failed, NOW);
  assert.equal(list.held.length, 1);
});

test('a row that no longer matches stays where it is, with its new status', () => {
  const running = { terms: { status: ['running'] }, words: [] };
  const list = applyToInstances(listOf([row('inst_1')], null), event('engine:instance:completed', 'inst_1', 2, { status: 'completed' }), running, NOW);
  assert.equal(list.rows[0]?.status, 'completed');
});

test('an instance older than the pages shown is not announced', () => {
  const list = applyToInstances(
    listOf([row('inst_5')], 'more'),
    event('engine:instance:failed', 'inst_2', 9, { ...created, status: 'failed', createdAt: AT }),
    all,
    NOW,
  );
  assert.equal(list.held.length, 0);
});

test('a deleted instance goes, and events of steps leave the list alone', () => {
  const list = listOf([row('inst_1')], null);
  assert.equal(applyToInstances(list, event('engine:instance:deleted', 'inst_1', 2, {}), all, NOW).rows.length, 0);
  assert.equal(applyToInstances(list, event('engine:step:completed', 'inst_1', 2, { path: 'a', status: 'completed' }), all, NOW), list);
});

test('a queued job is announced, a known one changes in place', () => {
  const held = applyToJobs(listOf([], null), event('jobs:job:queued', 'job_1', 1, { status: 'queued', queue: 'gpu', type: 'command' }), all);
  assert.equal(held.held[0]?.queue, 'gpu');
  assert.equal(applyToJobs(held, event('jobs:job:started', 'job_1', 2, { status: 'running' }), all).held[0]?.status, 'running');
});

test('the last instance of a workflow follows its events', () => {
  const workflow: WorkflowSummary = {
    id: 'wf_1',
    name: 'Report',
    description: '',
    tags: [],
    version: 1,
    nodeCount: 1,
    hasDraft: false,
    archivedAt: null,
    createdAt: AT,
    updatedAt: AT,
    lastInstance: null,
  };
  const started = withLastInstance({ workflows: [workflow], next: null }, event('engine:instance:created', 'inst_2', 1, created));
  assert.deepEqual(started.workflows[0]?.lastInstance, { id: 'inst_2', status: 'pending', createdAt: AT });
  assert.equal(
    withLastInstance(started, event('engine:instance:completed', 'inst_2', 2, { status: 'completed' })).workflows[0]?.lastInstance?.status,
    'completed',
  );
});

test('an instance that comes to match a filter of statuses is read, then announced', () => {
  const failed = { terms: { status: ['failed'] }, words: [] };
  const poor = event('engine:instance:failed', 'inst_2', 9, { status: 'failed' });
  assert.equal(asksForInstance(listOf([], null), poor, failed), true);
  assert.equal(asksForInstance(listOf([], null), poor, all), false);
  assert.equal(asksForInstance(listOf([], null), event('engine:instance:completed', 'inst_2', 9, { status: 'completed' }), failed), false);
  assert.equal(putInstance(listOf([], null), row('inst_2', { status: 'failed' }), failed, NOW).held.length, 1);
  assert.equal(putInstance(listOf([], null), row('inst_2', { status: 'running' }), failed, NOW).held.length, 0);
});
