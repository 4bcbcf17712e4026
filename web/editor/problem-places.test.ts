import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemsByCard, wordsInPlace } from './problem-places.ts';

const inner = { key: 'inner', type: 'template' };
const definition = {
  nodes: [
    { key: 'each', type: 'map', params: { body: { nodes: [inner], edges: [] } } },
    { key: 'last', type: 'noop' },
  ],
};
const problems = [
  { node: 'inner', path: 'x', code: 'a', message: 'no text' },
  { node: 'last', path: 'y', code: 'b', message: 'no way' },
  { path: 'z', code: 'c', message: 'of nobody' },
];

test('a node wears its own problems, and those of what is inside it', () => {
  assert.deepEqual(
    [...problemsByCard(definition, [], problems)],
    [
      ['each', ['Inside, inner: no text']],
      ['last', ['no way']],
    ],
  );
});

test('an open body shows its own alone', () => {
  assert.deepEqual([...problemsByCard(definition, ['each'], problems)], [['inner', ['no text']]]);
});

test('beside a card and a field, words leave out what is in sight there', () => {
  const missing = 'params.items of "each" (map): expected JSON; got nothing';
  assert.equal(wordsInPlace(missing), 'items: needs a value');
  assert.equal(wordsInPlace(missing, 'field'), 'Needs a value');
  assert.equal(
    wordsInPlace('params.url of "a" (http.request): expected a URL such as https://host/path; got "x"', 'field'),
    'Expected a URL such as https://host/path; got "x"',
  );
  assert.equal(wordsInPlace('nothing leads here'), 'nothing leads here');
});
