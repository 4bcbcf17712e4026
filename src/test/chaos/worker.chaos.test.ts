import { deepEqual, equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asObject, createApiClient, itemsOf } from '../api-client.ts';
import { bundlePath, type Studio } from '../studio-process.ts';
import { startWorkerRig, type WorkerRig } from '../worker-rig.ts';

let rig: WorkerRig;

before(async () => {
  rig = await startWorkerRig(['one']);
});
after(() => rig?.close());

/** Only runs jobs, on the same workspace. */
function workerOf(): Studio {
  const [worker] = rig.workers;
  if (worker === undefined) throw new Error('the rig has no worker');
  return worker;
}

async function ended(id: string): Promise<Record<string, unknown>> {
  for (;;) {
    const job = await rig.client.expect(200, 'GET', `/api/v1/jobs/${id}`);
    if (['completed', 'failed', 'cancelled', 'dead'].includes(String(job['status']))) return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('a worker runs the jobs and steps of a Studio that runs none, and what they leave is read there', async () => {
  const [workflow] = itemsOf(await rig.client.expect(200, 'GET', '/api/v1/workflows'));
  const run = await rig.client.call('POST', `/api/v1/workflows/${String(workflow?.['id'])}/instances?wait=90`, { body: { input: {} } });
  equal(asObject(run.body)['status'], 'completed', run.text);
  equal((await rig.client.call('PUT', '/api/v1/secrets/WORD', { body: { value: 'quite-a-secret-word' } })).status < 300, true);
  const id = await rig.submit({ script: 'echo "in $WORD"; echo kept > "$STUDIO_ARTIFACTS/left.txt"', env: { WORD: '{{ secrets.WORD }}' } });
  const job = await ended(id);
  equal(job['status'], 'completed');
  const log = (await rig.client.call('GET', `/api/v1/jobs/${id}/log`)).text;
  match(log, /^in /);
  equal(log.includes('quite-a-secret-word'), false);
  const [artifact] = itemsOf(await rig.client.expect(200, 'GET', `/api/v1/jobs/${id}/artifacts`));
  equal((await rig.client.call('GET', `/api/v1/artifacts/${String(artifact?.['id'])}`)).text, 'kept\n');
  const workers = itemsOf(await rig.client.expect(200, 'GET', '/api/v1/workers'));
  deepEqual(workers.map((one) => one['builtIn']).toSorted(), [false, true]);
});

test('it answers for its health alone', async () => {
  const anonymous = createApiClient(workerOf().url);
  equal((await anonymous.call('GET', '/health')).status, 200);
  const reply = await createApiClient(workerOf().url, rig.client.token).call('GET', '/api/v1/workflows');
  equal(reply.status, 404);
  match(reply.text, /only runs jobs/);
});

test('killed and started again it finds its job, which is begun once and ends once', async () => {
  const flag = join(rig.folder, 'go-on');
  const id = await rig.submit({ script: `echo begin; while [ ! -e ${flag} ]; do sleep 0.1; done; echo end` });
  for (;;) {
    if ((await rig.client.call('GET', `/api/v1/jobs/${id}/log`)).text.includes('begin')) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await workerOf().kill();
  await workerOf().start();
  writeFileSync(flag, '');
  const job = await ended(id);
  equal(job['status'], 'completed');
  equal((await rig.client.call('GET', `/api/v1/jobs/${id}/log`)).text, 'begin\nend\n');
  equal(job['attempts'], 1);
  equal(existsSync(join(rig.studio.workspace, 'workers/one/jobs/worker-id')), true);
});

test('without the database or the key of a Studio a worker refuses to start, and says what is missing', () => {
  let said = '';
  try {
    execFileSync(process.execPath, [bundlePath, 'start'], {
      env: { PATH: process.env['PATH'] ?? '', HOME: rig.folder, WORKSPACE_PATH: rig.folder, STUDIO_ROLE: 'worker' },
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    said = String((error as { readonly stderr?: unknown }).stderr);
  }
  match(said, /STUDIO_ROLE=worker needs DATABASE_URL/);
  match(said, /STUDIO_ROLE=worker needs CREDENTIAL_ENCRYPTION_KEY/);
});
