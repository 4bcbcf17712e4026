import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { StepOutline } from '../../src/contract/instance-views.ts';
import { createItemWindows } from './item-windows.ts';
import type { ItemWindows, SeenItem } from './item-windows.ts';

const outline = (path: string, seq = 1): StepOutline => ({
  key: path,
  path,
  generation: 1,
  status: 'completed',
  attempt: 1,
  queuedAt: null,
  startedAt: null,
  endedAt: null,
  seq,
});
const range = (of: string, from: number, to: number): SeenItem[] => Array.from({ length: to - from }, (_, at) => ({ of, index: from + at }));
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Items from 9,000 on have not begun. */
function bench(t: TestContext): { readonly windows: ItemWindows; readonly asked: string[]; readonly rest: () => Promise<void> } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked: string[] = [];
  const windows = createItemWindows({
    load: async (of, indexes) => {
      asked.push(`${of} ${indexes[0]}–${indexes.at(-1)}`);
      return indexes.filter((index) => index < 9_000).map((index) => outline(`${of}[${index}]`, asked.length));
    },
    onError: (error) => asked.push(String(error)),
  });
  t.after(() => windows.close());
  const rest = async (): Promise<void> => {
    t.mock.timers.tick(1_000);
    await settle();
  };
  return { windows, asked, rest };
}

test('what is in sight is read when scrolling rests, and what was scrolled past is not', async (t) => {
  const { windows, asked, rest } = bench(t);
  for (const from of [0, 500, 5_000]) windows.see(range('each', from, from + 60));
  await rest();
  assert.deepEqual(asked, ['each 5000–5059']);
  windows.see(range('each', 5_010, 5_070));
  await rest();
  windows.see(range('each', 5_000, 5_060));
  await rest();
  assert.deepEqual(asked, ['each 5000–5059', 'each 5060–5069']);
  assert.equal(windows.parts.value.get('each[5003]')?.path, 'each[5003]');
});

test('items that have not begun are known as such, and those of another map are asked for on their own', async (t) => {
  const { windows, asked, rest } = bench(t);
  windows.see([...range('each', 8_999, 9_001), ...range('other', 0, 2)]);
  await rest();
  await rest();
  assert.deepEqual(asked, ['each 8999–9000', 'other 0–1']);
  assert.deepEqual([windows.parts.value.get('each[9000]'), windows.parts.value.has('each[9001]')], [null, false]);
});

test('after a change what is in sight is read again, once; the rest when it comes into sight', async (t) => {
  const { windows, asked, rest } = bench(t);
  windows.see(range('each', 0, 10));
  await rest();
  windows.see(range('each', 10, 20));
  await rest();
  windows.refresh();
  windows.refresh();
  await rest();
  assert.deepEqual(asked, ['each 0–9', 'each 10–19', 'each 10–19']);
  windows.see(range('each', 0, 10));
  await rest();
  assert.deepEqual([asked.length, windows.parts.value.get('each[0]')?.seq], [4, 4]);
});

test('what was seen long ago is let go', async (t) => {
  const { windows, rest } = bench(t);
  for (let from = 0; from < 5_000; from += 100) {
    windows.see(range('each', from, from + 100));
    await rest();
  }
  assert.deepEqual([windows.parts.value.size, windows.parts.value.has('each[0]'), windows.parts.value.has('each[4999]')], [4_000, false, true]);
});
