import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition } from '../../contract/graph.ts';
import { randomOf } from '../chaos/random.ts';
import type { AdmissionRequest } from '../../store/admissions.ts';
import { emptyRows, type InstanceRow } from '../memory-store/rows.ts';
import { drive } from './drive.ts';
import { watchLimits } from './limits.ts';
import { expectedOf } from './reference.ts';
import { runScenario, validScenario } from './simulate.ts';
import type { Scenario } from './scenario.ts';
import { aloneIn } from './starts.ts';

const give = { script: [[[{ do: 'give', ms: 0, flag: true }]]], reads: {} };
const scenarioWith = (definition: Definition): Scenario => ({
  seed: 7,
  definition,
  child: definition,
  input: {},
  debug: false,
  isMeddled: false,
  hasTwo: false,
  isHasty: false,
  starts: aloneIn(7),
  chances: { crash: 0, lost: 0, slow: 0, late: 0 },
});

test('a seed alone decides: run twice, it leaves the same events', async () => {
  const scenario = validScenario(11);
  const trace = async (): Promise<readonly string[]> => {
    const { world } = await drive(scenario, randomOf(3), randomOf(4));
    return [...world.rows.events.values()].flat().map((event) => `${event.id} ${event.sequence} ${event.type} ${String(event.payload['path'] ?? '')}`);
  };
  assert.deepEqual(await trace(), await trace());
});

test('the judge sees a wrong value: a step that reads another than it should', async () => {
  const honest: Definition = {
    nodes: [
      { key: 'a', type: 'sim.work', params: give },
      { key: 'b', type: 'sim.work', params: { ...give, reads: { a: '{{ steps.a.output.v }}' } } },
    ],
    edges: [{ from: 'a', to: 'b' }],
  };
  assert.deepEqual((await runScenario(scenarioWith(honest))).faults, []);
  const wrong = expectedOf({ ...honest, nodes: honest.nodes.map((node) => ({ ...node, params: give })) }, {}, undefined);
  assert.notDeepEqual(wrong.steps.get('b')?.output, expectedOf(honest, {}, undefined).steps.get('b')?.output);
});

test('the reference simulator knows fan-in, branches and let-through failures', () => {
  const fails = { script: [[[{ do: 'fail', ms: 0, code: 'a' }]]], reads: {} };
  const { steps, ends } = expectedOf(
    {
      nodes: [
        { key: 'a', type: 'sim.work', params: fails },
        { key: 'b', type: 'sim.work', params: give },
        { key: 'heard', type: 'sim.work', params: give },
        { key: 'passed', type: 'sim.work', params: give },
        { key: 'any', type: 'sim.work', params: give, runIf: 'any' },
      ],
      edges: [
        { from: 'a.error', to: 'heard' },
        { from: 'a', to: 'passed' },
        { from: 'passed', to: 'any' },
        { from: 'b', to: 'any' },
      ],
    },
    {},
    undefined,
  );
  assert.deepEqual(ends, ['completed']);
  assert.deepEqual(
    [...steps].map(([path, step]) => `${path} ${step.status}`),
    ['a failed', 'b completed', 'heard completed', 'passed skipped', 'any completed'],
  );
});

test('the judge sees a limit that is passed, and an order that is not kept', () => {
  const rows = emptyRows();
  rows.workflows.set('wf_root', {
    id: 'wf_root',
    name: 'Root',
    definition: { nodes: [], edges: [], settings: { concurrency: { limit: 1, policy: 'queue' } } },
  });
  const place = (id: string, priority: number): AdmissionRequest => {
    rows.instances.set(id, { ...pendingRow, id, priority });
    return { instanceId: id, orgId: 'org_sim', workflowId: 'wf_root', limit: { key: '', max: 1 }, rate: undefined, nowMs: 5_000 };
  };
  const watch = watchLimits(
    rows,
    () => 5_000,
    () => 5_000,
  );
  place('inst_b', 90);
  watch.heard('admit', [place('inst_a', 50)], { isAdmitted: true });
  watch.heard('admit', [place('inst_c', 90)], { isAdmitted: true });
  watch.heard('admitAnyway', [place('inst_d', 50)], undefined);
  assert.deepEqual(watch.faults, [
    'inst_a was let in before inst_b, which is more important or older',
    'inst_c was let in although 1 run and 1 may',
    'inst_c was let in before inst_b, which is more important or older',
    'inst_d passed the limits although nobody asked for that',
  ]);
});

const nothing = { rerunOf: null, principal: null, parentId: null, parentPath: null, parentGeneration: null, rateKey: null, waiting: null, starter: null };
const pendingRow: InstanceRow = {
  ...nothing,
  ...{ id: '', orgId: 'org_sim', workflowId: 'wf_root', version: 1, status: 'pending', input: '{}', labels: '{}', priority: 50, startedBy: 'manual', seq: 1 },
  ...{ createdAt: 0, startedAt: null, depth: 0, debug: false, isTest: false, limitKey: '', ownerEpoch: 1, output: null, error: null, endedAt: null },
};

// An item's pause that ended twice, a place given before a crash, a map that ran a failed item again, an oldest that does not answer, a place for one that
// had ended, a job that was not there to be cancelled, a step that followed from a result that was asked for anew.
const ONCE_FAILED = [84, 107, 6_967, 8_317, 16_607, 18_276, 203_762, 211_400, 218_239, 227_938, 315_100, 325_686];

test('worlds in which the engine once failed', async () => {
  for (const seed of ONCE_FAILED) assert.deepEqual((await runScenario(validScenario(seed))).faults, [], `seed ${seed}`);
});
