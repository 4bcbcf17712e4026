import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../test/fake-clock.ts';
import { endWhenStuck, isStuck, type Member } from './postgres-stuck.ts';

const of = (...titles: string[]): Member[] => titles.map((title) => ({ title: `postgres: studio-1: ${title}`, isBlocked: false }));
const serving = of('checkpointer', 'background writer', 'walwriter', 'studio_engine selfhost_studio [local] idle');
const recovering = of('checkpointer', 'background writer', 'startup recovering 000000010000000000000001');
const stuck = of('checkpointer', 'background writer');

test('a server that serves or recovers is not stuck, one without either is, unless something of it waits for a device', () => {
  deepEqual([serving, recovering, stuck, [...stuck, { title: 'postgres: x', isBlocked: true }]].map(isStuck), [false, false, true, false]);
});

function watched() {
  const clock = fakeClock();
  const end = Promise.withResolvers<{ code: number | null; signal: null; uptimeMs: number }>();
  const state = { members: serving as readonly Member[], signals: [] as string[], said: [] as string[], hasExited: false, isReachable: true };
  endWhenStuck(
    { pid: 1, exited: end.promise, hasExited: () => state.hasExited, signal: (name) => (state.signals.push(name), true) },
    { clock, say: (line) => void state.said.push(line), membersOf: () => state.members, isReachable: () => state.isReachable },
  );
  return { clock, state, end };
}

test('a server is ended only once it was stuck for ten seconds without a break', async () => {
  const { clock, state } = watched();
  await clock.advance(5_000);
  state.members = stuck;
  await clock.advance(8_000);
  state.members = recovering;
  await clock.advance(2_000);
  state.members = stuck;
  await clock.advance(10_000);
  deepEqual(state.signals, []);
  await clock.advance(2_000);
  deepEqual(state.signals, ['SIGQUIT']);
  equal(state.said.length, 1);
  await clock.advance(6_000);
  deepEqual(state.signals, ['SIGQUIT', 'SIGKILL']);
});

test('a server whose socket was removed under it is ended, so that it can be reached again', async () => {
  const { clock, state } = watched();
  await clock.advance(30_000);
  deepEqual(state.signals, []);
  state.isReachable = false;
  await clock.advance(12_000);
  deepEqual(state.signals, ['SIGQUIT']);
  match(state.said.join(), /its socket was removed/);
});

test('nothing is sent to a server that has ended', async () => {
  const { clock, state, end } = watched();
  state.members = stuck;
  await clock.advance(3_000);
  state.hasExited = true;
  end.resolve({ code: 1, signal: null, uptimeMs: 3_000 });
  await clock.advance(30_000);
  deepEqual(state.signals, []);
});
