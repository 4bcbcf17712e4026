import { equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { askAhead, takeAhead } from './ahead.ts';

test('what was asked ahead is taken once, and asked once', async () => {
  let count = 0;
  const load = async (): Promise<number> => (count += 1);
  askAhead('a', load);
  askAhead('a', load);
  equal(await takeAhead<number>('a'), 1);
  equal(takeAhead('a'), undefined);
});

test('a fault is for who takes it', async () => {
  askAhead('b', async () => {
    throw new Error('gone');
  });
  await rejects(takeAhead('b') ?? Promise.resolve(), /gone/);
});
