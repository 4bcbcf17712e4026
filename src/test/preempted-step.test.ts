/** A step's job that gives way: the whole application with real processes on a fake card. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Job } from '../contract/jobs.ts';
import type { Step } from '../contract/instances.ts';
import { asObject, itemsOf, type ApiClient } from './api-client.ts';
import { startApp, type TestApp } from './app.ts';
import { fakeGpu } from './fake-gpu.ts';

const GIB = 1024 ** 3;
const ends: (() => void)[] = [];
let app: TestApp;
let client: ApiClient;
let shared: string;
before(async () => {
  fakeGpu({ after: (end) => void ends.push(end) }, 'one-24gb').onPath();
  shared = mkdtempSync(join(tmpdir(), 'studio-preempted-'));
  chmodSync(shared, 0o755);
  app = await startApp();
  client = app.people.superAdmin.client;
});
after(async () => {
  await app.close();
  rmSync(shared, { recursive: true, force: true });
  for (const end of ends) end();
});

const stepOf = async (instance: string): Promise<Step | undefined> =>
  (itemsOf(await client.expect(200, 'GET', `/api/v1/instances/${instance}/steps`)) as unknown as Step[])[0];

async function stepIs(instance: string, isSo: (step: Step) => boolean): Promise<Step> {
  for (;;) {
    const step = await stepOf(instance);
    if (step !== undefined && isSo(step)) return step;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

test('a preemptible step gives way to what matters more, says so and for whom, and goes on from its checkpoint; no attempt is counted', async () => {
  const train = {
    key: 'train',
    type: 'command',
    queue: 'gpu',
    priority: 10,
    preemptible: true,
    timeoutMs: 600_000,
    resources: { vramBytes: 15 * GIB },
    params: { script: 'if [ -e "$STUDIO_CHECKPOINT/at" ]; then cat "$STUDIO_CHECKPOINT/at"; exit 0; fi; echo 7 > "$STUDIO_CHECKPOINT/at"; sleep 600' },
  };
  const workflow = await client.expect(201, 'POST', '/api/v1/workflows', { name: 'Train', nodes: [train], edges: [] });
  const started = await client.expect(201, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances`, {});
  const id = String(started['id']);
  const running = await stepIs(id, ({ status }) => status === 'running');
  equal(((await client.expect(200, 'GET', `/api/v1/jobs/${running.jobId}`)) as unknown as Job).preemptible, true);
  const gate = join(shared, 'gate');
  const urgent = await client.expect(201, 'POST', '/api/v1/jobs', {
    ...{ name: 'urgent', queue: 'gpu', priority: 'critical', resources: { vramBytes: 15 * GIB }, timeoutMs: 600_000 },
    script: `looks=0; while [ ! -e ${gate} ] && [ $looks -lt 3000 ]; do sleep 0.02; looks=$((looks + 1)); done`,
  });
  const urgentId = String(asObject(urgent['job'])['id']);
  const waiting = await stepIs(id, ({ status }) => status === 'queued');
  deepEqual([waiting.attempt, waiting.startedAt, waiting.jobId, waiting.waitReason?.kind], [1, null, running.jobId, 'preempted']);
  match(waiting.waitReason?.message ?? '', new RegExp(`preempted: its room is needed for "urgent" ${urgentId}`));
  writeFileSync(gate, '');
  const ended = await stepIs(id, ({ status }) => status === 'completed' || status === 'failed');
  deepEqual([ended.status, ended.attempt], ['completed', 1]);
  const job = (await client.expect(200, 'GET', `/api/v1/jobs/${running.jobId}`)) as unknown as Job;
  deepEqual([job.status, job.attempts], ['completed', 2]);
  const log = await client.call('GET', `/api/v1/jobs/${running.jobId}/log`);
  match(log.text, /^\[studio\] attempt 2\n7\n$/m);
  const events = await client.expect(200, 'GET', `/api/v1/instances/${id}/steps`);
  equal(itemsOf(events).length, 1);
});
