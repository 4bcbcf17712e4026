/** What becomes of running jobs when Studio is killed, stopped, or cut off from its database. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import pg from 'pg';
import { jobsHarness, type JobsHarness } from '../test/jobs-harness.ts';

async function idleHarness(context: TestContext): Promise<JobsHarness> {
  const harness = await jobsHarness({}, { isIdle: true });
  harness.secrets.set('TOKEN', 'kept-secret-value');
  context.after(() => harness.close());
  return harness;
}

/** A Studio of this workspace that is there to be killed. */
async function otherStudio(harness: JobsHarness, workspacePath = harness.workspacePath): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../test/jobs-child.ts')], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin?.end(JSON.stringify({ workspacePath, roles: harness.roles }));
  const claims = child.stdout === null ? Promise.resolve() : once(child.stdout, 'data');
  await Promise.race([claims, once(child, 'exit').then(([code]) => Promise.reject(new Error(`the other Studio ended (exit code ${code}) before it claimed`)))]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** A marker that a script appends to: how often it really ran. */
function marker(harness: JobsHarness, name: string): { path: string; count: () => number } {
  const path = join(harness.shared, name);
  writeFileSync(path, '');
  harness.openToAll(path);
  return { path, count: () => readFileSync(path, 'utf8').split('\n').length - 1 };
}

test('a running job outlives a killed Studio: the next one finds the same process, carries its log on, and records its end', async (context) => {
  const harness = await idleHarness(context);
  const runs = marker(harness, 'runs');
  const studio = await otherStudio(harness);
  const { job } = await harness.submit({
    script: `echo x >> ${runs.path}; echo before; echo "$T"; while [ ! -e ${harness.shared}/go ]; do sleep 0.05; done; echo after; echo "$T"; echo made > "$STUDIO_ARTIFACTS/a.txt"`,
    env: { T: '{{ secrets.TOKEN }}' },
  });
  await harness.until(async () => (await harness.log(job.id)).includes('[redacted]'));
  const before = await harness.shimOf(job.id);
  await kill(studio);
  assert.equal(harness.isAlive(before ?? 0), true);
  await harness.restart();
  assert.equal(await harness.shimOf(job.id), before);
  writeFileSync(join(harness.shared, 'go'), '');
  const end = await harness.ended(job.id);
  assert.equal(end.job.status, 'completed');
  assert.equal(end.job.attempts, 1);
  assert.equal(end.result?.stdout, 'before\n[redacted]\nafter\n[redacted]\n');
  assert.equal(await harness.log(job.id), 'before\n[redacted]\nafter\n[redacted]\n');
  assert.deepEqual(
    end.result?.artifacts.map((one) => one.name),
    ['a.txt'],
  );
  assert.equal(runs.count(), 1);
});

test('a job that ended while Studio was dead is recorded from what it left, not run again', async (context) => {
  const harness = await idleHarness(context);
  const runs = marker(harness, 'runs');
  const studio = await otherStudio(harness);
  const { job } = await harness.submit({ script: `echo x >> ${runs.path}; sleep 0.5; echo made > "$STUDIO_ARTIFACTS/a.txt"; exit 4` });
  await harness.until(() => runs.count() === 1);
  await harness.until(async () => (await harness.shimOf(job.id)) !== undefined);
  const shim = (await harness.shimOf(job.id)) ?? 0;
  await kill(studio);
  await harness.until(() => !harness.isAlive(shim));
  assert.equal((await harness.read(job.id)).status, 'running');
  await harness.restart();
  const end = await harness.ended(job.id);
  assert.equal(end.job.status, 'failed');
  assert.equal(end.job.exitCode, 4);
  assert.deepEqual(
    end.result?.artifacts.map((one) => one.name),
    ['a.txt'],
  );
  assert.equal(runs.count(), 1);
});

test('a job whose process vanished with Studio runs again, and nothing of the first attempt is left', async (context) => {
  const harness = await idleHarness(context);
  const runs = marker(harness, 'runs');
  const studio = await otherStudio(harness);
  const { job } = await harness.submit({ script: `echo x >> ${runs.path}; [ $(wc -l < ${runs.path}) -gt 1 ] || sleep 300` });
  await harness.until(async () => runs.count() === 1 && (await harness.shimOf(job.id)) !== undefined);
  const shim = (await harness.shimOf(job.id)) ?? 0;
  await kill(studio);
  // The shim alone: what it stood over lives on, an orphan.
  process.kill(shim, 'SIGKILL');
  await harness.until(() => !harness.isAlive(shim));
  const orphans = harness.processesOf(job.id);
  assert.ok(orphans.length > 0);
  await harness.restart();
  const end = await harness.ended(job.id);
  assert.equal(end.job.status, 'completed');
  assert.equal(end.job.attempts, 2);
  assert.equal(runs.count(), 2);
  assert.deepEqual(
    orphans.filter((pid) => harness.isAlive(pid)),
    [],
  );
});

test('a found job can be cancelled, and one whose time ran out while Studio was dead is ended for that', async (context) => {
  const harness = await idleHarness(context);
  const studio = await otherStudio(harness);
  const long = (await harness.submit({ command: ['sleep', '300'] })).job.id;
  const late = (await harness.submit({ command: ['sleep', '300'], timeoutMs: 1_000 })).job.id;
  await harness.until(async () => (await harness.shimOf(long)) !== undefined && (await harness.shimOf(late)) !== undefined);
  await kill(studio);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await harness.restart();
  assert.equal((await harness.ended(late)).job.reason, 'timeout');
  await harness.jobs.cancelJob({ orgId: harness.orgId, id: long, reason: 'enough' });
  assert.equal((await harness.ended(long)).job.status, 'cancelled');
  assert.deepEqual([...harness.processesOf(long), ...harness.processesOf(late)], []);
});

test('a Studio killed again and again under load loses no job, runs none twice that left a record, and leaves no process', async (context) => {
  const harness = await idleHarness(context);
  const runs = marker(harness, 'runs');
  const { ids } = await harness.submit({ script: `echo "$STUDIO_ARRAY_INDEX" >> ${runs.path}; sleep 0.3`, array: 30 });
  for (let round = 0; round < 6; round++) {
    const studio = await otherStudio(harness);
    await new Promise((resolve) => setTimeout(resolve, 150 + 90 * round));
    await kill(studio);
  }
  await harness.restart();
  const ends = await Promise.all(ids.map((id) => harness.settled(id)));
  assert.deepEqual(
    ends.map((job) => job.error?.message ?? job.status),
    ids.map(() => 'completed'),
  );
  const ran = readFileSync(runs.path, 'utf8').trim().split('\n');
  assert.equal(new Set(ran).size, 30);
  // Each attempt runs at most once; one that a kill kept from starting is not counted against the job.
  assert.ok(ran.length <= ends.reduce((sum, job) => sum + job.attempts, 0));
  assert.deepEqual(
    ids.flatMap((id) => harness.processesOf(id)),
    [],
  );
});

test('stopped with "stop", running jobs are ended and go back in line; stopped with "keep" they go on', async (context) => {
  const harness = await jobsHarness({ stopMode: 'stop' });
  context.after(() => harness.close());
  const { job } = await harness.submit({ command: ['sleep', '300'] });
  await harness.until(async () => (await harness.shimOf(job.id)) !== undefined);
  await harness.jobs.stop();
  assert.equal((await harness.read(job.id)).status, 'queued');
  assert.deepEqual(harness.processesOf(job.id), []);
  await harness.restart({ stopMode: 'keep' });
  await harness.until(async () => (await harness.shimOf(job.id)) !== undefined);
  const shim = await harness.shimOf(job.id);
  await harness.restart();
  assert.equal(await harness.shimOf(job.id), shim);
});

test('a worker whose lease lapsed loses its job to another, and writes nothing for it any more', async (context) => {
  const harness = await jobsHarness({ limits: { graceMs: 200, pollMs: 100, leaseMs: 1_500 } });
  context.after(() => harness.close());
  const { job } = await harness.submit({ command: ['sleep', '300'] });
  await harness.until(async () => (await harness.shimOf(job.id)) !== undefined);
  // As another machine would: the job is its own now.
  await harness.database.engine.query(
    `update jobs set worker_id = 'worker_elsewhere', attempts = attempts + 1, lease_expires_at = now() + interval '1 hour' where id = $1`,
    [job.id],
  );
  await harness.until(() => harness.processesOf(job.id).length === 0);
  const row = await harness.read(job.id);
  assert.equal(row.status, 'running');
  assert.equal(row.lease?.workerId, 'worker_elsewhere');
  assert.deepEqual(await harness.eventsOf(job.id), ['jobs:job:queued', 'jobs:job:started']);
  await harness.database.engine.query(`update jobs set lease_expires_at = now() - interval '1 second' where id = $1`, [job.id]);
  await harness.until(async () => (await harness.read(job.id)).lease?.workerId !== 'worker_elsewhere');
});

test('jobs go on and are recorded although every connection to the database is cut again and again', async (context) => {
  const harness = await jobsHarness();
  context.after(() => harness.close());
  const runs = marker(harness, 'runs');
  const { ids } = await harness.submit({ script: `echo x >> ${runs.path}; sleep 0.2`, array: 8 });
  const admin = new pg.Client({ connectionString: harness.adminUrl });
  await admin.connect();
  for (let cut = 0; cut < 15; cut++) {
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`);
    await new Promise((resolve) => setTimeout(resolve, 70));
  }
  await admin.end();
  const jobs = await Promise.all(ids.map((id) => harness.settled(id)));
  assert.deepEqual(
    jobs.map((job) => job.status),
    ids.map(() => 'completed'),
  );
  assert.equal(
    runs.count(),
    jobs.reduce((sum, job) => sum + job.attempts, 0),
  );
});

test('two Studios on one database share the slots of a queue: together they never run more', async (context) => {
  const harness = await idleHarness(context);
  await harness.jobs.patchQueue({ name: 'studio', patch: { slots: 3 }, requestId: 'req_1' });
  const elsewhere = mkdtempSync(join(tmpdir(), 'studio-jobs-'));
  chmodSync(elsewhere, 0o711);
  context.after(() => rmSync(elsewhere, { recursive: true, force: true }));
  const other = await otherStudio(harness, elsewhere);
  await harness.restart();
  const { ids } = await harness.submit({ script: 'sleep 0.3', array: 18 });
  let most = 0;
  await harness.until(async () => {
    const now = await harness.running(ids);
    most = Math.max(most, now);
    const jobs = await Promise.all(ids.map((id) => harness.read(id)));
    return jobs.every((job) => job.status === 'completed');
  });
  assert.ok(most > 0 && most <= 3, String(most));
  assert.equal((await harness.jobs.listWorkers()).length, 2);
  await kill(other);
});
