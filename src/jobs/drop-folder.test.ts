/** Jobs by files, on a real folder. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Job } from '../contract/jobs.ts';
import { systemClock } from '../kernel/clock.ts';
import { jobsHarness } from '../test/jobs-harness.ts';

// Two looks a tenth of a second apart in place of two seconds; what is young stays young.
const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms === 2_000 ? 100 : ms, signal) };
const harness = await jobsHarness({ takesDrops: true, clock });
after(() => harness.close());
const root = join(harness.workspacePath, 'jobs', 'drop');
const drop = (name: string, text: string): void => writeFileSync(join(root, 'pending', name), text);
const resultOf = async (folder: 'done' | 'failed', name: string) => {
  const path = join(root, folder, `${name}.result.json`);
  await harness.until(() => existsSync(path) && existsSync(join(root, folder, `${name}.json`)));
  return JSON.parse(readFileSync(path, 'utf8')) as { jobs?: Job[]; error?: { code: string; message: string }; count?: number };
};

test('a dropped file runs and ends in done, with its result beside it; one that fails ends in failed', async () => {
  drop('good.json', JSON.stringify({ name: 'by file', command: ['true'], array: 3 }));
  drop('bad exit.json', JSON.stringify({ script: 'exit 4' }));
  const good = await resultOf('done', 'good');
  assert.equal(good.count, 3);
  assert.deepEqual(
    good.jobs?.map((job) => [job.status, job.name]),
    Array(3).fill(['completed', 'by file']),
  );
  const bad = await resultOf('failed', 'bad exit');
  assert.deepEqual(
    bad.jobs?.map((job) => [job.status, job.exitCode]),
    [['failed', 4]],
  );
  assert.deepEqual(readdirSync(join(root, 'running')), []);
});

test('what is refused goes to failed with the reason', async () => {
  drop('unknown.json', '{"comand": ["true"]}');
  drop('nothing.json', '{}');
  drop('queue.json', '{"command": ["true"], "queue": "nowhere"}');
  symlinkSync('/etc/passwd', join(root, 'pending', 'link.json'));
  assert.match((await resultOf('failed', 'unknown')).error?.message ?? '', /comand/);
  assert.equal((await resultOf('failed', 'nothing')).error?.code, 'invalid_body');
  assert.match((await resultOf('failed', 'queue')).error?.message ?? '', /no queue "nowhere"/);
  const link = join(root, 'failed', 'link.result.json');
  await harness.until(() => existsSync(link));
  assert.match(readFileSync(link, 'utf8'), /links are not followed/);
});

test('a half-written file waits until it is whole; other names are left alone', async () => {
  drop('half.json', '{"command": ["tr');
  drop('.hidden.json', '{}');
  drop('note.txt', 'x');
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(readdirSync(join(root, 'pending')).toSorted(), ['.hidden.json', 'half.json', 'note.txt']);
  drop('half.json', '{"command": ["true"]}');
  assert.equal((await resultOf('done', 'half')).jobs?.[0]?.status, 'completed');
});

test('a file found in running by a new Studio is submitted once, whatever the last one came to', async () => {
  const order = join(harness.shared, 'runs');
  writeFileSync(order, '');
  harness.openToAll(order);
  await harness.jobs.stop();
  writeFileSync(join(root, 'running', 'left.json'), JSON.stringify({ script: `echo ran >> ${order}` }));
  await harness.restart();
  await resultOf('done', 'left');
  // Killed after its jobs ran and before the file moved.
  const { jobs } = await resultOf('done', 'left');
  await harness.jobs.stop();
  renameSync(join(root, 'done', 'left.json'), join(root, 'running', 'left.json'));
  writeFileSync(join(root, 'running', '.left.json.state'), JSON.stringify({ ids: [jobs?.[0]?.id], groupId: 'grp_1' }));
  await harness.restart();
  await resultOf('done', 'left');
  assert.equal(readFileSync(order, 'utf8'), 'ran\n');
});

test('nothing is taken while others can write there, nor what belongs to somebody else', { skip: process.getuid?.() !== 0 }, async () => {
  chmodSync(join(root, 'pending'), 0o770);
  drop('later.json', '{"command": ["true"]}');
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.ok(existsSync(join(root, 'pending', 'later.json')));
  chmodSync(join(root, 'pending'), 0o700);
  await resultOf('done', 'later');
  drop('foreign.json', '{"command": ["true"]}');
  chownSync(join(root, 'pending', 'foreign.json'), 12_345, 12_345);
  assert.match((await resultOf('failed', 'foreign')).error?.message ?? '', /belongs to the user 12345/);
});

test('where the volume of the workspace knows no modes the folder is elsewhere', async () => {
  const elsewhere = join(harness.shared, 'state', 'drop');
  await harness.restart({ takesDrops: true, clock, dropPath: elsewhere });
  writeFileSync(join(elsewhere, 'pending', 'there.json'), JSON.stringify({ command: ['true'] }));
  await harness.until(() => existsSync(join(elsewhere, 'done', 'there.result.json')));
  assert.equal(statSync(elsewhere).mode & 0o777, 0o700);
});
