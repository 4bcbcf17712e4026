import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../kernel/deferred.ts';
import { createSlots } from './slots.ts';
import { until } from '../test/until.ts';

function harness(count: number) {
  const running = new Map<string, () => void>();
  let most = 0;
  const slots = createSlots<{ id: string }>(count, (task) => {
    const end = deferred<void>();
    running.set(task.id, () => (running.delete(task.id), end.resolve()));
    most = Math.max(most, running.size);
    return end.promise;
  });
  return { slots, running, most: () => most };
}

test('as many run as there are slots, and the next begins when one ends', async () => {
  const { slots, running, most } = harness(3);
  for (const id of ['a', 'b', 'c']) slots.push({ id });
  await until('three to run', () => running.size === 3);
  assert.equal(slots.free(), 0);
  slots.push({ id: 'd' });
  running.get('a')?.();
  await until('d to run', () => running.has('d'));
  assert.deepEqual([...running.keys()].toSorted(), ['b', 'c', 'd']);
  assert.equal(most(), 3);
  for (const end of [...running.values()]) end();
  await until('no slot to be taken', () => slots.taken() === 0);
});

test('raised slots are filled at once, lowered ones end nothing', async () => {
  const { slots, running } = harness(1);
  for (const id of ['a', 'b', 'c', 'd']) slots.push({ id });
  await until('one to run', () => running.size === 1);
  slots.setCount(4);
  await until('four to run', () => running.size === 4);
  slots.setCount(2);
  assert.equal(slots.free(), 0);
  running.get('a')?.();
  running.get('b')?.();
  running.get('c')?.();
  await until('one slot to be free', () => slots.free() === 1);
  assert.deepEqual([...running.keys()], ['d']);
  running.get('d')?.();
  await until('no slot to be taken', () => slots.taken() === 0);
});

test('a queue without slots runs nothing until it gets one', async () => {
  const { slots, running } = harness(0);
  slots.push({ id: 'a' });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(running.size, 0);
  slots.setCount(1);
  await until('one to run', () => running.size === 1);
  running.get('a')?.();
  await until('no slot to be taken', () => slots.taken() === 0);
});
