import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readArguments, readProcess } from '../kernel/process-identity.ts';
import { ensureServiceAccount } from './account.ts';
import { projectRoot } from './project-root.ts';
import { answersPing, findRedis, startRedis } from './redis.ts';

const program = process.env['STUDIO_TEST_REDIS_SERVER'] ?? findRedis(projectRoot());
const base = mkdtempSync(join(tmpdir(), 'studio-redis-'));
chmodSync(base, 0o711);
after(() => rmSync(base, { recursive: true, force: true }));

function optionsAt(name: string) {
  if (program === undefined) throw new Error('these tests need redis-server: scripts/test installs it');
  return { program, socketDir: join(base, name), password: 'of-this-start' };
}

test('it answers with its password only, on a socket in a 0700 folder, and has no port', async () => {
  const redis = await startRedis(optionsAt('a'));
  equal(await answersPing(redis.socketPath, 'of-this-start'), true);
  equal(await answersPing(redis.socketPath, 'wrong'), false);
  equal(statSync(join(base, 'a')).mode & 0o777, 0o700);
  ok(!readArguments(redis.pid).join(' ').includes('of-this-start'), 'the password stands in no process list');
  const account = await ensureServiceAccount();
  if (account) equal(statSync(`/proc/${redis.pid}`).uid, account.uid);
  await redis.stop();
  equal(readProcess(redis.pid), undefined);
});

test('one that an earlier Studio left on the socket is ended', async () => {
  const first = await startRedis(optionsAt('b'));
  const second = await startRedis({ ...optionsAt('b'), password: 'another' });
  equal((await first.exited).signal, 'SIGKILL');
  equal(await answersPing(second.socketPath, 'another'), true);
  await second.stop();
});

test('another workspace on the machine is left alone', async () => {
  const other = await startRedis(optionsAt('c'));
  const own = await startRedis(optionsAt('d'));
  equal(await answersPing(other.socketPath, 'of-this-start'), true);
  deepEqual([(await own.stop()).code, (await other.stop()).code], [0, 0]);
});

test('a program that is none is told', async () => {
  await rejects(startRedis({ ...optionsAt('e'), program: '/bin/false' }), /Redis ended while starting \(exit code 1\)/);
});
