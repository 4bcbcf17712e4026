/** Saved views over the API: one's own, those shared in the org, and nobody else's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { itemsOf } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { testScenarios } from '../../test/scenarios.ts';

let app: TestApp;
let id = '';
before(async () => {
  app = await startApp();
});
after(() => app.close());
const keep = (body: Record<string, unknown>): void => {
  id = String(body['id']);
};
const failing = { page: 'instances', name: 'Failed today', filter: 'status:failed since:24h' };

testScenarios(
  () => app,
  [
    {
      name: 'a view is saved',
      as: 'user',
      request: 'POST /api/v1/views',
      body: failing,
      expect: { status: 201, body: { ...failing, isShared: false, owner: { name: 'user' } } },
      keep,
    },
    {
      name: 'a name stands once on a page, whatever its case',
      as: 'user',
      request: 'POST /api/v1/views',
      body: { ...failing, name: 'FAILED today' },
      expect: { status: 409, code: 'conflict', says: ['FAILED today', 'another name'] },
    },
    { name: 'on another page it stands again', as: 'user', request: 'POST /api/v1/views', body: { ...failing, page: 'jobs' }, expect: { status: 201 } },
    { name: 'nobody else sees it', as: 'admin', request: 'GET /api/v1/views', expect: { status: 200, body: { items: [] } } },
    { name: 'nor reaches it', as: 'admin', request: () => `PATCH /api/v1/views/${id}`, body: { name: 'Mine' }, expect: { status: 404, code: 'not_found' } },
  ],
);

test('a list is narrowed by page, and continued by name', async () => {
  const { client } = app.people.user;
  for (const name of ['beta', 'Alpha', 'gamma']) await client.expect(201, 'POST', '/api/v1/views', { page: 'workflows', name, filter: '' });
  const names: unknown[] = [];
  for (let after = ''; ;) {
    const page = await client.expect(200, 'GET', `/api/v1/views?page=workflows&limit=2${after}`);
    names.push(...itemsOf(page).map((view) => view['name']));
    if (page['next'] === null) break;
    after = `&after=${String(page['next'])}`;
  }
  assert.deepEqual(names, ['Alpha', 'beta', 'gamma']);
});

test('a shared view is seen by all, changed by its owner and administrators alone', async () => {
  const { user, admin, stranger } = app.people;
  const other = { page: 'jobs', name: 'Waiting', filter: 'status:queued', isShared: true };
  const { id: shared } = await admin.client.expect(201, 'POST', '/api/v1/views', other);
  const seen = itemsOf(await user.client.expect(200, 'GET', '/api/v1/views?page=jobs')).find((view) => view['id'] === shared);
  assert.deepEqual(seen?.['owner'], { userId: admin.userId, name: 'admin' });
  assert.equal((await user.client.call('PATCH', `/api/v1/views/${String(shared)}`, { body: { name: 'x' } })).status, 403);
  assert.equal((await user.client.call('DELETE', `/api/v1/views/${String(shared)}`)).status, 403);
  assert.equal((await stranger.client.call('DELETE', `/api/v1/views/${String(shared)}`)).status, 404);
  const mine = await user.client.expect(201, 'POST', '/api/v1/views', { ...other, name: 'For all' });
  await admin.client.expect(200, 'PATCH', `/api/v1/views/${String(mine['id'])}`, { isShared: false });
  assert.equal((await admin.client.call('PATCH', `/api/v1/views/${String(mine['id'])}`, { body: { name: 'x' } })).status, 404);
  assert.equal(itemsOf(await user.client.expect(200, 'GET', '/api/v1/views?page=jobs')).find((view) => view['id'] === mine['id'])?.['isShared'], false);
  await user.client.expect(204, 'DELETE', `/api/v1/views/${String(mine['id'])}`);
});
