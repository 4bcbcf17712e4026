/** Events on instances, steps and jobs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Envelope, EventType } from '../../src/contract/events.ts';
import type { Instance, Step } from '../../src/contract/instances.ts';
import { applyToInstance, mergeInstance, mergeJob, putStep, summaryOf, viewOf } from './instance-events.ts';
import type { InstanceView } from './instance-events.ts';

const T0 = '2026-01-01T00:00:00.000Z';
const T1 = '2026-01-01T00:00:01.000Z';
const T2 = '2026-01-01T00:00:02.000Z';

const instance: Instance = {
  id: 'inst_1',
  workflowId: 'wf_1',
  workflowName: 'Report',
  version: 1,
  status: 'running',
  input: {},
  output: null,
  labels: {},
  priority: 50,
  startedBy: 'manual',
  createdAt: T0,
  startedAt: T0,
  endedAt: null,
  seq: 2,
  cursor: '1-1',
};
const step: Step = {
  key: 'read',
  path: 'read',
  generation: 1,
  status: 'running',
  attempt: 1,
  input: null,
  output: null,
  queuedAt: null,
  startedAt: T0,
  endedAt: null,
  seq: 2,
};

function event(type: EventType, sequence: number, payload: Record<string, unknown>, at = T1): Envelope {
  return {
    contract_version: 'v1',
    event_id: `e${sequence}`,
    idempotency_key: `e${sequence}`,
    sequence,
    sequence_stream: 'instance:inst_1',
    emitted_at: at,
    event_type: type,
    entity_kind: type.startsWith('jobs:') ? 'job' : 'instance',
    entity_id: type.startsWith('jobs:') ? 'job_1' : 'inst_1',
    room_keys: [],
    runtime: 'node',
    payload: payload as Envelope['payload'],
    request_id: null,
    correlation_id: null,
    cursor: '1-2',
  };
}

function applied(view: InstanceView, ...events: Envelope[]): InstanceView {
  const next = applyToInstance(view, events);
  assert.equal(next.kind, 'applied');
  return next.kind === 'applied' ? next.view : view;
}

test('a step that completes is coloured at once and fetched when looked at', () => {
  const view = applied(viewOf(instance, [step]), event('engine:step:completed', 3, { path: 'read', status: 'completed' }));
  assert.equal(view.steps.get('read')?.status, 'completed');
  assert.equal(view.steps.get('read')?.endedAt, T1);
  assert.deepEqual([...view.outdated], ['read']);
});

test('a step never seen before appears', () => {
  const view = applied(viewOf(instance, []), event('engine:step:queued', 3, { path: 'encode', status: 'queued', jobId: 'job_9' }));
  const made = view.steps.get('encode');
  assert.equal(made?.key, 'encode');
  assert.equal(made?.queuedAt, T1);
  assert.equal(made?.startedAt, null);
  assert.equal(made?.jobId, 'job_9');
});

test('steps inside a map are not held, only that something happened there; one that was opened is kept fresh', () => {
  const view = applied(viewOf(instance, []), event('engine:step:queued', 3, { path: 'map[3]/encode', status: 'queued' }));
  assert.deepEqual([view.steps.size, view.seq, view.bodySeq], [0, 3, 3]);
  const opened = putStep(view, { ...step, path: 'map[3]/encode', key: 'encode', status: 'queued', seq: 3 });
  assert.equal(
    applied(opened, event('engine:step:completed', 4, { path: 'map[3]/encode', status: 'completed' })).steps.get('map[3]/encode')?.status,
    'completed',
  );
});

test('an event that is not newer changes nothing, and a jump is a gap', () => {
  const view = viewOf(instance, [step]);
  assert.equal(applyToInstance(view, [event('engine:step:completed', 2, { path: 'read', status: 'completed' })]).kind, 'old');
  assert.equal(applyToInstance(view, [event('engine:step:completed', 4, { path: 'read', status: 'completed' })]).kind, 'gap');
});

test('an event of another instance changes nothing', () => {
  assert.equal(applyToInstance(viewOf({ ...instance, id: 'inst_2' }, []), [event('engine:instance:failed', 3, { status: 'failed' })]).kind, 'old');
});

test('a step read after the event is not taken back by the replayed event', () => {
  const view = applied(viewOf(instance, [{ ...step, status: 'completed', seq: 4 }]), event('engine:step:queued', 3, { path: 'read', status: 'queued' }));
  assert.equal(view.steps.get('read')?.status, 'completed');
  assert.equal(view.seq, 3);
});

test('a new generation forgets the old error', () => {
  const failed: Step = { ...step, status: 'failed', error: { code: 'exit', message: 'exit 1' }, endedAt: T1, seq: 2 };
  const view = applied(viewOf(instance, [failed]), event('engine:step:queued', 3, { path: 'read', status: 'queued', generation: 2 }));
  assert.equal(view.steps.get('read')?.error, undefined);
  assert.equal(view.steps.get('read')?.endedAt, null);
});

test('an instance that ends keeps its error, loses its wait and asks for its output', () => {
  const waiting: Instance = { ...instance, status: 'waiting', waiting: { kind: 'timer', message: 'until noon' } };
  const view = applied(
    viewOf(waiting, []),
    event('engine:instance:failed', 3, { status: 'failed', error: { code: 'step_failed', message: 'draw failed' } }, T2),
  );
  assert.equal(view.instance.status, 'failed');
  assert.equal(view.instance.waiting, undefined);
  assert.equal(view.instance.error?.code, 'step_failed');
  assert.equal(view.instance.endedAt, T2);
  assert.equal(view.outputOutdated, true);
});

test('a retried instance is no longer ended and no longer failed', () => {
  const failed: Instance = { ...instance, status: 'failed', endedAt: T1, error: { code: 'x', message: 'y' } };
  const row = mergeInstance(failed, event('engine:instance:resumed', 3, { status: 'running' }));
  assert.equal(row.endedAt, null);
  assert.equal(row.error, undefined);
});

test('a deleted instance is told apart', () => {
  assert.equal(applyToInstance(viewOf(instance, []), [event('engine:instance:deleted', 3, { status: 'cancelled' })]).kind, 'deleted');
});

test('a fetched step replaces the outdated one, never a newer one', () => {
  const view = applied(viewOf(instance, [step]), event('engine:step:completed', 3, { path: 'read', status: 'completed' }));
  const read = putStep(view, { ...step, status: 'completed', output: { rows: 3 }, seq: 3 });
  assert.deepEqual(read.steps.get('read')?.output, { rows: 3 });
  assert.equal(read.outdated.size, 0);
  assert.equal(putStep(view, { ...step, seq: 2 }), view);
});

test('a created event is a whole row; a poor one is not', () => {
  const row = summaryOf(event('engine:instance:created', 1, { status: 'pending', workflowId: 'wf_1', workflowName: 'Report', version: 2, labels: { a: 'b' } }));
  assert.equal(row?.createdAt, T1);
  assert.deepEqual(row?.labels, { a: 'b' });
  assert.equal(summaryOf(event('engine:instance:failed', 9, { status: 'failed' })), undefined);
});

test('a job that starts loses its wait reason', () => {
  const job = {
    id: 'job_1',
    queue: 'studio',
    type: 'command',
    status: 'queued' as const,
    attempts: 0,
    waitReason: { kind: 'slot', message: 'no slot' },
    resources: {},
    preemptible: false,
    timeoutMs: null,
    priority: 50,
    labels: {},
    createdAt: T0,
    startedAt: null,
    endedAt: null,
    seq: 1,
  };
  const started = mergeJob(job, event('jobs:job:started', 2, { status: 'running' }));
  assert.equal(started.waitReason, undefined);
  assert.equal(started.startedAt, T1);
  assert.equal(mergeJob(started, event('jobs:job:failed', 3, { status: 'failed', exitCode: 2 }, T2)).endedAt, T2);
});

test('why the job of a step waits is shown with the step', () => {
  const queued: Step = { ...step, status: 'queued', startedAt: null, jobId: 'job_1' };
  const told = applied(
    viewOf(instance, [queued]),
    event('jobs:job:queued', 7, { status: 'queued', stepPath: 'read', waitReason: { kind: 'slot', message: 'no free slot' } }),
  );
  assert.equal(told.steps.get('read')?.waitReason?.message, 'no free slot');
  assert.equal(told.seq, 2);
  assert.equal(applyToInstance(told, [event('jobs:job:queued', 8, { status: 'queued', stepPath: 'read' })]).kind, 'old');
  assert.equal(
    applyToInstance(viewOf(instance, [{ ...queued, jobId: 'job_2' }]), [event('jobs:job:queued', 7, { status: 'queued', stepPath: 'read', waitReason: null })])
      .kind,
    'old',
  );
});

test('a payload that was too large to travel asks for a new snapshot', () => {
  assert.equal(applyToInstance(viewOf(instance, [step]), [event('engine:step:failed', 3, { truncated: true, bytes: 40_000 })]).kind, 'gap');
});

test('a try that failed is kept with its times, and the step waits for the next', () => {
  const view = applied(
    viewOf(instance, [step]),
    event('engine:step:retrying', 3, { path: 'read', status: 'waiting', attempt: 1, startedAt: T0, waitReason: { kind: 'retry', message: 'soon' } }),
    event('engine:step:started', 4, { path: 'read', status: 'running', attempt: 2, startedAt: T2, waitReason: null }, T2),
  );
  assert.deepEqual(view.tries.get('read'), [{ path: 'read', generation: 1, attempt: 1, status: 'failed', startedAt: T0, endedAt: T1 }]);
  assert.equal(view.steps.get('read')?.attempt, 2);
});

test('progress asks for no new look at what a step holds', () => {
  const read = putStep(viewOf(instance, [step]), step);
  const view = applied(read, event('engine:step:progress', 3, { path: 'read', status: 'running', progress: { fraction: 0.5 } }));
  assert.equal(view.steps.get('read')?.progress?.fraction, 0.5);
  assert.equal(view.outdated.size, 0);
});

test('a thousand events of one frame are applied together, and a gap among them asks for a snapshot', () => {
  const steps = Array.from({ length: 1_000 }, (_each, n) => ({ ...step, path: `s${n}`, key: `s${n}`, seq: 2 }));
  const events = steps.map((each, n) => event('engine:step:completed', n + 3, { path: each.path, status: 'completed' }));
  const view = applied(viewOf(instance, steps), ...events);
  assert.equal(view.seq, 1_002);
  assert.ok([...view.steps.values()].every((each) => each.status === 'completed'));
  assert.equal(applyToInstance(viewOf(instance, steps), events.toSpliced(500, 1)).kind, 'gap');
});
