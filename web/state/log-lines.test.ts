/** Growing logs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_LINES, appendLog, linesOf, noLines, shownLines, shownStarts, type LogLines } from './log-lines.ts';

/** Texts that follow each other. */
function of(...texts: readonly string[]): LogLines {
  let at = 0;
  let log = noLines();
  for (const text of texts) {
    log = appendLog(log, { text, at });
    at += Buffer.byteLength(text);
  }
  return log;
}

test('a line that comes in pieces is one line', () => {
  const log = of('he', 'llo\nwor', 'ld\n', 'open');
  assert.deepEqual(log.lines, ['hello', 'world']);
  assert.deepEqual(shownLines(log), ['hello', 'world', 'open']);
  assert.deepEqual(shownStarts(log), [0, 6, 12]);
});

test('a carriage return starts the line over, and ends of Windows lines vanish', () => {
  assert.deepEqual(of('10 %\r55 %\r100 %\nnext\r\n').lines, ['100 %', 'next']);
});

test('the oldest lines are dropped and counted', () => {
  const log = of(Array.from({ length: MAX_LINES + 5 }, (_, n) => `${n}\n`).join(''));
  assert.equal(log.lines.length, MAX_LINES);
  assert.equal(log.dropped, 5);
  assert.equal(log.lines[0], '5');
});

test('a line without an end is cut', () => {
  const log = of('x'.repeat(200_000));
  assert.equal(log.lines.length, 1);
  assert.equal(log.open, '');
});

test('each line knows the byte at which it begins, whatever its letters and however it came', () => {
  const text = 'é\n日本\n🚀 up\n10 %\r20 %\nlast';
  const bytes = Buffer.from(text);
  const starts = [0, ...[...bytes.entries()].flatMap(([index, byte]) => (byte === 10 ? [index + 1] : []))];
  assert.deepEqual(shownStarts(of(text)), starts);
  assert.deepEqual(shownStarts(of('é\n日', '本\n🚀', ' up\n10 %\r20', ' %\nlast')), starts);
  assert.deepEqual(linesOf(bytes, 100), { lines: ['é', '日本', '🚀 up', '20 %', 'last'], starts: starts.map((start) => start + 100) });
});

test('a note stands where it belongs and moves no line', () => {
  const before = of('one\ntwo');
  const log = appendLog(appendLog(before, { text: '\n… 90 left out …\n', at: 97, isNote: true }), { text: 'three\n', at: 97 });
  assert.deepEqual(log.lines, ['one', 'two', '… 90 left out …', 'three']);
  assert.deepEqual(log.starts, [0, 4, 97, 97]);
});
