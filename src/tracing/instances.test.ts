/** Traces of instances over the death of a process. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { instanceSpanId, stepSpanId, traceIdOf } from './ids.ts';
import { createInstanceTraces, type InstanceTraces, type TracedCommit, type TracedInstance } from './instances.ts';
import type { SpanFacts } from './tracer.ts';

const instanceId = 'inst_one';
const about: TracedInstance = {
  ...{ orgId: 'org_a', workflowId: 'wf_a', workflowName: 'Works', version: 1, createdAt: 1_000, isTest: false },
  parent: { instanceId: 'inst_caller', path: 'call', generation: 2 },
  graph: { byKey: new Map([['each', { node: { type: 'map' }, body: { graph: { byKey: new Map([['say', { node: { type: 'log' }, body: undefined }]]) } } }]]) },
};

interface Process {
  readonly told: SpanFacts[];
  readonly traces: InstanceTraces;
}

function started(): Process {
  const told: SpanFacts[] = [];
  const tracer = {
    isSampled: () => true,
    emit: (facts: SpanFacts) => void told.push(facts),
    figures: () => ({ exported: 0, dropped: 0, failed: 0, queued: 0 }),
    stop: async () => undefined,
  };
  const request = { traceId: 'r'.repeat(32), spanId: 's'.repeat(16), isSampled: true };
  return { told, traces: createInstanceTraces({ tracer, requests: { linkTo: (id) => (id === 'req_a' ? request : undefined) }, clock: systemClock }) };
}

type Group = TracedCommit['groups'][number];
type Step = Group['steps'] extends ReadonlyMap<string, infer Row> ? Row : never;

const group = (more: Partial<Group>): TracedCommit => ({
  groups: [{ instanceId, about, created: undefined, steps: new Map(), instance: undefined, attempts: [], events: [], ...more }],
});

function step(path: string, more: Partial<Step>): Step {
  const empty = { port: null, input: null, output: null, error: null, reason: null, wait: null, jobId: null, workerId: null, details: null } as const;
  const times = { queuedAt: null, startedAt: 1_100, endedAt: null };
  return { ...empty, ...times, instanceId, orgId: 'org_a', path, generation: 1, expected: null, status: 'running', attempt: 1, seq: 1, ...more };
}

const steps = (...rows: readonly Step[]): Partial<Group> => ({ steps: new Map(rows.map((row) => [`${row.path} ${row.generation}`, row])) });

test('what ends in another process than began it stands in the same trace, under the same spans', () => {
  const [one, other] = [started(), started()];
  one.traces.committed(group(steps(step('each[0]/say', { status: 'completed', endedAt: 1_200 }))));
  other.traces.committed(group(steps(step('each[0]', { status: 'completed', endedAt: 1_300 }), step('each', { status: 'completed', endedAt: 1_400 }))));
  const ended = { id: instanceId, expected: 'running', status: 'failed', output: null, waiting: null, seq: 9, startedAt: 1_000, endedAt: 1_500 } as const;
  other.traces.committed(group({ instance: { ...ended, error: JSON.stringify({ code: 'bad', message: 'it broke' }) } }));
  const all = [...one.told, ...other.told];
  deepEqual(new Set(all.map(({ place }) => place.traceId)), new Set([traceIdOf(instanceId)]));
  deepEqual(
    all.map(({ name, place, parent }) => [name, place.spanId, parent?.spanId]),
    [
      ['log say', stepSpanId({ instanceId, path: 'each[0]/say', generation: 1 }), stepSpanId({ instanceId, path: 'each[0]', generation: 1 })],
      ['map each[]', stepSpanId({ instanceId, path: 'each[0]', generation: 1 }), stepSpanId({ instanceId, path: 'each', generation: 1 })],
      ['map each', stepSpanId({ instanceId, path: 'each', generation: 1 }), instanceSpanId(instanceId)],
      ['workflow Works', instanceSpanId(instanceId), undefined],
    ],
  );
  const root = all.at(-1);
  deepEqual([root?.startMs, root?.endMs, root?.fault, root?.fields['error.type']], [1_000, 1_500, 'it broke', 'bad']);
  // Which step called it is in its row; which request began it died with the first process.
  deepEqual(root?.links, [
    { traceId: traceIdOf('inst_caller'), spanId: stepSpanId({ instanceId: 'inst_caller', path: 'call', generation: 2 }), isSampled: true },
  ]);
});

test('a pause is told when it is over, and pauses of one kind after another as one', () => {
  const { told, traces } = started();
  const wait = (kind: string): string => JSON.stringify({ kind, message: 'later' });
  traces.committed(group(steps(step('pause', { status: 'waiting', wait: wait('timer') }))));
  traces.committed(group(steps(step('pause', { status: 'waiting', wait: wait('timer') }))));
  equal(told.length, 0);
  traces.committed(group(steps(step('pause', { status: 'waiting', wait: wait('approval') }))));
  traces.committed(group(steps(step('pause', { status: 'completed', endedAt: systemClock.now() }))));
  deepEqual(
    told.map(({ name }) => name),
    ['wait timer', 'wait approval', 'pause'],
  );
});

test('what stands in a step that runs again stands under its new span', () => {
  const { told, traces } = started();
  traces.committed(group(steps(step('each', { generation: 2 }), step('each[0]', { generation: 2 }))));
  traces.committed(group(steps(step('each[0]/say', { generation: 2, status: 'completed', endedAt: 1_200 }))));
  equal(told[0]?.parent?.spanId, stepSpanId({ instanceId, path: 'each[0]', generation: 2 }));
});

test('skipped steps have no time and no span', () => {
  const { told, traces } = started();
  traces.committed(group(steps(step('each', { status: 'skipped', startedAt: null, endedAt: 1_200 }))));
  deepEqual(told, []);
});
