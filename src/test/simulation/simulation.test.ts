import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Definition } from '../../contract/graph.ts';
import { randomOf } from '../chaos/random.ts';
import { drive } from './drive.ts';
import { expectedOf } from './reference.ts';
import { runScenario, validScenario } from './simulate.ts';
import type { Scenario } from './scenario.ts';

const give = { script: [[[{ do: 'give', ms: 0, flag: true }]]], reads: {} };
const scenarioWith = (definition: Definition): Scenario => ({
  seed: 7,
  definition,
  child: definition,
  input: {},
  debug: false,
  isMeddled: false,
  hasTwo: false,
  chances: { crash: 0, lost: 0, slow: 0 },
});

test('a seed alone decides: run twice, it leaves the same events', async () => {
  const scenario = validScenario(11);
  const trace = async (): Promise<readonly string[]> => {
    const { world } = await drive(scenario, randomOf(3));
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
