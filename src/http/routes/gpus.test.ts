import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import { asObject, itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { fakeGpu, type FakeGpu } from '../../test/fake-gpu.ts';

const ends: (() => void)[] = [];
let app: TestApp;
let gpu: FakeGpu;
before(async () => {
  gpu = fakeGpu({ after: (end) => void ends.push(end) }, 'eight-80gb');
  gpu.onPath();
  app = await startApp();
});
after(async () => {
  await app.close();
  for (const end of ends) end();
});

/** Until the devices have been looked at again. */
async function until(isSo: (items: readonly Record<string, unknown>[]) => boolean): Promise<readonly Record<string, unknown>[]> {
  for (;;) {
    const items = itemsOf(await app.people.user.client.expect(200, 'GET', '/api/v1/gpus'));
    if (isSo(items)) return items;
    await systemClock.sleep(100);
  }
}

test('devices are listed with what was looked for and what others use of them', async () => {
  gpu.setProcesses([{ uuid: gpu.uuids[0] ?? '', pid: 999_999, memoryMib: 1_000, name: 'python' }]);
  const [first, ...rest] = await until((items) => items[0]?.['memoryExternalBytes'] === 1_004 * 1_048_576);
  assert.deepEqual([first?.['index'], first?.['state'], first?.['name'], rest.length], [0, 'ok', 'NVIDIA H100 80GB HBM3', 7]);
  assert.deepEqual(first?.['processes'], [{ pid: 999_999, name: 'python', memoryBytes: 1_000 * 1_048_576, tenant: null }]);
  const body = asObject(await app.people.user.client.expect(200, 'GET', '/api/v1/gpus?limit=3'));
  assert.deepEqual([itemsOf(body).length, body['next']], [3, gpu.uuids[2]]);
  assert.deepEqual(body['detection'], {
    program: 'nvidia-smi',
    lookedFor: [{ program: 'nvidia-smi', found: true, about: '8 devices' }],
    faults: [],
    unknown: null,
  });
});

test('a lost device is told as an event of the machine, and its metrics with it', async () => {
  const lost = gpu.uuids[7] ?? '';
  gpu.lose(lost);
  await until((items) => items[7]?.['state'] === 'lost');
  const told = async (): Promise<Record<string, unknown>> => {
    const { rows } = await app.admin.query<{ payload: string }>(
      `select payload from outbox where type = 'gpu:device:changed' and id = $1 order by position desc limit 1`,
      [lost],
    );
    return asObject(JSON.parse(rows[0]?.payload ?? '{}'));
  };
  while ((await told())['state'] !== 'lost') await systemClock.sleep(20);
  const { reason, previous } = await told();
  assert.deepEqual({ reason, previous }, { reason: 'GPU is lost. Reboot the system to recover this GPU', previous: 'ok' });
  const text = (await app.people.superAdmin.client.call('GET', '/metrics')).text;
  assert.match(text, /^runner_gpu_total 7$/m);
  assert.match(text, new RegExp(`^studio_gpu_usable\\{gpu="7",uuid="${lost}",name="NVIDIA H100 80GB HBM3"\\} 0$`, 'm'));
  assert.match(text, new RegExp(`^studio_gpu_memory_used_bytes\\{gpu="0",uuid="${gpu.uuids[0]}".*\\} \\d+$`, 'm'));
  assert.doesNotMatch(text, new RegExp(`studio_gpu_temperature_celsius\\{gpu="7"`));
  gpu.find(lost);
  await until((items) => items[7]?.['state'] === 'ok');
});

test('a super administrator drains a device and takes it back', async () => {
  const { client } = app.people.superAdmin;
  const uuid = gpu.uuids[2] ?? '';
  const drained = asObject(await client.expect(200, 'POST', `/api/v1/gpus/${uuid}/drain`, { reason: 'the fan is loud' }));
  assert.deepEqual([drained['state'], drained['reason']], ['draining', 'the fan is loud']);
  const { rows } = await app.admin.query('select state, reason, boot_id from gpu_marks where uuid = $1', [uuid]);
  assert.deepEqual(rows, [{ state: 'draining', reason: 'the fan is loud', boot_id: null }]);
  assert.equal(asObject(await client.expect(200, 'POST', `/api/v1/gpus/${uuid}/resume`))['state'], 'ok');
  const again = await client.expect(409, 'POST', `/api/v1/gpus/${uuid}/resume`);
  assert.match(JSON.stringify(again), /nothing is held against it/);
  await client.expect(404, 'POST', '/api/v1/gpus/GPU-none/drain', { reason: 'x' });
  await app.people.admin.client.expect(403, 'POST', `/api/v1/gpus/${uuid}/drain`, { reason: 'x' });
});

test('the history of devices and of the machine has a point soon after the start', async () => {
  const { client } = app.people.user;
  for (;;) {
    const { items } = asObject(await client.expect(200, 'GET', '/api/v1/gpus/history?minutes=5')) as { items: unknown[] };
    if (items.length === 8) break;
    await systemClock.sleep(200);
  }
  const { points, stepMs } = asObject(await client.expect(200, 'GET', '/api/v1/system/metrics')) as { points: Record<string, unknown>[]; stepMs: number };
  assert.equal(stepMs, 60_000);
  assert.ok(Number(points[0]?.['memoryTotalBytes']) > 0);
  await client.expect(400, 'GET', '/api/v1/gpus/history?minutes=1441');
});
