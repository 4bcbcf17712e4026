import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { factsOf } from './card-facts.ts';
import { endsFrom, findPicks, targetPicks, typePicks } from './picks.ts';

const type = (name: string, takes: 'any' | 'image', gives: 'json' | 'image', category: NodeTypeView['category'] = 'data'): NodeTypeView => ({
  ...{ type: name, version: 1, title: name.toUpperCase(), summary: `does ${name}`, category, runs: 'inline', pure: true, queue: null, dynamicOutputs: false },
  ...{ requires: 'user', params: {}, docs: '', example: {} },
  inputs: [{ name: 'in', title: 'In', kind: takes }],
  outputs: [{ name: 'out', title: 'Out', kind: gives }],
});
const types = [type('blur', 'image', 'image'), type('set', 'any', 'json'), type('split', 'any', 'json', 'flow')];

test('types come by category, and only those whose ports fit what they are joined to', () => {
  assert.deepEqual(
    typePicks(types).map((pick) => pick.id),
    ['split', 'blur', 'set'],
  );
  assert.deepEqual(
    typePicks(types, { gives: 'json' }).map((pick) => pick.id),
    ['split', 'set'],
  );
  assert.deepEqual(
    typePicks(types, { takes: 'image' }).map((pick) => pick.id),
    ['blur'],
  );
});

test('what is typed finds by title first, then by what it does', () => {
  assert.deepEqual(
    findPicks(typePicks(types), 'set').map((pick) => pick.id),
    ['set'],
  );
  assert.equal(findPicks(typePicks(types), 'does bl')[0]?.id, 'blur');
});

test('types are found by what other systems call them', () => {
  const found = (query: string): string | undefined =>
    findPicks(typePicks([type('map', 'any', 'json'), type('wait.timer', 'any', 'json'), type('notify', 'any', 'json')]), query)[0]?.id;
  assert.deepEqual(['for each', 'sleep', 'e-mail'].map(found), ['map', 'wait.timer', 'notify']);
});

test('targets that can not be led to come last and say why', () => {
  const catalogue = new Map(types.map((each) => [each.type, each]));
  const graph = { nodes: ['a', 'b', 'c'].map((key) => ({ key, type: 'set' })), edges: [{ from: 'b', to: 'a' }], comments: [] };
  const facts = new Map(graph.nodes.map((node) => [node.key, factsOf(node, catalogue.get('set'), [])]));
  const places = new Map([...facts.keys()].map((key, index) => [key, { x: index * 300, y: 0, width: 216, height: 76 }]));
  const picks = targetPicks({ graph, facts, places, types: catalogue }, { key: 'a', end: 'a' });
  assert.deepEqual(
    picks.map((pick) => [pick.id, pick.why === undefined]),
    [
      ['c', true],
      ['b', false],
    ],
  );
});

test('a node with several ports may be left by each', () => {
  const facts = factsOf({ key: 'x', type: 'odd' }, undefined, [
    { from: 'x.yes', to: 'y' },
    { from: 'x.no', to: 'z' },
  ]);
  assert.deepEqual(
    endsFrom(facts).map((each) => each.end),
    ['x.yes', 'x.no'],
  );
});
