import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startApp, type TestApp } from '../../test/app.ts';
import { itemsOf, type ApiClient } from '../../test/api-client.ts';
import { connectLive } from '../../test/live.ts';
import { createKey, signInBrowser } from '../../test/people.ts';

let app: TestApp;
let user: ApiClient;
let workflowId: string;
before(async () => {
  app = await startApp({ hasOwnServer: true });
  user = app.people.user.client;
  workflowId = String((await user.expect(201, 'POST', '/api/v1/workflows', { name: 'one', nodes: [{ key: 'a', type: 'noop' }], edges: [] }))['id']);
});
after(() => app.close());

const port = (): number => Number(new URL(app.url).port);
const start = async (): Promise<string> => String((await user.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances`, {}))['id']);

/** Polls until the instance's end was heard; every answer goes on where the one before it stopped. */
async function pollToEnd(room: string, from: string): Promise<string[]> {
  const types: string[] = [];
  for (let after = from; ;) {
    const page = await user.expect(200, 'GET', `/api/v1/events?room=${room}&after=${after}&wait=30`);
    types.push(...itemsOf(page).map((item) => String(item['event_type'])));
    after = String(page['cursor']);
    if (types.includes('engine:instance:completed')) return types;
  }
}

test('a snapshot and the polls after it tell the whole story of an instance, as a socket does', async () => {
  const { cursor } = await user.expect(200, 'GET', `/api/v1/workflows/${workflowId}`);
  const socket = await connectLive(port(), { token: user.token ?? '' });
  await socket.subscribe([`workflow:${workflowId}`], { [`workflow:${workflowId}`]: String(cursor) });
  const id = await start();
  const polled = await pollToEnd(`instance:${id}`, String(cursor));
  while (!socket.events.some((event) => event.event_type === 'engine:instance:completed')) await socket.heard(socket.events.length + 1);
  assert.deepEqual(
    socket.events.map((event) => event.event_type),
    polled,
  );
  assert.deepEqual(
    socket.events.map((event) => event.sequence),
    polled.map((_, index) => index + 1),
    'gapless',
  );
  await socket.close();
});

test('as a stream: server-sent events, which end with the session', async () => {
  const { cursor } = await user.expect(200, 'GET', `/api/v1/workflows/${workflowId}`);
  const key = await createKey(app.people.user, ['events:read']);
  const response = await fetch(`${app.url}/api/v1/events?room=workflow:${workflowId}&after=${String(cursor)}`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${key.token}` },
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  await start();
  let text = '';
  const reader = response.body?.getReader();
  assert.ok(reader);
  const decoder = new TextDecoder();
  const readUntil = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  };
  await readUntil(/engine:instance:completed/);
  const [own] = itemsOf(await user.expect(200, 'GET', '/api/v1/api-keys'));
  assert.equal((await user.call('DELETE', `/api/v1/api-keys/${String(own?.['id'])}`)).status, 204);
  await readUntil(/event: ended/);
  assert.match(text, /^retry: 1000\nid: \S+\nevent: subscribed\n[\s\S]*event: ended\ndata: \{\}\n\n$/);
  assert.equal((await reader.read()).done, true);
});

test('rooms of others do not exist, odd ones and odd cursors are told', async () => {
  const stranger = app.people.stranger;
  const ask = async (client: ApiClient, room: string): Promise<number> => (await client.call('GET', `/api/v1/events?room=${room}`)).status;
  assert.equal(await ask(stranger.client, `workflow:${workflowId}`), 404);
  assert.equal(await ask(user, `org:${stranger.orgId}`), 404);
  assert.equal(await ask(user, 'everything'), 400);
  assert.equal(await ask(app.anonymous, 'system'), 401);
  assert.equal((await user.expect(200, 'GET', `/api/v1/events?room=workflow:${workflowId}&after=odd`))['reset'], true);
});

test('a browser comes in with its cookie from its own page only, and logging out closes its socket', async () => {
  const cookie = await signInBrowser(app.url, app.people.user.email);
  await assert.rejects(connectLive(port(), { token: null, headers: { cookie, origin: 'https://evil.example' } }), /403/);
  await assert.rejects(connectLive(port(), { token: null, headers: { cookie } }), /403/);
  const socket = await connectLive(port(), { token: null, headers: { cookie, origin: app.url } });
  await socket.subscribe(['system']);
  const reply = await app.anonymous.call('POST', '/api/v1/auth/logout', { headers: { cookie, origin: app.url } });
  assert.equal(reply.status, 204);
  assert.equal(await socket.closed, 4401);
});

test('who must first change the password hears nothing until then', async () => {
  await app.database.engine.query('update users set password_change_required = true where id = $1', [app.people.admin.userId]);
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  await assert.rejects(connectLive(port(), { token: app.people.admin.client.token ?? '' }), /403/);
});
