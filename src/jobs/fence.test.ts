/** What a process that even KILL does not end means for its job: real rows, a kernel that does not let go played by the port. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { listClaimed } from '../store/job-claims.ts';
import { silentLog } from '../test/database.ts';
import { jobsHarness } from '../test/jobs-harness.ts';
import { endWithProof } from './fence.ts';
import type { ProcessFacts } from '../kernel/process-identity.ts';
import type { endJobProcesses } from './job-processes.ts';

const harness = await jobsHarness();
after(() => harness.close());

test('a job whose process outlives KILL stays running and says why, until it is gone', async () => {
  const { job } = await harness.submit({ command: ['sleep', '300'] });
  await harness.until(async () => (await harness.shimOf(job.id)) !== undefined);
  const { rows } = await harness.database.engine.query<{ worker_id: string }>(`select worker_id from jobs where id = $1`, [job.id]);
  const [claimed] = await listClaimed(harness.database.engine, rows[0]?.worker_id ?? '');
  assert.ok(claimed);
  let looks = 0;
  const stuck: ProcessFacts = { pid: 4_242, started: '1', name: 'python', groupId: 1, parentPid: 1, isZombie: false };
  const end: typeof endJobProcesses = () => Promise.resolve({ ended: 2, survivors: ++looks < 3 ? [stuck] : [] });
  const parts = { clock: { ...systemClock, sleep: () => Promise.resolve() }, log: silentLog, database: harness.database };
  const waiting = endWithProof({ jobId: job.id, shim: undefined, uid: undefined }, claimed, { graceMs: 0, parts, signal: new AbortController().signal, end });
  assert.equal(await waiting, 2);
  assert.equal(looks, 3);
  const fenced = await harness.read(job.id);
  assert.equal(fenced.status, 'running');
  assert.equal(fenced.waitReason?.kind, 'fenced');
  assert.match(fenced.waitReason?.message ?? '', /process 4242 \(python\) of the job outlived KILL.*the slot and its memory stay taken/);
  await harness.jobs.cancelJob({ orgId: harness.orgId, id: job.id, reason: 'enough' });
  assert.equal((await harness.settled(job.id)).waitReason, undefined);
});
