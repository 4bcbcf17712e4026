/** Snapshots kept fresh by events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Envelope } from '../../src/contract/events.ts';
import { createSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

interface Bench {
  readonly snapshot: Snapshot<readonly number[]>;
  readonly send: (...sequences: number[]) => void;
  readonly reset: () => void;
  readonly frame: () => void;
  readonly heal: () => void;
  readonly subscriptions: string[];
  readonly loads: () => number;
}

const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

function bench(load: (count: number) => Promise<readonly number[]>): Bench {
  let listener: { onEvent(event: Envelope): void; onReset(room: string): void } | undefined;
  let due: (() => void) | undefined;
  let healing: (() => void) | undefined;
  let loads = 0;
  const subscriptions: string[] = [];
  const snapshot = createSnapshot<readonly number[]>({
    load: async () => {
      loads += 1;
      return { value: await load(loads), cursor: `c${loads}` };
    },
    rooms: ['instance:inst_1'],
    apply: (value, event) => (event.sequence < 0 ? 'reload' : { value: [...value, event.sequence] }),
    live: {
      subscribe: (_rooms, added, since) => {
        listener = added;
        subscriptions.push(since ?? '');
        return () => void (listener = undefined);
      },
    },
    soon: (run) => {
      due = run;
      return () => void (due = undefined);
    },
    later: (run) => {
      healing = run;
      return () => void (healing = undefined);
    },
  });
  return {
    snapshot,
    send: (...sequences) => sequences.forEach((sequence) => listener?.onEvent({ sequence } as Envelope)),
    reset: () => listener?.onReset('instance:inst_1'),
    frame: () => due?.(),
    heal: () => healing?.(),
    subscriptions,
    loads: () => loads,
  };
}

test('events after the snapshot are applied together, once a frame', async () => {
  const { snapshot, send, frame, subscriptions } = bench(async () => [1]);
  snapshot.start();
  await settle();
  send(2, 3);
  assert.deepEqual(snapshot.value.value, [1]);
  frame();
  assert.deepEqual(snapshot.value.value, [1, 2, 3]);
  assert.deepEqual(subscriptions, ['c1']);
});

test('a gap takes a new snapshot and listens from its cursor', async () => {
  const { snapshot, send, frame, subscriptions } = bench(async (count) => [count * 10]);
  snapshot.start();
  await settle();
  send(-1);
  frame();
  await settle();
  assert.deepEqual(snapshot.value.value, [20]);
  assert.deepEqual(subscriptions, ['c1', 'c2']);
});

test('a reset takes a new snapshot', async () => {
  const { snapshot, reset, loads } = bench(async () => []);
  snapshot.start();
  await settle();
  reset();
  await settle();
  assert.equal(loads(), 2);
});

test('a failed reload keeps the old value and says why', async () => {
  const { snapshot } = bench((count) => (count === 1 ? Promise.resolve([1]) : Promise.reject(new Error('no answer'))));
  snapshot.start();
  await settle();
  await snapshot.reload();
  assert.deepEqual(snapshot.value.value, [1]);
  assert.equal(snapshot.error.value?.message, 'no answer');
  assert.equal(snapshot.loading.value, false);
});

test('after closing nothing changes any more', async () => {
  const { snapshot, send, frame, loads } = bench(async () => [1]);
  snapshot.start();
  await settle();
  snapshot.close();
  send(2);
  frame();
  await snapshot.reload();
  assert.deepEqual(snapshot.value.value, [1]);
  assert.equal(loads(), 1);
});

test('an answer that comes after a newer reload is dropped', async () => {
  let answerFirst = (_: readonly number[]): void => {};
  const { snapshot } = bench((count) => (count === 1 ? new Promise((resolve) => (answerFirst = resolve)) : Promise.resolve([2])));
  snapshot.start();
  await snapshot.reload();
  answerFirst([1]);
  await settle();
  assert.deepEqual(snapshot.value.value, [2]);
});

test('a load that failed heals by itself', async () => {
  const { snapshot, heal } = bench((count) => (count === 1 ? Promise.reject(new Error('no answer')) : Promise.resolve([2])));
  snapshot.start();
  await settle();
  heal();
  await settle();
  assert.deepEqual(snapshot.value.value, [2]);
  assert.equal(snapshot.error.value, undefined);
});
