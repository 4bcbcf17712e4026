import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createShadowRig, type Running, type ShadowRig } from '../test/shadow-rig.ts';
import { readState, writeState } from './state.ts';

let rig: ShadowRig;
before(async () => {
  rig = await createShadowRig();
});
after(() => rig.destroy());

const count = async (running: Running): Promise<number> => (await running.ask<{ n: number }>('select count(*)::int as n from kept'))[0]?.n ?? 0;

test('direct to shadow and back, on new machines and the same one: nothing is lost, and what is left is set aside', async () => {
  let running = await rig.start({ plan: 'direct' });
  await running.ask('create table kept as select generate_series(1, 100) as n');
  await running.stop();
  // Half a move that was killed.
  mkdirSync(join(`${rig.localDir}.moving`, 'base'), { recursive: true });
  running = await rig.start();
  equal(await count(running), 100);
  equal(existsSync(rig.volumeDir), false);
  await running.ask('insert into kept values (101)');
  await running.kill();
  rig.loseDisk();
  running = await rig.start({ plan: 'direct' });
  match(rig.said.join('\n'), /moves from its shadow to the volume/);
  equal(await count(running), 101);
  equal(existsSync(rig.shadow), false);
  deepEqual(await running.ask('select slot_name from pg_replication_slots'), []);
  await running.ask('insert into kept values (102)');
  await running.stop();
  running = await rig.start();
  equal(await count(running), 102);
  await running.ask('insert into kept values (103)');
  await running.stop();
  running = await rig.start({ plan: 'direct' });
  match(rig.said.join('\n'), /Copying .*local\/pg to/);
  equal(await count(running), 103);
  await running.kill();
  ok(readdirSync(join(rig.volumeDir, '..')).filter((name) => name.includes('.aside-')).length >= 3);
});

test('commits wait while the hold on the workspace is not sure, and go on when it is', async () => {
  let mayWrite = true;
  const running = await rig.start({ mayWrite: () => mayWrite });
  mayWrite = false;
  let isDone = false;
  const insert = running.ask('insert into kept values (104)').then(() => (isDone = true));
  while ((await running.ask(`select 1 from pg_stat_activity where wait_event = 'SyncRep'`)).length === 0) ok(!isDone);
  equal(isDone, false);
  mayWrite = true;
  await insert;
  await running.stop();
});

test('who finds that another has taken over acknowledges nothing more, and is told to end', async () => {
  const fenced = Promise.withResolvers<string>();
  const running = await rig.start({ onFenced: fenced.resolve });
  const state = await readState(rig.shadow);
  ok(state);
  await writeState(rig.shadow, { ...state, writer: { ...state.writer, id: 'another', host: 'pod-2' } });
  await running.ask('select pg_terminate_backend(pid) from pg_stat_replication');
  equal(await fenced.promise, 'pod-2');
  equal(running.shadow?.status()?.isStreaming, false);
  await writeState(rig.shadow, state);
  await running.kill();
});

test('in the asynchronous mode commits do not wait, and a clean stop leaves everything on the volume', async () => {
  let running = await rig.start({ mode: 'async' });
  for (let n = 0; n < 20; n++) await running.ask('insert into kept values (200)');
  await running.stop();
  rig.loseDisk();
  running = await rig.start({ mode: 'async' });
  deepEqual(await running.ask('select count(*)::int as n from kept where n = 200'), [{ n: 20 }]);
  await running.kill();
});
