import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { filesIn, findPaths, mediaOf, tableOf } from './data-facts.ts';

describe('finding in data', () => {
  it('gives paths that an expression goes on with', () => {
    const { found } = findPaths({ rows: [{ price: 2 }, { 'odd name': 'Price list' }] }, 'price');
    assert.deepEqual(
      found.map((each) => each.path),
      ['.rows[0].price', '.rows[1].`odd name`'],
    );
  });
  it('stops where more would not help', () => {
    const { found, isCut } = findPaths(
      Array.from({ length: 1_000 }, () => 'a'),
      'a',
    );
    assert.deepEqual([found.length, isCut], [200, true]);
  });
});

describe('a table', () => {
  it('is a list of objects, or the first in an object', () => {
    assert.deepEqual(tableOf([{ a: 1 }, { b: 2 }])?.columns, ['a', 'b']);
    assert.deepEqual(tableOf({ failed: 0, items: [{ a: 1 }] })?.path, '.items');
    assert.equal(tableOf([1, 2]), undefined);
    assert.equal(tableOf({}), undefined);
  });
});

describe('files in data', () => {
  it('are found wherever they stand', () => {
    const value = {
      body: { file: { path: 'http/a.png', bytes: 3, sha256: 'x' } },
      artifacts: [{ id: 'art_1', name: 'plot.pdf', bytes: 9, sha256: 'y' }],
      path: 'no size',
    };
    assert.deepEqual(
      filesIn(value).map((file) => [file.kind, file.name]),
      [
        ['file', 'a.png'],
        ['artifact', 'plot.pdf'],
      ],
    );
    assert.deepEqual(['a.PNG', 'b.mp3', 'c.pdf', 'd.txt', 'none'].map(mediaOf), ['image', 'audio', 'pdf', 'none', 'none']);
  });
});
