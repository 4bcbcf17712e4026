import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceSummary } from '../../src/contract/instances.ts';
import type { Job } from '../../src/contract/jobs.ts';
import { failedLines, runningLines, waitingLines } from './work-lines.ts';

const instance = (id: string, more: object = {}): InstanceSummary =>
  ({
    id,
    workflowId: 'wf_1',
    workflowName: 'Nightly',
    status: 'running',
    createdAt: `2026-01-01T00:00:0${id.at(-1)}.000Z`,
    startedAt: null,
    endedAt: null,
    ...more,
  }) as InstanceSummary;
const job = (id: string, more: object = {}): Job =>
  ({ id, type: 'command', queue: 'gpu', status: 'running', createdAt: `2026-01-01T00:00:0${id.at(-1)}.000Z`, startedAt: null, endedAt: null, ...more }) as Job;

test('instances and direct jobs that run stand together, newest first; the job of a step is told by its instance', () => {
  const lines = runningLines([instance('inst_1'), instance('inst_3')], [job('job_2', { name: 'train', progress: 40 }), job('job_4', { instanceId: 'inst_3' })]);
  assert.deepEqual(
    lines.map(({ title, path, progress }) => [title, path, progress]),
    [
      ['Nightly', '/instances/inst_3', undefined],
      ['train', '/jobs/job_2', 0.4],
      ['Nightly', '/instances/inst_1', undefined],
    ],
  );
});

test('what waits for the same is one line with a count that leads to the list, times in the reason aside', () => {
  const waits = (id: string, until: string) => instance(id, { status: 'waiting', waiting: { message: `step wait: until ${until}` } });
  const lines = waitingLines([waits('inst_1', '2026-01-02T01:00:00Z'), waits('inst_2', '2026-01-02T02:00:00Z'), instance('inst_3', { status: 'paused' })], []);
  assert.deepEqual(
    lines.map(({ count, path, note }) => [count, path, note]),
    [
      [1, '/instances/inst_3', 'Paused by hand; resume it to go on.'],
      [2, `/instances?filter=${encodeURIComponent('workflow:wf_1 status:waiting')}`, 'step wait: until 2026-01-02T02:00:00Z'],
    ],
  );
});

test('a failure says where and why, and another failure of the same workflow is another line', () => {
  const failed = (id: string, message: string) =>
    instance(id, { status: 'failed', endedAt: `2026-01-01T01:00:0${id.at(-1)}.000Z`, error: { code: 'x', message, step: 'load' } });
  const lines = failedLines(
    [failed('inst_1', 'no file'), failed('inst_2', 'no space')],
    [job('job_3', { status: 'failed', error: { code: 'x', message: 'exit 3' } })],
  );
  assert.deepEqual(
    lines.map(({ title, note }) => [title, note]),
    [
      ['Nightly', 'load: no space'],
      ['Nightly', 'load: no file'],
      ['command on gpu', 'exit 3'],
    ],
  );
});
