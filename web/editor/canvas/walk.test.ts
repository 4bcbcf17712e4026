import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgesAt, readingOrder, walkFrom } from './walk.ts';
import type { Place } from './walk.ts';

// a leads to b (above) and c (below); d stands alone below a.
const node = (key: string) => ({ key, type: 'noop' });
const graph = {
  nodes: ['d', 'c', 'b', 'a'].map(node),
  edges: [
    { from: 'a', to: 'c' },
    { from: 'a.true', to: 'b' },
  ],
};
const at = (x: number, y: number): Place => ({ x, y, width: 216, height: 76 });
const places = new Map([
  ['a', at(0, 100)],
  ['b', at(300, 60)],
  ['c', at(300, 200)],
  ['d', at(0, 300)],
]);

test('right and left go along edges, to the nearest of several', () => {
  assert.deepEqual([walkFrom(graph, places, 'a', 'right'), walkFrom(graph, places, 'c', 'left')], ['b', 'a']);
});

test('up and down go to what stands there, whatever leads where', () => {
  assert.deepEqual([walkFrom(graph, places, 'b', 'down'), walkFrom(graph, places, 'd', 'up')], ['c', 'a']);
});

test('without an edge that way the nearest node is found, or none', () => {
  assert.deepEqual(
    [walkFrom(graph, places, 'd', 'right'), walkFrom(graph, places, 'b', 'right'), walkFrom(graph, places, 'nobody', 'right')],
    ['c', undefined, undefined],
  );
});

test('reading goes from sources to targets, from the top, and leaves out nothing of a cycle', () => {
  assert.deepEqual(readingOrder(graph, places), ['a', 'd', 'b', 'c']);
  assert.deepEqual(
    readingOrder(
      {
        nodes: [node('x'), node('y')],
        edges: [
          { from: 'x', to: 'y' },
          { from: 'y', to: 'x' },
        ],
      },
      new Map(),
    ).toSorted(),
    ['x', 'y'],
  );
});

test('edges at a node come from the top', () => {
  assert.deepEqual([edgesAt(graph, places, 'a', 'out'), edgesAt(graph, places, 'c', 'in')], [['a.true>b', 'a>c'], ['a>c']]);
});
