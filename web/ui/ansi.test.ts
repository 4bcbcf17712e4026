import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ansiRuns, stripAnsi } from './ansi.ts';

const esc = '\u001b';

test('colours and weights become classes and end at a reset', () => {
  assert.deepEqual(ansiRuns(`a ${esc}[1;31mbad${esc}[0m b`), [
    { text: 'a ', look: '' },
    { text: 'bad', look: 'ansi-red ansi-bold' },
    { text: ' b', look: '' },
  ]);
});

test('long colour codes are skipped whole, also with colons', () => {
  assert.deepEqual(ansiRuns(`${esc}[38;2;255;0;0mx${esc}[38;5;2my${esc}[48;5;1mz`), [
    { text: 'x', look: '' },
    { text: 'y', look: 'ansi-green' },
    { text: 'z', look: 'ansi-green' },
  ]);
});

test('a progress bar shows its last state', () => {
  assert.equal(stripAnsi('10 %\r50 %\r100 %\r'), '100 %');
});

test('cursor moves, titles and stray controls leave no trace', () => {
  assert.equal(stripAnsi(`${esc}[2K${esc}]0;title\u0007a\u0008b${esc}(B${esc}[?25l`), 'ab');
});

test('markup is text like any other', () => {
  assert.deepEqual(ansiRuns('<img onerror=x>'), [{ text: '<img onerror=x>', look: '' }]);
});
