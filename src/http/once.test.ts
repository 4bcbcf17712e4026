import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiReply } from '../test/api-client.ts';
import { startApp, type TestApp } from '../test/app.ts';

/** Idempotency-Key on the whole application: what it makes is there once, whatever happens between. */
let app: TestApp;
let workflowId = '';
before(async () => {
  app = await startApp();
  const made = await app.people.superAdmin.client.expect(201, 'POST', '/api/v1/workflows', { name: 'once', nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  workflowId = String(made['id']);
});
after(() => app.close());

const run = (key: string): Promise<ApiReply> =>
  app.people.superAdmin.client.call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: { a: 1 } }, headers: { 'idempotency-key': key } });
const submit = (key: string): Promise<ApiReply> =>
  app.people.superAdmin.client.call('POST', '/api/v1/jobs', { body: { command: ['true'], array: 2 }, headers: { 'idempotency-key': key } });
const idOf = (reply: ApiReply): string => String((reply.body as { id: string }).id);
async function count(table: 'instances' | 'jobs'): Promise<number> {
  return Number((await app.admin.query(`select count(*) as count from ${table}`)).rows[0].count);
}

/** As after a kill between the commit of the work and that of its answer. */
async function forgetAnswer(key: string): Promise<void> {
  await app.admin.query(`update idempotency_keys set status = null, response = null, holder = 'own_of_a_dead_process' where key = $1`, [key]);
}

test('fifty submits at once with one key start one instance', async () => {
  const before = await count('instances');
  const replies = await Promise.all(Array.from({ length: 50 }, () => run('fifty')));
  assert.equal(await count('instances'), before + 1);
  const done = replies.filter((reply) => reply.status === 201);
  assert.ok(done.length > 0);
  assert.equal(new Set(done.map(idOf)).size, 1);
  assert.ok(replies.every((reply) => reply.status === 201 || reply.status === 409));
  assert.equal(idOf(await run('fifty')), idOf(done[0] as ApiReply));
});

test('a process that died between the work and its answer started one instance: the next try finds it', async () => {
  const first = await run('killed');
  const before = await count('instances');
  await forgetAnswer('killed');
  const second = await run('killed');
  assert.deepEqual([second.status, idOf(second)], [201, idOf(first)]);
  assert.equal(await count('instances'), before);
});

test('the same for jobs, arrays included', async () => {
  const first = await submit('killed-jobs');
  assert.equal(first.status, 201, first.text);
  const before = await count('jobs');
  await forgetAnswer('killed-jobs');
  const second = await submit('killed-jobs');
  assert.equal(second.status, 201, second.text);
  assert.deepEqual((second.body as { ids: string[] }).ids, (first.body as { ids: string[] }).ids);
  assert.equal(await count('jobs'), before);
});
