/** Submissions that make many jobs, and jobs that wait for others, as real processes on a real database. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { jobsHarness } from '../test/jobs-harness.ts';
import { countOf } from './submit.ts';

const harness = await jobsHarness();
after(() => harness.close());
const { submit, ended, settled, read, log } = harness;
const orgId = harness.orgId;
const refusal = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === code && message.test(error.message);

test('a matrix is one job a combination, with its values in arguments, environment and name', async () => {
  const { ids, job, groupId } = await submit({
    name: 'lr={{ matrix.lr }}',
    command: ['sh', '-c', 'echo "$0 $LR $STUDIO_MATRIX_opt $STUDIO_ARRAY_INDEX/$STUDIO_ARRAY_SIZE"', '{{ matrix.lr }}'],
    env: { LR: 'x{{matrix.lr}}' },
    matrix: { lr: [0.1, 0.01], opt: ['adam', 'sgd'] },
  });
  assert.equal(ids.length, 4);
  assert.match(groupId ?? '', /^grp_/);
  assert.deepEqual(job.group, { id: groupId, index: 0, size: 4, matrix: { lr: 0.1, opt: 'adam' } });
  const ends = await Promise.all(ids.map((id) => ended(id)));
  assert.deepEqual(
    ends.map((end) => end.result?.stdout.trim()),
    ['0.1 x0.1 adam 0/4', '0.1 x0.1 sgd 1/4', '0.01 x0.01 adam 2/4', '0.01 x0.01 sgd 3/4'],
  );
  assert.deepEqual(
    ends.map((end) => end.job.name),
    ['lr=0.1', 'lr=0.1', 'lr=0.01', 'lr=0.01'],
  );
});

test('a value of a matrix never becomes part of a script', async () => {
  const { ids } = await submit({ script: 'echo "{{ matrix.x }} $STUDIO_MATRIX_x"', matrix: { x: ['$(id)'] } });
  assert.equal((await ended(ids[0] ?? '')).result?.stdout, '{{ matrix.x }} $(id)\n');
});

test('what makes too many jobs, or no sense, is refused with the limit', async () => {
  const values = Array.from({ length: 101 }, (_, index) => index);
  assert.throws(
    () => countOf({ matrix: { a: values, b: values } }),
    refusal('invalid_body', /101 × 101 values make 10201 jobs; the limit of one submission is 10000/),
  );
  await assert.rejects(submit({ command: ['true'], array: 2, matrix: { a: [1] } }), refusal('invalid_body', /not both/));
  await assert.rejects(submit({ command: ['echo', '{{ matrix.b }}'], matrix: { a: [1] } }), refusal('invalid_body', /the matrix has no "b", only a/));
  await assert.rejects(submit({ script: 'x'.repeat(1_000_000), array: 100 }), refusal('too_large', /limit of one submission/));
  await assert.rejects(submit({ command: ['true'], python: 'python3' }), refusal('invalid_body', /requirements/));
});

test('a group is cancelled as one, and what did not complete is queued again as one', async () => {
  const { ids, groupId = '' } = await submit({ script: 'test "$STUDIO_ARRAY_INDEX" = 0 || test "$STUDIO_ATTEMPT" -gt 8 || sleep 300', array: 6 });
  await settled(ids[0] ?? '');
  const cancelled = await harness.jobs.cancelGroup({ orgId, id: groupId, requestId: 'req_1' });
  assert.equal(cancelled.size, 6);
  assert.equal(cancelled.counts.queued, 0);
  const ends = await Promise.all(ids.map((id) => settled(id)));
  assert.deepEqual(ends.map((job) => job.status).toSorted(), ['cancelled', 'cancelled', 'cancelled', 'cancelled', 'cancelled', 'completed']);
  const again = await harness.jobs.retryGroup({ orgId, id: groupId, requestId: 'req_2' });
  assert.equal(again.counts.completed, 1);
  assert.equal(again.counts.queued + again.counts.running, 5);
  await harness.jobs.cancelGroup({ orgId, id: groupId, requestId: 'req_3' });
  await assert.rejects(harness.jobs.cancelGroup({ orgId, id: 'grp_none', requestId: 'req_4' }), refusal('not_found', /no group/));
});

test('a job starts when all it waits for have completed, and says meanwhile for whom it waits', async () => {
  writeFileSync(`${harness.shared}/order`, '');
  harness.openToAll(`${harness.shared}/order`);
  const first = await submit({ name: 'prepare', script: `until test -e ${harness.shared}/go; do sleep 0.05; done; echo first >> ${harness.shared}/order` });
  const both = await submit({ script: `echo second >> ${harness.shared}/order`, array: 2, dependsOn: [first.job.id] });
  const last = await submit({ script: `cat ${harness.shared}/order; echo last`, dependsOn: [both.groupId ?? '', first.job.id] });
  assert.equal(last.job.blockedBy, 3);
  const [explained] = await harness.jobs.explain([await read(last.job.id)]);
  assert.equal(explained?.waitReason?.kind, 'dependency');
  assert.match(
    explained?.waitReason?.message ?? '',
    new RegExp(`^waits for "prepare" ${first.job.id} \\((running|queued)\\) to complete, and for 2 more jobs$`),
  );
  assert.equal((await ended((await submit({ command: ['touch', `${harness.shared}/go`] })).job.id)).job.status, 'completed');
  assert.equal((await ended(last.job.id)).result?.stdout, 'first\nsecond\nsecond\nlast\n');
});

test('the end of a job wakes the queues of those that waited for it, whichever those are', async () => {
  // Nobody looks by himself for as long as the test runs.
  const other = await jobsHarness({ limits: { graceMs: 500, pollMs: 600_000 } });
  try {
    await other.jobs.patchQueue({ name: 'late', patch: { slots: 1 }, requestId: 'req_test' });
    const first = await other.submit({ script: `until [ -e ${other.shared}/go ]; do sleep 0.02; done` });
    const next = await other.submit({ command: ['true'], queue: 'late', dependsOn: [first.job.id] });
    const never = await other.submit({ command: ['sleep', '60'], queue: 'late', dependsOn: [next.job.id] });
    const after = await other.submit({ command: ['true'], dependsOn: [{ id: never.job.id, condition: 'afterany' }] });
    writeFileSync(`${other.shared}/go`, '');
    assert.equal((await other.settled(next.job.id)).status, 'completed');
    await other.jobs.cancelJob({ orgId: other.orgId, id: never.job.id, reason: 'not needed' });
    assert.equal((await other.settled(after.job.id)).status, 'completed');
  } finally {
    await other.close();
  }
});

test('a failed dependency ends what waits for it to complete, and what waits for that; what waits for any end runs', async () => {
  const bad = await submit({ script: 'sleep 0.3; exit 3' });
  const next = await submit({ command: ['true'], dependsOn: [bad.job.id] });
  const after = await submit({ command: ['true'], dependsOn: [{ id: next.job.id, condition: 'afterok' }] });
  const anyway = await submit({
    command: ['true'],
    dependsOn: [
      { id: bad.job.id, condition: 'afterany' },
      { id: after.job.id, condition: 'afterany' },
    ],
  });
  const ends = await Promise.all([next, after, anyway].map(({ job }) => settled(job.id)));
  assert.deepEqual(
    ends.map((job) => [job.status, job.reason]),
    [
      ['cancelled', 'dependency_failed'],
      ['cancelled', 'dependency_failed'],
      ['completed', undefined],
    ],
  );
  assert.match(ends[0]?.error?.message ?? '', new RegExp(`after ${bad.job.id} had completed, which ended as failed`));
  assert.deepEqual(await harness.eventsOf(after.job.id), ['jobs:job:queued', 'jobs:job:cancelled']);
  const retried = await harness.jobs.retry({ orgId, id: next.job.id, requestId: 'req_1' });
  assert.equal(retried.blockedBy, 1);
  await harness.jobs.cancelJob({ orgId, id: next.job.id, reason: 'enough' });
});

test('a dependency that can not be is refused at once', async () => {
  const bad = await settled((await submit({ command: ['false'] })).job.id);
  await assert.rejects(submit({ command: ['true'], dependsOn: [bad.id] }), refusal('unsatisfiable', /has ended as failed/));
  await assert.rejects(submit({ command: ['true'], dependsOn: ['job_none'] }), refusal('invalid_body', /dependsOn\[0\]: there is no job or group job_none/));
  assert.equal((await settled((await submit({ command: ['true'], dependsOn: [{ id: bad.id, condition: 'afterany' }] })).job.id)).status, 'completed');
});

test('what a job leaves in its checkpoint folder is there for its next attempt, and gone when it completed', async () => {
  const script =
    'ls -A "$STUDIO_CHECKPOINT"; echo "attempt $STUDIO_ATTEMPT" > "$STUDIO_CHECKPOINT/step-$STUDIO_ATTEMPT"; test "$STUDIO_ATTEMPT" = 3; cat "$STUDIO_CHECKPOINT"/*';
  const { job } = await submit({ script: `set -e; ${script}`, retry: { maxAttempts: 3, backoffMs: 1 } });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'completed');
  assert.equal(end.result?.stdout, 'step-1\nstep-2\nattempt 1\nattempt 2\nattempt 3\n');
  await harness.until(() => !existsSync(`${harness.workspacePath}/jobs/${job.id}/checkpoint`));
});

test('printed markers set progress, metrics and result, and stay in the log', async () => {
  const lines = [
    '::progress 25%::',
    ...Array.from({ length: 3 }, (_, step) => `::metric loss=${1 / (step + 1)} step=${step}::`),
    'no ::progress 0.9::',
    '::result {"a": [1]}::',
  ];
  const { job } = await submit({ script: `printf '%s\\n' '${lines.join("' '")}'; exit 0` });
  const end = await ended(job.id);
  assert.deepEqual(end.result?.result, { a: [1] });
  assert.equal(end.job.metrics?.['step'], 2);
  assert.equal(await log(job.id), `${lines.join('\n')}\n`);
  const { rows } = await harness.database.engine.query<{ name: string; step: number; value: number }>(
    `select name, step, value from job_metrics where job_id = $1 order by n`,
    [job.id],
  );
  assert.deepEqual(
    rows.map(({ name, step, value }) => [name, step, value]),
    [
      ['loss', 0, 1],
      ['loss', 1, 0.5],
      ['loss', 2, 1 / 3],
    ],
  );
});

test('many jobs that end at once and share their dependents settle each of them once', async () => {
  const first = await submit({ command: ['true'], array: 12 });
  const second = await submit({ command: ['true'], array: 12, dependsOn: [first.groupId ?? ''] });
  const bad = await submit({ script: 'exit "$STUDIO_ARRAY_INDEX"', array: 6 });
  const third = await submit({ command: ['true'], array: 12, dependsOn: [second.groupId ?? '', bad.groupId ?? ''] });
  const ends = await Promise.all([...second.ids, ...third.ids].map((id) => settled(id)));
  assert.deepEqual(
    ends.map((job) => job.status),
    [...second.ids.map(() => 'completed'), ...third.ids.map(() => 'cancelled')],
  );
  for (const id of third.ids) assert.deepEqual(await harness.eventsOf(id), ['jobs:job:queued', 'jobs:job:cancelled']);
});
