import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Definition } from '../../../src/contract/graph.ts';
import type { StepResult } from '../last-results.ts';
import { nodeData, placeOf, stepsBefore } from './node-data.ts';

const definition: Definition = {
  nodes: [
    { key: 'list', type: 'set', params: { values: {} } },
    { key: 'aside', type: 'noop' },
    {
      ...{ key: 'each', type: 'map' },
      params: {
        items: '{{ steps.list.output.files }}',
        body: {
          nodes: [
            { key: 'one', type: 'noop' },
            { key: 'two', type: 'noop' },
          ],
          edges: [{ from: 'one', to: 'two' }],
        },
      },
    },
    { key: 'end', type: 'noop' },
  ],
  edges: [
    { from: 'list', to: 'each' },
    { from: 'each', to: 'end' },
  ],
};
const result = (key: string, output: unknown): [string, StepResult] => [
  key,
  {
    ...{ key, path: key, instanceId: 'inst_1', isTest: true, status: 'completed' as const, startedAt: null, endedAt: null },
    ...{ items: undefined, error: undefined, output, seq: 1 },
  },
];
const about = {
  ...{ definition, results: new Map([result('list', { files: ['a.png', 'b.png'] })]), types: new Map(), secrets: ['TOKEN'], input: { n: 1 }, item: 1 },
  workflow: { id: 'wf_1', name: 'W', version: 1 },
};
const keys = (scope: readonly string[], key: string): readonly string[] => stepsBefore(definition, scope, key).map((node) => node.key);

describe('the data of a node', () => {
  it('is of the steps before it, those around its body too', () => {
    assert.deepEqual(keys([], 'end'), ['each', 'list']);
    assert.deepEqual(keys([], 'aside'), []);
    assert.deepEqual(keys(['each'], 'two'), ['one', 'list']);
  });
  it('holds the values of the last run', () => {
    const { scope, steps } = nodeData({ ...about, scope: [], key: 'end' });
    assert.deepEqual(scope['input'], { n: 1 });
    assert.deepEqual(scope['steps'], { list: { output: { files: ['a.png', 'b.png'] } } });
    assert.deepEqual(
      steps.map((step) => [step.key, step.outputs]),
      [
        ['each', ['items', 'failed']],
        ['list', []],
      ],
    );
  });
  it('has the item that is looked at inside a map', () => {
    const { scope } = nodeData({ ...about, scope: ['each'], key: 'two' });
    assert.deepEqual([scope['item'], scope['index']], ['b.png', 1]);
  });
  it('names places as the server does', () => {
    assert.equal(placeOf(definition, ['each'], 'two'), 'nodes[2].params.body.nodes[1]');
  });
});
