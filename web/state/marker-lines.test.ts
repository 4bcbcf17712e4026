import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { foldMarkers } from './marker-lines.ts';

const lines = ['epoch 1', '::metric loss=0.5 step=1::', '::progress 40 of it', '::result {"a": 1}', '::notice a line of its own', ' ::metric loss=1::', 'end'];
const starts = [0, 8, 35, 55, 73, 100, 118];

test('what a job told Studio is left out; all else stays, with its place and the byte at which it begins', () => {
  deepEqual(foldMarkers(lines, starts), {
    lines: ['epoch 1', '::notice a line of its own', ' ::metric loss=1::', 'end'],
    starts: [0, 73, 100, 118],
    places: [0, 4, 5, 6],
    hidden: 3,
  });
});

test('a line that was asked for by its byte stays', () => {
  equal(foldMarkers(lines, starts, 40).lines[1], '::progress 40 of it');
  equal(foldMarkers(lines, starts, 40).hidden, 2);
  deepEqual(foldMarkers(['::metric a=1'], [0], 5).lines, ['::metric a=1']);
});

test('without such lines nothing is copied', () => {
  const plain = ['a', 'b'];
  equal(foldMarkers(plain, [0, 2]).lines, plain);
});
