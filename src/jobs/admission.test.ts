import { deepEqual, equal, match, notEqual, rejects } from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { claimJobs } from '../store/job-claims.ts';
import { judgeWorker, listWorkers } from '../store/workers.ts';
import { silentLog } from '../test/database.ts';
import { jobsHarness } from '../test/jobs-harness.ts';
import { admitWorkers, workerProof } from './admission.ts';
import { explainJobs } from './explain.ts';
import { letIn, shutOut } from './shut-out.ts';

const OURS = 'a'.repeat(64);
const refusals: (string | null)[] = [];
const joining = (secret: string) => ({
  isBuiltIn: false,
  queues: [],
  proofFor: (id: string) => workerProof(secret, id),
  onRefused: (reason: string | null) => void refusals.push(reason),
});
const harness = await jobsHarness({ worker: joining('b'.repeat(64)) });
after(() => harness.close());

const admit = (): Promise<void> => admitWorkers({ database: harness.database, clock: systemClock, log: silentLog, secret: OURS });
const worker = async () => (await listWorkers(harness.database.engine))[0];
const reasonOf = async (id: string): Promise<string> => {
  const [job] = await explainJobs([await harness.read(id)], { database: harness.database, ledger: harness.ledger, clock: systemClock });
  return job?.waitReason?.message ?? '';
};

test('a worker with another secret takes nothing, and the jobs that wait say why', async () => {
  const { job } = await harness.submit({ command: ['true'] });
  deepEqual([(await worker())?.joined, await reasonOf(job.id)], [false, 'no worker serves the queue studio']);
  await admit();
  await harness.until(() => Promise.resolve(refusals.length > 0));
  match(refusals.at(-1) ?? '', /WORKER_SHARED_SECRET is not that of this Studio/);
  match(await reasonOf(job.id), /no worker serves the queue studio; a worker on \S+ may not join: its WORKER_SHARED_SECRET is not that/);
  equal((await harness.read(job.id)).status, 'queued');
});

test('with the right one it joins and works; the proof of another worker is none', async () => {
  const { job } = await harness.submit({ command: ['true'] });
  await harness.restart({ worker: joining(OURS) });
  equal((await worker())?.joined, false);
  await admit();
  await harness.until(async () => (await harness.read(job.id)).attempts === 1);
  deepEqual([(await worker())?.joined, (await worker())?.refusal], [true, undefined]);
  notEqual(workerProof(OURS, 'worker_a'), workerProof(OURS, 'worker_b'));
});

test('one that was let in need not be judged again after a restart; one that was shut out asks anew when it starts', async () => {
  await harness.restart({ worker: joining(OURS) });
  const { job } = await harness.submit({ command: ['true'] });
  await harness.until(async () => (await harness.read(job.id)).attempts === 1);
  const id = (await worker())?.id ?? '';
  const seen = refusals.length;
  equal(await judgeWorker(harness.database.engine, { id, refusal: 'shut out by ann', now: new Date() }), true);
  await harness.restart({ worker: { ...joining(OURS), queues: ['none'] } });
  // A start asks anew: whoever knows the secret is let in again.
  await admit();
  deepEqual([(await worker())?.joined, refusals.slice(seen).includes('shut out by ann')], [true, false]);
});

test('one that an administrator shut out takes nothing, whatever it knows and however often it starts, until it is let in again', async () => {
  await harness.restart({ worker: joining(OURS) });
  await admit();
  await harness.until(async () => (await worker())?.joined === true);
  const id = (await worker())?.id ?? '';
  const by = { actor: 'usr_ann', orgId: harness.orgId, address: '192.0.2.1' };
  const parts = { database: harness.database, clock: systemClock };
  const shut = await shutOut(parts, { id, reason: 'its disk fails', ...by });
  deepEqual([shut.joined, shut.refusal, shut.shutOut?.by], [false, 'an administrator shut it out: its disk fails', 'usr_ann']);
  // Not even a claim that is on its way.
  const { job } = await harness.submit({ command: ['true'] });
  const claim = { queue: 'studio', workerId: id, limit: 5, nowMs: systemClock.now(), leaseMs: 30_000 };
  deepEqual(await harness.database.engine.transaction((sql) => claimJobs(sql, claim)), []);
  await harness.restart({ worker: joining(OURS) });
  await admit();
  await harness.until(() => Promise.resolve(refusals.at(-1) === 'an administrator shut it out: its disk fails'));
  match(await reasonOf(job.id), /an administrator shut it out: its disk fails/);
  deepEqual([(await worker())?.joined, (await harness.read(job.id)).status], [false, 'queued']);
  await letIn(parts, { id, ...by });
  await harness.until(async () => (await harness.read(job.id)).attempts === 1);
  deepEqual([(await worker())?.joined, (await worker())?.shutOut], [true, undefined]);
  await rejects(letIn(parts, { id, ...by }), /was not shut out by anybody/);
  await rejects(shutOut(parts, { id: 'worker_none', reason: '', ...by }), /There is no worker worker_none/);
  const { rows } = await harness.database.engine.query<{ action: string; actor: string }>(`select action, actor from audit where target = $1 order by id`, [
    id,
  ]);
  deepEqual(rows, [
    { action: 'worker.deregistered', actor: 'usr_ann' },
    { action: 'worker.admitted', actor: 'usr_ann' },
  ]);
});
