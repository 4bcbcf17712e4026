import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { SignJWT } from 'jose';
import { startApp, type TestApp } from '../../test/app.ts';
import { asObject, itemsOf, type ApiClient } from '../../test/api-client.ts';

const SECRET = 'a webhook secret';
let app: TestApp;
let admin: ApiClient;
before(async () => {
  app = await startApp();
  admin = app.people.admin.client;
  await admin.expect(200, 'PUT', '/api/v1/secrets/HOOK', { value: SECRET });
});
after(() => app.close());

interface Hooked {
  readonly id: string;
  readonly url: string;
}

async function publish(params: Record<string, unknown>): Promise<Hooked> {
  const made = await admin.expect(201, 'POST', '/api/v1/workflows', {
    name: 'hooked',
    nodes: [{ key: 'echo', type: 'set', params: { values: { n: '{{ input.body.n }}' } } }],
    edges: [],
    triggers: [{ key: 'hook', type: 'webhook', params }],
  });
  const [trigger] = made['triggers'] as { url: string }[];
  return { id: String(made['id']), url: `${app.url}${trigger?.url}` };
}

function signature(delivery: string, body: string): Record<string, string> {
  const seconds = String(Math.floor(Date.now() / 1_000));
  const hmac = createHmac('sha256', SECRET).update(`${delivery}.${seconds}.${body}`).digest('hex');
  return { 'content-type': 'application/json', 'x-studio-delivery': delivery, 'x-studio-timestamp': seconds, 'x-studio-signature': `sha256=${hmac}` };
}

async function call(url: string, init: RequestInit): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, init);
  return { status: response.status, body: asObject(await response.json()) };
}

async function instancesOf(workflowId: string): Promise<Record<string, unknown>[]> {
  return itemsOf(await admin.expect(200, 'GET', `/api/v1/instances?workflowId=${workflowId}`));
}

test('a signed call runs the workflow on what it brought; nobody needs to be signed in', async () => {
  const hook = await publish({ auth: 'hmac', secret: 'HOOK' });
  const body = '{"n": 42}';
  const reply = await call(hook.url, { method: 'POST', body, headers: signature('d1', body) });
  assert.equal(reply.status, 202);
  const id = String(reply.body['instanceId']);
  for (;;) {
    const instance = await admin.expect(200, 'GET', `/api/v1/instances/${id}`);
    if (instance['status'] !== 'completed') continue;
    assert.equal(instance['startedBy'], 'webhook:hook');
    assert.deepEqual(instance['output'], { n: 42 });
    break;
  }
});

test('fifty copies at once, through the real engine, are one instance', async () => {
  const hook = await publish({ auth: 'hmac', secret: 'HOOK' });
  for (let round = 0; round < 5; round++) {
    const body = `{"n":${round}}`;
    const headers = signature(`copies${round}`, body);
    const replies = await Promise.all(Array.from({ length: 50 }, () => call(hook.url, { method: 'POST', body, headers })));
    assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [202]);
    assert.equal(new Set(replies.map((reply) => reply.body['instanceId'])).size, 1);
  }
  assert.equal((await instancesOf(hook.id)).length, 5);
});

test('calls that show nothing, or the wrong thing, are refused and start nothing', async () => {
  const hook = await publish({ auth: 'hmac', secret: 'HOOK' });
  const right = signature('d2', 'x');
  const refusals: [string, RequestInit, number][] = [
    [hook.url, { method: 'POST', body: 'x' }, 401],
    [hook.url, { method: 'POST', body: 'y', headers: right }, 401],
    [hook.url, { method: 'POST', body: 'x', headers: { ...right, 'x-studio-delivery': 'd3' } }, 401],
    [hook.url, { method: 'GET', headers: right }, 404],
    [hook.url.slice(0, -1), { method: 'POST', body: 'x', headers: right }, 404],
    [`${app.url}/webhooks/x`, { method: 'POST', body: 'x', headers: right }, 404],
    [`${hook.url}/more`, { method: 'POST', body: 'x', headers: right }, 404],
  ];
  for (const [url, init, status] of refusals) assert.equal((await call(url, init)).status, status, `${init.method} ${url}`);
  assert.equal((await call(hook.url, { method: 'POST', body: 'x'.repeat(10 * 1024 * 1024 + 1) })).status, 413);
  assert.deepEqual(await instancesOf(hook.id), []);
});

test('GET starts where it is allowed; HEAD, which link checkers send, never does', async () => {
  const hook = await publish({ auth: 'none', methods: ['GET'] });
  assert.equal((await fetch(hook.url, { method: 'HEAD' })).status, 404);
  assert.equal((await call(`${hook.url}?n=1`, { method: 'GET' })).status, 202);
  assert.equal((await call(hook.url, { method: 'POST' })).status, 404);
  assert.equal((await instancesOf(hook.id)).length, 1);
});

test('switched off it is not there; switched on again it is; rotated, the old address is gone', async () => {
  const hook = await publish({ auth: 'none' });
  const at = `/api/v1/workflows/${hook.id}/triggers/hook`;
  const send = async (url: string): Promise<number> => (await call(url, { method: 'POST' })).status;
  assert.equal((await admin.expect(200, 'POST', `${at}/disable`))['enabled'], false);
  assert.equal(await send(hook.url), 404);
  await admin.expect(200, 'POST', `${at}/enable`);
  assert.equal(await send(hook.url), 202);
  const { url } = await admin.expect(200, 'POST', `${at}/rotate`);
  assert.equal(await send(hook.url), 404);
  assert.equal(await send(`${app.url}${String(url)}`), 202);
  await admin.expect(200, 'PATCH', '/api/v1/settings', { triggersPaused: true });
  assert.equal(await send(`${app.url}${String(url)}`), 409);
  await admin.expect(200, 'PATCH', '/api/v1/settings', { triggersPaused: false });
  assert.equal((await instancesOf(hook.id)).length, 2);
});

test('a token of the named algorithm is let in; a key that is none is told to its owner', async () => {
  const key = 'k'.repeat(40);
  await admin.expect(200, 'PUT', '/api/v1/secrets/TOKENS', { value: key });
  const hook = await publish({ auth: 'jwt', secret: 'TOKENS', jwt: { alg: 'HS256', audience: 'studio', once: true } });
  const token = await new SignJWT({ aud: 'studio', jti: 'one' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(key));
  const send = (authorization: string) => call(hook.url, { method: 'POST', body: '{"n":1}', headers: { authorization, 'content-type': 'application/json' } });
  const replies = await Promise.all(Array.from({ length: 10 }, () => send(`Bearer ${token}`)));
  assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [202]);
  assert.equal((await instancesOf(hook.id)).length, 1);
  assert.equal((await send(`Bearer ${token}x`)).status, 401);
  assert.equal((await send(token)).status, 401);
  await admin.expect(200, 'PUT', '/api/v1/secrets/TOKENS', { value: 'short' });
  assert.equal((await send(`Bearer ${token}`)).status, 401);
  const workflow = await admin.expect(200, 'GET', `/api/v1/workflows/${hook.id}`);
  assert.match(JSON.stringify(workflow['triggers']), /can't be used as a key .*32 bytes/);
  assert.equal(
    JSON.stringify(await admin.expect(200, 'GET', `/api/v1/instances/${String(replies[0]?.body['instanceId'])}`)).includes(token),
    false,
    'a token never becomes input',
  );
});

test('a definition whose triggers are wrong is refused with one problem each', async () => {
  const reply = await admin.expect(422, 'POST', '/api/v1/workflows', {
    name: 'wrong',
    nodes: [{ key: 'a', type: 'noop' }],
    edges: [],
    triggers: [
      { key: 'one', type: 'cron', params: { expression: 'every day' } },
      { key: 'two', type: 'webhook', params: { auth: 'hmac' } },
    ],
  });
  assert.match(JSON.stringify(reply), /invalid_cron.*missing_secret/);
});
