/** Growing logs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_LINES, appendLog, noLines, shownLines } from './log-lines.ts';

test('a line that comes in pieces is one line', () => {
  const log = ['he', 'llo\nwor', 'ld\n', 'open'].reduce(appendLog, noLines);
  assert.deepEqual(log.lines, ['hello', 'world']);
  assert.deepEqual(shownLines(log), ['hello', 'world', 'open']);
});

test('a carriage return starts the line over, and ends of Windows lines vanish', () => {
  assert.deepEqual(appendLog(noLines, '10 %\r55 %\r100 %\nnext\r\n').lines, ['100 %', 'next']);
});

test('the oldest lines are dropped and counted', () => {
  const log = appendLog(noLines, Array.from({ length: MAX_LINES + 5 }, (_, n) => `${n}\n`).join(''));
  assert.equal(log.lines.length, MAX_LINES);
  assert.equal(log.dropped, 5);
  assert.equal(log.lines[0], '5');
});

test('a line without an end is cut', () => {
  const log = appendLog(noLines, 'x'.repeat(200_000));
  assert.equal(log.lines.length, 1);
  assert.equal(log.open, '');
});
