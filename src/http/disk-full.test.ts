import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiClient } from '../test/api-client.ts';
import { startApp, type TestApp } from '../test/app.ts';

let app: TestApp;
let client: ApiClient;
let isFull = false;
before(async () => {
  app = await startApp({ isDiskFull: () => isFull });
  client = app.people.superAdmin.client;
});
after(() => app.close());

test('on a full disk what adds to it is refused before it is read, reading and deleting go on, and with room again all works', async () => {
  const definition = { nodes: [{ key: 'a', type: 'log', params: { message: 'x' } }], edges: [] };
  const { id } = await client.expect(201, 'POST', '/api/v1/workflows', { name: 'w', ...definition });
  const path = `/api/v1/workflows/${String(id)}/instances`;
  await client.expect(201, 'POST', path, { input: {} });
  await client.expect(200, 'PUT', '/api/v1/files/a.txt', 'text');

  isFull = true;
  for (const [method, where, body] of [
    ['POST', path, { input: {} }],
    ['POST', `${path}/batch`, { inputs: [{}] }],
    ['POST', '/api/v1/jobs', { argv: ['/bin/true'] }],
    ['PUT', '/api/v1/files/b.txt', 'text'],
    ['POST', '/webhooks/none', {}],
  ] as const) {
    const reply = await client.call(method, where, { body });
    assert.deepEqual([where, reply.status], [where, 507]);
    assert.match(reply.text, /disk_full.*Delete files, models or old runs, or enlarge the volume/);
  }
  assert.equal((await client.call('GET', '/api/v1/instances')).status, 200);
  assert.equal((await client.call('DELETE', '/api/v1/files/a.txt')).status, 204);

  isFull = false;
  await client.expect(201, 'POST', path, { input: {} });
});
