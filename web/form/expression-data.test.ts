import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FUNCTIONS } from '../../src/engine/expression-names.ts';
import { offersIn, readScope } from './expression-data.ts';
import type { ExpressionData } from './expression-data.ts';
import { expressionFunctions } from './expression-functions.ts';

const data: ExpressionData = {
  scope: {
    input: { name: 'Ada', 'odd name': 1 },
    steps: { read: { output: { rows: [{ price: 2, tags: ['a'] }], total: 3 } }, other: { output: 1 } },
    item: { file: 'a.png' },
  },
  steps: [
    { key: 'read', title: 'Read it', type: 'file.read', outputs: [] },
    { key: 'ask', title: 'Ask', type: 'http.request', outputs: ['status', 'body'] },
  ],
  secrets: ['TOKEN'],
  names: [],
};
const labels = (text: string, bare = false): readonly string[] | undefined =>
  offersIn(text, text.length, { bare, data })
    ?.offers.filter((offer) => offer.kind !== 'function')
    .map((offer) => offer.label);

describe('completion', () => {
  it('offers nothing outside of braces, and in quotes', () => {
    assert.equal(labels('Hello inp'), undefined);
    assert.equal(labels('{{ input.name }} and st'), undefined);
    assert.equal(labels('{{ "inp'), undefined);
    assert.deepEqual(labels('inp', true), ['input', 'steps', 'item', 'secrets']);
  });
  it('follows the data of the last run, over lists and indexes', () => {
    assert.deepEqual(labels('{{ input.'), ['name', 'odd name']);
    assert.deepEqual(labels('{{ steps.'), ['read', 'ask']);
    assert.deepEqual(labels('{{ steps.read.output.'), ['rows', 'total']);
    assert.deepEqual(labels('{{ $sum(steps.read.output.rows.'), ['price', 'tags']);
    assert.deepEqual(labels('{{ steps.read.output.rows[0].pr'), ['price', 'tags']);
    assert.deepEqual(labels('{{ item.f'), ['file']);
    assert.deepEqual(labels('{{ secrets.'), ['TOKEN']);
  });
  it('falls back to what the type of a step says', () => {
    assert.deepEqual(labels('{{ steps.ask.'), ['output', 'error']);
    assert.deepEqual(labels('{{ steps.ask.output.'), ['status', 'body']);
  });
  it('replaces what is typed of the last name, and quotes odd names', () => {
    const found = offersIn('{{ input.od', 11, { bare: false, data });
    assert.equal(found?.from, 9);
    assert.equal(found?.offers.find((offer) => offer.label === 'odd name')?.insert, '`odd name`');
  });
  it('knows the functions that the engine knows', () => {
    assert.deepEqual(expressionFunctions.map((each) => each.name).toSorted(), [...FUNCTIONS].toSorted());
  });
});

describe('the scope of a preview', () => {
  it('holds only what the expressions can read', () => {
    assert.deepEqual(readScope('{{ steps.read.output.total + input.name }}', data.scope), {
      input: data.scope['input'],
      steps: { read: { output: { rows: [{ price: 2, tags: ['a'] }], total: 3 } } },
    });
    assert.deepEqual(Object.keys(readScope('{{ $lookup(steps, "read") }}', data.scope)['steps'] as object), ['read', 'other']);
    assert.deepEqual(readScope('plain', data.scope), {});
  });
});
