import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createShadowRig, type Running, type ShadowRig } from '../test/shadow-rig.ts';
import { listBases } from './bases.ts';
import { BLOCK_BYTES, listWal } from './wal-archive.ts';
import { readState, writeState } from './state.ts';

let rig: ShadowRig;
before(async () => {
  rig = await createShadowRig();
});
after(() => rig.destroy());

const rows = async (running: Running): Promise<number[]> => (await running.ask<{ n: number }>('select n from kept order by n')).map(({ n }) => n);

test('what was acknowledged is there again on a machine that has nothing but the volume', async () => {
  let running = await rig.start();
  await running.ask('create table kept (n int)');
  for (let n = 1; n <= 5; n++) await running.ask('insert into kept values ($1)', [n]);
  const status = running.shadow?.status();
  deepEqual([status?.mode, status?.isStreaming, status?.generation, status?.bases, status?.fault], ['sync', true, 1, 1, null]);
  await running.kill();
  rig.loseDisk();
  running = await rig.start();
  deepEqual(await rows(running), [1, 2, 3, 4, 5]);
  match(rig.said.join('\n'), /Restored the database up to .*, as generation 2/);
  deepEqual(await running.ask('select timeline_id as n from pg_control_checkpoint()'), [{ n: 2 }]);
  await running.ask('insert into kept values (6)');
  await running.kill();
});

test('a disk that is still there goes on as it is; an older one that comes back is set aside, and the newer is restored', async () => {
  cpSync(rig.localDir, `${rig.local}-old`, { recursive: true, preserveTimestamps: true });
  let running = await rig.start();
  deepEqual([rig.said.join(), (await rows(running)).length], ['', 6]);
  await running.kill();
  rig.loseDisk();
  running = await rig.start();
  await running.ask('insert into kept values (7)');
  await running.kill();
  rig.loseDisk();
  cpSync(`${rig.local}-old`, rig.localDir, { recursive: true });
  running = await rig.start();
  match(rig.said.join('\n'), /older than the shadow: another machine has written since[^]*Set .* aside/);
  deepEqual(await rows(running), [1, 2, 3, 4, 5, 6, 7]);
  await running.kill();
});

/** Bytes up to the last that is not zero: a segment that was left early is padded. */
function contentOf(path: string): number {
  return readFileSync(path).findLastIndex((byte) => byte !== 0) + 1;
}

test('a torn end of the log ends at the last whole record; a damaged middle is told, and so is a base backup that can not be used', async () => {
  rig.loseDisk();
  const [base] = await listBases(rig.shadow);
  ok(base);
  // A newer one, damaged: the older is taken.
  const newer = base.path.replace(/-[0-9A-F]{16}\./, '-00000000FF000000.');
  cpSync(base.path.replace('.tar.zst', '.json'), newer.replace('.tar.zst', '.json'));
  writeFileSync(newer, readFileSync(base.path).subarray(0, 100_000));
  const last = (await listWal(rig.shadow)).at(-1);
  ok(last);
  truncateSync(last.path, contentOf(last.path) - 9);
  let running = await rig.start();
  match(rig.said.join('\n'), /base backup of .* can't be used[^]*bytes that are no whole record/);
  equal((await rows(running)).length, 7);
  await running.ask('insert into kept select generate_series(8, 60000)');
  await running.kill();
  rig.loseDisk();
  rmSync(newer.replace('.tar.zst', '.json'));
  const hurt = (await listWal(rig.shadow)).at(-1);
  ok(hurt);
  const bytes = readFileSync(hurt.path);
  // In the last but one of the whole blocks: before the commit of what was just written.
  const at = (Math.floor(contentOf(hurt.path) / BLOCK_BYTES) - 2) * BLOCK_BYTES + 5_000;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(hurt.path, bytes);
  running = await rig.start();
  match(running.prepared.faults.join(), /the log on the volume is damaged at/);
  equal((await rows(running)).length, 7);
  await running.kill();
});

test('a volume that was outrun gets a new slot and a new base backup, and nothing is acknowledged before', async () => {
  const state = { isHeld: true };
  let running = await rig.start({ keptLogMib: 32, mayWrite: () => state.isHeld });
  const outrun = async (n: number): Promise<void> => {
    state.isHeld = false;
    // Not waiting for the volume: it is the log's amount that counts.
    await running.ask(`set synchronous_commit = local; create table bulk${n} as select repeat(md5(i::text), 20) from generate_series(1, 80000) i; checkpoint`);
    while ((await running.ask<{ status: string }>('select wal_status as status from pg_replication_slots'))[0]?.status !== 'lost')
      await running.ask('checkpoint');
    state.isHeld = true;
  };
  await outrun(1);
  await running.ask('insert into kept values (8)');
  equal(running.shadow?.status()?.baseFault, null, 'acknowledged, so it can be restored');
  await running.kill();
  rig.loseDisk();
  running = await rig.start({ keptLogMib: 32, mayWrite: () => state.isHeld });
  deepEqual(await rows(running), [1, 2, 3, 4, 5, 6, 7, 8]);
  await running.ask('delete from kept where n = 8; drop table bulk1');
  await running.kill();
});

test('another database than the shadow, and a state that can not be read, are refused; nothing is changed', async () => {
  const state = await readState(rig.shadow);
  ok(state);
  await writeState(rig.shadow, { ...state, systemId: '1' });
  await rig.start().then(
    () => ok(false, 'it started'),
    (error: unknown) => match(String(error), /holds another database \(system id \d+\) than the shadow/),
  );
  writeFileSync(join(rig.shadow, 'state.json'), '{"format": 1');
  await rig.start().then(
    () => ok(false, 'it started'),
    (error: unknown) => match(String(error), /state\.json can't be understood/),
  );
  ok(existsSync(rig.localDir));
});
