import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setEnvValue } from '../../config/env-file.ts';
import { asObject, itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
});
after(() => app.close());

const peopleOf = () => ({ owner: app.people.superAdmin.client, ada: app.people.admin.client });
const MAINTENANCE = '/api/v1/system/maintenance';

test('people are warned, then kept out, then let in again; super administrators, probes and the way in stay open', async () => {
  const { owner, ada } = peopleOf();
  deepEqual(await app.anonymous.expect(200, 'GET', MAINTENANCE), { mode: 'off', message: null, since: null });
  equal((await ada.call('PUT', MAINTENANCE, { body: { mode: 'on' } })).status, 403);
  await owner.expect(200, 'PUT', MAINTENANCE, { mode: 'warned', message: 'New disks at nine' });
  equal((await ada.call('GET', '/api/v1/workflows')).status, 200);
  const health = await ada.expect(200, 'GET', '/api/v1/infrastructure/health');
  equal(asObject(health['maintenance'])['message'], 'New disks at nine');

  const { since } = await owner.expect(200, 'PUT', MAINTENANCE, { mode: 'on', message: 'New disks' });
  const refused = await ada.call('GET', '/api/v1/workflows');
  deepEqual(
    [refused.status, asObject(asObject(refused.body)['error'])['code'], asObject(asObject(refused.body)['error'])['message']],
    [503, 'maintenance', 'New disks'],
  );
  equal(refused.headers['retry-after'], '60');
  equal((await app.anonymous.call('POST', '/webhooks/nobody', { body: {} })).status, 503);
  for (const path of ['/api/v1/users/me', '/api/v1/infrastructure/health', MAINTENANCE]) equal((await ada.call('GET', path)).status, 200, path);
  equal((await app.anonymous.call('POST', '/api/v1/auth/login', { body: { email: 'a@example.com', password: 'no' } })).status, 401);
  equal((await owner.call('GET', '/api/v1/workflows')).status, 200);
  deepEqual(asObject(await owner.expect(200, 'PUT', MAINTENANCE, { mode: 'on', message: 'Longer' }))['since'], since);

  await owner.expect(200, 'PUT', MAINTENANCE, { mode: 'off' });
  equal((await ada.call('GET', '/api/v1/workflows')).status, 200);
  const trail = itemsOf(await owner.expect(200, 'GET', '/api/v1/audit?action=machine.maintenance_set'));
  deepEqual(
    trail.map((entry) => asObject(entry['details'])['mode']),
    ['off', 'on', 'on', 'warned'],
  );
});

test('the machine says what it is and what each process uses', async () => {
  const { owner } = peopleOf();
  await owner.expect(200, 'GET', '/api/v1/system/info');
  const info = await owner.expect(200, 'GET', '/api/v1/system/info');
  const [studio] = info['processes'] as { name: string; pid: number; memoryBytes: number; cpuShare: number | null; threads: number }[];
  deepEqual([studio?.name, studio?.pid], ['studio', process.pid]);
  ok((studio?.memoryBytes ?? 0) > 1_000_000 && (studio?.threads ?? 0) > 0 && (studio?.cpuShare ?? -1) >= 0);
  ok(Number(info['uptimeMs']) > 0 && Number(asObject(info['limits'])['openFiles'] ?? 1) > 0 && Number(asObject(info['limits'])['memoryBytes']) > 0);
  const sizing = asObject(info['sizing']);
  ok(Number(sizing['maxConnections']) >= Number(sizing['engineConnections']) + Number(sizing['apiConnections']));
});

test('each setting is told with its source, secrets by their presence alone; a reload applies what was changed since', async () => {
  const { owner, ada } = peopleOf();
  equal((await ada.call('GET', '/api/v1/system/configuration')).status, 403);
  const read = async (name: string): Promise<Record<string, unknown>> => {
    const { keys } = (await owner.expect(200, 'GET', '/api/v1/system/configuration')) as { keys: Record<string, unknown>[] };
    return keys.find((key) => key['name'] === name) ?? {};
  };
  const secret = await read('JWT_SECRET_KEY');
  ok(!JSON.stringify(secret).includes(app.config.jwtSecretKey));
  deepEqual([(await read('RUN_RETENTION_DAYS'))['isDefault'], (await read('PORT'))['isLive'], (await read('LOG_LEVEL'))['isLive']], [true, false, true]);
  setEnvValue(app.workspace, 'RUN_RETENTION_DAYS', '11');
  setEnvValue(app.workspace, 'MAX_CONCURRENT_STARTS', '2');
  const done = await owner.expect(200, 'POST', '/api/v1/system/reload');
  deepEqual([done['applied'], done['needsRestart'], done['faults']], [['RUN_RETENTION_DAYS'], ['MAX_CONCURRENT_STARTS'], []]);
  equal(app.config.runRetentionDays, 11);
  const changed = await read('RUN_RETENTION_DAYS');
  deepEqual([changed['value'], changed['isDefault']], ['11', false]);
  match(String(changed['from']), /\.env/);
  setEnvValue(app.workspace, 'RUN_RETENTION_DAYS', 'many');
  const refused = await owner.expect(200, 'POST', '/api/v1/system/reload');
  match(String((refused['faults'] as string[])[0]), /RUN_RETENTION_DAYS/);
  equal(app.config.runRetentionDays, 11);
});
