import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
  await app.admin.query(
    `insert into workers (id, built_in, host, pid, queues, slots, joined_at) values ('worker_far', false, 'far.lan', 7, '{studio}', 4, now()), ('worker_old', false, 'old.lan', 8, '{studio}', 4, now())`,
  );
});
after(() => app.close());

test('a super administrator shuts a worker out and lets it in again; the reason shows, and the audit trail has both', async () => {
  const { superAdmin, admin } = app.people;
  const path = '/api/v1/workers/worker_far';
  equal((await admin.client.call('POST', `${path}/deregister`, { body: {} })).status, 403);
  const shut = await superAdmin.client.expect(200, 'POST', `${path}/deregister`, { reason: '<b>moved away</b>' });
  deepEqual([shut['joined'], asObject(shut['shutOut'])['reason'], asObject(shut['shutOut'])['by']], [false, '<b>moved away</b>', superAdmin.userId]);
  const listed = itemsOf(await admin.client.expect(200, 'GET', '/api/v1/workers')).find((worker) => worker['id'] === 'worker_far');
  match(String(listed?.['refusal']), /an administrator shut it out: <b>moved away/);
  const healthy = await superAdmin.client.expect(200, 'GET', '/api/v1/infrastructure/health/workers');
  equal(
    itemsOf(healthy).some((worker) => worker['id'] === 'worker_far'),
    false,
  );
  // Once more changes the reason, not since when.
  const again = await superAdmin.client.expect(200, 'POST', `${path}/deregister`, { reason: 'for good' });
  deepEqual([asObject(again['shutOut'])['reason'], asObject(again['shutOut'])['at']], ['for good', asObject(shut['shutOut'])['at']]);
  const back = await superAdmin.client.expect(200, 'POST', `${path}/admit`);
  deepEqual([back['joined'], back['shutOut'], back['refusal']], [true, undefined, undefined]);
  equal((await superAdmin.client.call('POST', `${path}/admit`)).status, 409);
  const trail = itemsOf(await superAdmin.client.expect(200, 'GET', '/api/v1/audit?action=worker.deregistered'));
  equal(asObject(trail[0]?.['details'])['reason'], 'for good');
});

test('the own worker is not shut out, nor one that nobody knows', async () => {
  const { client } = app.people.superAdmin;
  const own = itemsOf(await client.expect(200, 'GET', '/api/v1/workers')).find((worker) => worker['builtIn'] === true);
  const refused = await client.call('POST', `/api/v1/workers/${String(own?.['id'])}/deregister`, { body: {} });
  deepEqual([refused.status, /pause the queues/.test(JSON.stringify(refused.body))], [409, true]);
  equal((await client.call('POST', '/api/v1/workers/worker_none/deregister', { body: {} })).status, 404);
  equal((await client.call('POST', '/api/v1/workers/worker_none/admit')).status, 404);
});
