import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripAnsi } from '../ui/ansi.ts';
import { lineOf, passes, shownText, timesOf, type LogQuery } from './machine-log-lines.ts';

const RAW = '{"level":"warn","time":"2026-01-01T00:00:01.500Z","requestId":"req_1","queue":"gpu","cause":"a\\nb","msg":"it is slow"}';
const all: LogQuery = { service: 'studio', level: undefined, text: '', requestId: '', since: undefined, atMs: undefined };

test('a line is shown with its level, words and facts in one row', () => {
  const text = stripAnsi(shownText(lineOf(RAW)));
  assert.match(text, /^\d\d:\d\d:\d\d\.\d warn {2}it is slow {2}queue=gpu {2}cause=a⏎ b {2}request=req_1$/);
  assert.equal(shownText(lineOf('plain words of a service')), 'plain words of a service');
});

test('what comes live passes the filter as the past did', () => {
  const line = lineOf(RAW);
  const shows = (change: Partial<LogQuery>): boolean => passes(line, RAW, { ...all, ...change });
  assert.deepEqual(
    [
      shows({}),
      shows({ level: 'error' }),
      shows({ level: 'info' }),
      shows({ text: 'SLOW' }),
      shows({ text: 'fast' }),
      shows({ requestId: 'req_1' }),
      shows({ requestId: 'req_2' }),
    ],
    [true, false, true, true, false, true, false],
  );
  assert.equal(shows({ service: 'postgres' }), false);
});

test('a line without a time stands at that of the line before, and times never fall', () => {
  const lines = [null, '2026-01-01T00:00:02Z', null, '2026-01-01T00:00:01Z', '2026-01-01T00:00:03Z'].map((at) => ({ at }));
  assert.deepEqual(
    timesOf(lines).map((ms) => (ms === 0 ? 0 : ms - Date.parse('2026-01-01T00:00:00Z'))),
    [0, 2_000, 2_000, 2_000, 3_000],
  );
});
