import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createShadowRig, type Running, type ShadowRig } from '../test/shadow-rig.ts';

let rig: ShadowRig;
before(async () => {
  rig = await createShadowRig();
});
after(() => rig.destroy());

const rows = async (running: Running): Promise<number[]> => (await running.ask<{ n: number }>('select n from kept order by n')).map(({ n }) => n);

test('what was acknowledged is there again on a machine that has nothing but the volume, again and again', async () => {
  let running = await rig.start();
  await running.ask('create table kept (n int)');
  for (let life = 1; life <= 3; life++) {
    for (let n = 0; n < 5; n++) await running.ask('insert into kept values ($1)', [life * 10 + n]);
    const status = running.shadow?.status();
    deepEqual([status?.mode, status?.isStreaming, status?.generation, status?.fault], ['sync', true, life, null]);
    await running.kill();
    rig.loseDisk();
    running = await rig.start();
    equal((await rows(running)).length, life * 5);
  }
  match(rig.said.join('\n'), /Restored the database up to .*, as generation 4/);
  deepEqual(await running.ask('select timeline_id as n from pg_control_checkpoint()'), [{ n: 4 }]);
  await running.kill();
});

test('a disk that is still there goes on as it is', async () => {
  const running = await rig.start();
  equal(rig.said.join(), '');
  equal((await rows(running)).length, 15);
  await running.ask('insert into kept values (99)');
  await running.stop();
});
