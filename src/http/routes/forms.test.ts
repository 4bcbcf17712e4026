import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
let admin: ApiClient;
before(async () => {
  app = await startApp();
  admin = app.people.admin.client;
});
after(() => app.close());

const inputSchema = {
  type: 'object',
  required: ['email'],
  additionalProperties: false,
  properties: { email: { type: 'string', maxLength: 100 }, count: { type: 'integer', minimum: 1 } },
};

interface Form {
  readonly id: string;
  readonly url: string;
  /** Of the API, by its token. */
  readonly api: string;
}

async function publish(params: object, more: object = { inputSchema }): Promise<Form> {
  const made = await admin.expect(201, 'POST', '/api/v1/workflows', {
    name: 'ask',
    nodes: [{ key: 'echo', type: 'set', params: { values: { email: '{{ input.email }}' } } }],
    edges: [],
    triggers: [{ key: 'ask', type: 'form', params }],
    ...more,
  });
  const [trigger] = made['triggers'] as { url: string }[];
  const url = String(trigger?.url);
  return { id: String(made['id']), url, api: `${app.url}/api/v1${url}` };
}
async function count(workflowId: string): Promise<number> {
  return itemsOf(await admin.expect(200, 'GET', `/api/v1/instances?workflowId=${workflowId}`)).length;
}
async function send(
  url: string,
  input: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown>; retryAfter: string | null }> {
  const reply = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ input }) });
  return { status: reply.status, body: asObject(await reply.json()), retryAfter: reply.headers.get('retry-after') };
}

test('a public form shows its fields to anybody, and a submission that fits starts an instance', async () => {
  const form = await publish({ access: 'public', title: 'Ask us', submitLabel: 'Ask' });
  assert.match(form.url, /^\/forms\/[\w-]{43}$/);
  const view = asObject(await (await fetch(form.api)).json());
  assert.deepEqual(view, { title: 'Ask us', description: '', submitLabel: 'Ask', schema: inputSchema });
  const sent = await send(form.api, { email: 'a@b' });
  assert.equal(sent.status, 202);
  const instance = await admin.expect(200, 'GET', `/api/v1/instances/${String(sent.body['instanceId'])}`);
  assert.deepEqual([instance['startedBy'], instance['input']], ['form:ask', { email: 'a@b' }]);
});

test('what does not fit the fields starts nothing and says which', async () => {
  const form = await publish({ access: 'public' });
  for (const [input, says] of [
    [{}, /email/],
    [{ email: 5 }, /email/],
    [{ email: 'a', count: 0 }, /count/],
    [{ email: 'a', more: 1 }, /more/],
    [[], /input/],
    ['text', /input/],
  ] as const) {
    const reply = await send(form.api, input);
    assert.equal(reply.status, 400, JSON.stringify(input));
    assert.match(String(asObject(reply.body['error'])['message']), says);
  }
  assert.equal((await send(form.api, { email: 'x'.repeat(300_000) })).status, 413);
  assert.equal(await count(form.id), 0);
});

test('copies of a submission are one instance; one address sends ten a minute; all together are bounded', async () => {
  const form = await publish({ access: 'public', rate: { limit: 12, perS: 3_600 } });
  const copies = await Promise.all(Array.from({ length: 5 }, () => send(form.api, { email: 'a' }, { 'idempotency-key': 'k1' })));
  assert.deepEqual([...new Set(copies.map((one) => one.status))], [202]);
  assert.equal(new Set(copies.map((one) => one.body['instanceId'])).size, 1);
  const others = await Promise.all(Array.from({ length: 20 }, () => send(form.api, { email: 'b' })));
  const refused = others.filter((one) => one.status === 429);
  assert.equal(others.length - refused.length, 5);
  assert.ok(refused.every((one) => Number(one.retryAfter) >= 1));
  assert.equal(await count(form.id), 6);
});

test('a form for members is theirs alone: signed in, of the org, who may run; its URL is a page', async () => {
  const form = await publish({ access: 'members' });
  assert.equal(form.url, `/workflows/${form.id}/forms/ask`);
  const path = `/api/v1${form.url}`;
  assert.equal((await fetch(`${app.url}${path}`)).status, 401);
  assert.equal((await send(`${app.url}${path}`, { email: 'a' })).status, 401);
  await app.people.stranger.client.expect(404, 'GET', path);
  await app.people.stranger.client.expect(404, 'POST', path, { input: { email: 'a' } });
  const { user } = app.people;
  assert.equal((await user.client.expect(200, 'GET', path))['title'], 'ask');
  const options = { body: { input: { email: 'a' } }, headers: { 'idempotency-key': 'once' } };
  const [first, second] = [await user.client.call('POST', path, options), await user.client.call('POST', path, options)];
  assert.deepEqual([first.status, second.status], [202, 202]);
  assert.deepEqual(second.body, first.body);
  assert.equal(await count(form.id), 1);
});

test('fails closed: unknown, off, for members, of another type, paused', async () => {
  const form = await publish({ access: 'public' });
  for (const url of [
    `${app.url}/api/v1/forms/x`,
    form.api.slice(0, -1),
    `${form.api.slice(0, -1)}${form.api.endsWith('A') ? 'B' : 'A'}`,
    `${app.url}/api/v1/forms/${'A'.repeat(43)}`,
  ])
    assert.equal((await send(url, { email: 'a' })).status, 404, url);
  await admin.expect(200, 'POST', `/api/v1/workflows/${form.id}/triggers/ask/disable`);
  assert.equal((await send(form.api, { email: 'a' })).status, 404);
  assert.equal((await fetch(form.api)).status, 404);
  await admin.expect(200, 'POST', `/api/v1/workflows/${form.id}/triggers/ask/enable`);
  const { url } = await admin.expect(200, 'POST', `/api/v1/workflows/${form.id}/triggers/ask/rotate`);
  assert.equal((await send(form.api, { email: 'a' })).status, 404, 'the old URL');
  await admin.expect(200, 'POST', '/api/v1/triggers/pause');
  assert.equal((await send(`${app.url}/api/v1${String(url)}`, { email: 'a' })).status, 409);
  await admin.expect(200, 'POST', '/api/v1/triggers/resume');
  assert.equal((await send(`${app.url}/api/v1${String(url)}`, { email: 'a' })).status, 202);
  const hook = await admin.expect(201, 'POST', '/api/v1/workflows', {
    name: 'h',
    nodes: [{ key: 'a', type: 'noop' }],
    edges: [],
    triggers: [{ key: 'hook', type: 'webhook', params: { auth: 'none' } }],
  });
  const token = String((hook['triggers'] as { url: string }[])[0]?.url)
    .split('/')
    .at(-1);
  assert.equal((await send(`${app.url}/api/v1/forms/${token}`, {})).status, 404, 'a webhook is no form');
  const current = String(url).split('/').at(-1);
  assert.equal((await fetch(`${app.url}/webhooks/${current}`, { method: 'POST' })).status, 404, 'a form is no webhook');
});
