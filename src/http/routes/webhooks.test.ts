/** What answers below /webhooks, over HTTP: waiting steps that are called, and triggers that start workflows. Nobody is signed in here. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { SignJWT } from 'jose';
import type { Json } from '../../contract/endpoint.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { asObject, itemsOf, type ApiClient } from '../../test/api-client.ts';
import { node } from '../../test/graph-nodes.ts';
import { testScenarios } from '../../test/scenarios.ts';
import { callbackOf, startInstance } from '../../test/waiting-instances.ts';

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

describe('calls of waiting steps', () => {
  /** Of instances that wait for a call, and where they are called. */
  const ids: Record<string, string> = {};
  const ended = ['engine:step:completed', 'engine:instance:completed'] as const;
  before(async () => {
    const user = app.people.user.client;
    await admin.expect(200, 'PUT', '/api/v1/secrets/CALLS', { value: 'let me in' });
    const make = async (name: string, params: Record<string, Json>): Promise<void> => {
      const id = await startInstance(user, { name, nodes: [node('ask', 'wait.webhook', params)] });
      ids[name] = id;
      ids[`${name}Url`] = await callbackOf(user, id);
    };
    await make('call', { methods: ['GET', 'POST'] });
    await make('proven', { auth: 'header', secret: 'CALLS' });
  });

  const url = (method: string, name: string) => (): string => `${method} ${ids[name]}`;
  testScenarios(
    () => app,
    [
      { name: 'a URL that never was', as: 'anonymous', request: `POST /webhooks/cb_${'a'.repeat(32)}`, expect: { status: 404, code: 'not_found' } },
      { name: 'a URL that is none', as: 'anonymous', request: 'POST /webhooks/cb_..%2f..', expect: { status: 404, code: 'not_found' } },
      { name: 'a HEAD changes nothing', as: 'anonymous', request: url('HEAD', 'callUrl'), expect: { status: 404 } },
      { name: 'a method that is not taken', as: 'anonymous', request: url('GET', 'provenUrl'), expect: { status: 404, code: 'not_found' } },
      { name: 'a call without its secret', as: 'anonymous', request: url('POST', 'provenUrl'), body: {}, expect: { status: 401, code: 'unauthenticated' } },
      {
        name: 'a call with a wrong secret, which the answer does not tell',
        as: 'anonymous',
        request: url('POST', 'provenUrl'),
        headers: { 'x-studio-secret': 'let me out' },
        expect: { status: 401, code: 'unauthenticated', says: [/^(?!.*let me).*$/] },
      },
      {
        name: 'a body that is too large',
        as: 'anonymous',
        request: url('POST', 'callUrl'),
        body: 'x'.repeat(11 * 1024 * 1024),
        headers: { 'content-type': 'text/plain' },
        expect: { status: 413, code: 'too_large' },
      },
      {
        name: 'a NUL in the query',
        as: 'anonymous',
        request: () => `GET ${ids['callUrl']}?odd=%00`,
        expect: { status: 400, code: 'invalid_query' },
      },
      { name: 'a link that is clicked', as: 'anonymous', request: () => `GET ${ids['callUrl']}?ok=1`, expect: { status: 202 }, events: ended },
      {
        name: 'is good for one call',
        as: 'anonymous',
        request: url('GET', 'callUrl'),
        expect: { status: 404, code: 'not_found', says: ['another call was first'] },
      },
      {
        name: 'a call with the secret, which is not kept',
        as: 'anonymous',
        request: url('POST', 'provenUrl'),
        body: '{"deep":"\\u0000"}',
        headers: { 'x-studio-secret': 'let me in', 'content-type': 'application/json' },
        expect: { status: 202 },
        events: ended,
      },
    ],
  );

  test('what was called holds what came, and no secret; the log holds no token', async () => {
    const output = async (name: string): Promise<unknown> => (await app.people.user.client.expect(200, 'GET', `/api/v1/instances/${ids[name]}`))['output'];
    assert.equal(JSON.stringify(await output('proven')).includes('let me in'), false);
    assert.equal(((await output('call')) as { query: { ok: string } }).query.ok, '1');
    assert.equal(app.logged().includes(String(ids['callUrl']).slice('/webhooks/'.length)), false);
  });
});

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
