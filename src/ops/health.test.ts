import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBootProgress } from '../supervise/boot-progress.ts';
import { createHealthBoard } from './health.ts';

test('a part is down from its first fault until it is well, and only a required one makes health unready', () => {
  const progress = createBootProgress(
    () => 0,
    () => undefined,
  );
  progress.enter('ready');
  const board = createHealthBoard({ progress });
  const heard: string[] = [];
  board.onChange(({ status, httpStatus }) => heard.push(`${status} ${httpStatus}`));
  assert.equal(board.downMs('database'), 0);
  board.report('redis', 'gone', false);
  board.report('database', 'no answer', true);
  const first = board.downMs('database');
  board.report('database', 'still no answer', true);
  assert.ok(board.downMs('database') >= first);
  board.report('database', null, true);
  assert.equal(board.downMs('database'), 0);
  board.report('redis', null, false);
  assert.deepEqual(heard, ['degraded 200', 'degraded 503', 'degraded 503', 'degraded 200', 'ok 200']);
});
