import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { asObject, itemsOf, type ApiClient, type ApiReply } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { startProvider, type Provider } from '../../test/provider.ts';
import { until } from '../../test/until.ts';

const CREDENTIALS = '/api/v1/credentials';
const CANARY = 'canary-token-4711-xyz';
let app: TestApp;
let admin: ApiClient;
let user: ApiClient;
let home: Provider;
let elsewhere: Provider;
before(async () => {
  app = await startApp();
  [home, elsewhere] = await Promise.all([startProvider(), startProvider()]);
  const boss = app.people.superAdmin.client;
  await boss.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: ['127.0.0.1'] });
  admin = app.people.admin.client;
  user = app.people.user.client;
});
after(() => Promise.all([app.close(), home.close(), elsewhere.close()]));
beforeEach(() => {
  home.asked.length = 0;
  elsewhere.asked.length = 0;
});

let count = 0;
async function make(more: object = {}): Promise<string> {
  count += 1;
  const body = { name: `provider ${count}`, type: 'http_bearer', values: { token: CANARY }, hosts: [`http://${home.host}`], ...more };
  return String((await admin.expect(201, 'POST', CREDENTIALS, body))['id']);
}
const ask = (params: object): object => ({ key: 'ask', type: 'http.request', params });
const withCredential = (credential: string, url = `${home.origin}/me`): object => ask({ url, auth: { credential } });
const definition = (...nodes: object[]): object => ({
  name: 'asks a provider',
  nodes,
  edges: nodes.slice(1).map((node, index) => ({ from: (nodes[index] as { key: string }).key, to: (node as { key: string }).key })),
});
const publish = async (nodes: readonly object[], as = user): Promise<string> =>
  String((await as.expect(201, 'POST', '/api/v1/workflows', definition(...nodes)))['id']);
const run = (workflowId: string, input: object = {}, as = user): Promise<Record<string, unknown>> =>
  as.expect(200, 'POST', `/api/v1/workflows/${workflowId}/instances?wait=60`, { input });
const problemsOf = (reply: ApiReply): { code: string; path: string; message: string }[] =>
  (reply.body as { error: { details: { problems: { code: string; path: string; message: string }[] } } }).error.details.problems;
const errorOf = (instance: Record<string, unknown>): { code: string; message: string } => instance['error'] as { code: string; message: string };
const auths = (provider: Provider): unknown[] => provider.asked.map(({ headers }) => headers.authorization);

test('a step sends the credential that it names, and nothing of it shows anywhere', async () => {
  const id = await make();
  const instance = await run(await publish([withCredential(id)]));
  assert.equal(instance['status'], 'completed');
  assert.deepEqual(auths(home), [`Bearer ${CANARY}`]);
  const replies = await Promise.all([
    user.call('GET', `/api/v1/instances/${String(instance['id'])}`),
    user.call('GET', `/api/v1/instances/${String(instance['id'])}/steps`),
    admin.call('GET', `${CREDENTIALS}/${id}`),
    admin.call('GET', CREDENTIALS),
    admin.call('GET', '/api/v1/audit?limit=200'),
    user.call('GET', '/api/v1/events?room=system'),
  ]);
  for (const reply of replies) assert.equal(reply.text.includes(CANARY), false);
  assert.match(replies[1]?.text ?? '', /Bearer \*\*\*/);
  assert.equal(app.logged().includes(CANARY), false);
  const { rows } = await app.admin.query<{ found: string }>(
    `select 'credentials' as found from credentials t where t::text like '%' || $1 || '%' union all select 'steps' from steps t where t::text like '%' || $1 || '%'
     union all select 'outbox' from outbox t where t::text like '%' || $1 || '%' union all select 'audit' from audit t where t::text like '%' || $1 || '%'
     union all select 'idempotency_keys' from idempotency_keys t where t::text like '%' || $1 || '%'`,
    [CANARY],
  );
  assert.deepEqual(rows, []);
  assert.notEqual((await admin.expect(200, 'GET', `${CREDENTIALS}/${id}`))['lastUsedAt'], null);
});

test('a provider that sends it back in an error shows it to nobody', async () => {
  const id = await make({ type: 'http_basic', values: { username: 'ada', password: CANARY } });
  const instance = await run(await publish([withCredential(id, `${home.origin}/refuse`)]));
  assert.equal(errorOf(instance).code, 'http_status');
  const pair = Buffer.from(`ada:${CANARY}`).toString('base64');
  const path = `/api/v1/instances/${String(instance['id'])}`;
  const replies = await Promise.all(
    [path, `${path}/steps`, `${path}/steps/ask/attempts`, `${path}/events`, `${path}/view`].map((one) => user.call('GET', one)),
  );
  for (const reply of replies) assert.equal(reply.text.includes(CANARY) || reply.text.includes(pair), false, reply.text);
  assert.match(replies[1]?.text ?? '', /Basic \*\*\*/);
  assert.equal(app.logged().includes(pair), false);
});

test('each type becomes the header its provider wants', async () => {
  const basic = await make({ type: 'http_basic', values: { username: 'ada', password: 'pass word' } });
  const header = await make({ type: 'http_header', values: { header: 'X-API-Key', value: CANARY } });
  const openai = await make({ type: 'openai_compatible', values: { baseUrl: `${home.origin}/v1`, apiKey: CANARY }, hosts: undefined });
  for (const id of [basic, header, openai]) assert.equal((await run(await publish([withCredential(id)])))['status'], 'completed');
  assert.deepEqual(
    home.asked.map(({ headers }) => headers.authorization ?? headers['x-api-key']),
    [`Basic ${Buffer.from('ada:pass word').toString('base64')}`, CANARY, `Bearer ${CANARY}`],
  );
});

test('it is sent to no other host: not by a URL, an expression, a redirect or a test', async () => {
  const id = await make({ type: 'http_header', values: { header: 'X-Own', value: CANARY } });
  const refused = await user.call('POST', '/api/v1/workflows', { body: definition(withCredential(id, `${elsewhere.origin}/x`)) });
  assert.deepEqual([refused.status, problemsOf(refused)[0]?.code], [422, 'credential_host']);
  const computed = await publish([withCredential(id, '{{ input.url }}')]);
  for (const url of [
    `${elsewhere.origin}/x`,
    `${home.origin.replace('http:', 'https:')}:1/x`,
    `http://${home.host}@${elsewhere.host}/x`,
    `http://localhost:${home.host.split(':')[1] ?? ''}/`,
  ])
    assert.equal(errorOf(await run(computed, { url }))?.code, 'egress_refused', url);
  assert.deepEqual([home.asked.length, elsewhere.asked.length], [0, 0]);
  for (const status of [301, 302, 303, 307, 308])
    assert.equal(
      (await run(computed, { url: `${home.origin}/?status=${status}&to=${encodeURIComponent(`${elsewhere.origin}/landed`)}` }))['status'],
      'completed',
    );
  assert.deepEqual(new Set(home.asked.map(({ headers }) => headers['x-own'])), new Set([CANARY]));
  assert.deepEqual([elsewhere.asked.length, new Set(elsewhere.asked.map(({ headers }) => headers['x-own']))], [5, new Set([undefined])]);
  elsewhere.asked.length = 0;
  assert.equal((await user.call('POST', `${CREDENTIALS}/${id}/test`, { body: { url: `${elsewhere.origin}/x` } })).status, 400);
  await user.expect(200, 'POST', `${CREDENTIALS}/${id}/test`, { url: `${home.origin}/?to=${encodeURIComponent(`${elsewhere.origin}/x`)}` });
  assert.deepEqual(
    elsewhere.asked.map(({ headers }) => headers['x-own']),
    [undefined],
  );
});

test('where it may be sent changes only together with its secret', async () => {
  const id = await make();
  const path = `${CREDENTIALS}/${id}`;
  const wider = { hosts: [`http://${home.host}`, `http://${elsewhere.host}`] };
  const refused = await admin.call('PATCH', path, { body: wider });
  assert.deepEqual([refused.status, problemsOf(refused).map((one) => one.path)], [400, ['values.token']]);
  assert.equal((await admin.call('PATCH', path, { body: { ...wider, values: { token: '' } } })).status, 400);
  assert.equal((await admin.call('PATCH', path, { body: { ...wider, values: { testUrl: `${home.origin}/x` } } })).status, 400);
  await admin.expect(200, 'PATCH', path, { name: 'renamed', values: { testUrl: `${home.origin}/x` } });
  const changed = await admin.expect(200, 'PATCH', path, { ...wider, values: { token: 'another-token' } });
  assert.deepEqual([changed['name'], changed['hosts'], changed['secretFields']], ['renamed', wider.hosts, ['token']]);
  const client = await make({
    type: 'oauth2_client_credentials',
    values: { tokenUrl: `${home.origin}/token`, clientId: 'me', clientSecret: CANARY },
  });
  const moved = await admin.call('PATCH', `${CREDENTIALS}/${client}`, { body: { values: { tokenUrl: 'https://elsewhere.example/token' } } });
  assert.equal(moved.status, 400);
  assert.match(moved.text, /tokenUrl says where it is sent/);
});

test('only what a step itself names is used: an id from outside opens nothing', async () => {
  const id = await make();
  const whole = await publish([ask({ url: `${home.origin}/x`, auth: '{{ input.auth }}' })]);
  assert.equal(errorOf(await run(whole, { auth: { credential: id } })).code, 'credential_forbidden');
  assert.equal(errorOf(await run(whole, { auth: { type: 'credential', credential: id } })).code, 'credential_forbidden');
  const computed = await user.call('POST', '/api/v1/workflows', { body: definition(ask({ url: `${home.origin}/x`, auth: { credential: '{{ input.id }}' } })) });
  assert.deepEqual([computed.status, problemsOf(computed)[0]?.code], [422, 'credential_computed']);
  assert.equal(home.asked.length, 0);
});

test('rights are those of who published, at the moment of the request', async () => {
  const id = await make({ access: 'admins' });
  const refused = await user.call('POST', '/api/v1/workflows', { body: definition(withCredential(id)) });
  assert.deepEqual([refused.status, problemsOf(refused)[0]?.code], [422, 'credential_forbidden']);
  assert.equal((await user.call('POST', `${CREDENTIALS}/${id}/test`, { body: { url: `${home.origin}/x` } })).status, 403);
  const workflow = await publish([{ key: 'pause', type: 'wait.webhook', params: {} }, withCredential(id)], admin);
  // Whoever starts it: it runs in the name of who published it.
  const { id: running } = await user.expect(201, 'POST', `/api/v1/workflows/${workflow}/instances`, {});
  await admin.expect(200, 'PATCH', `${CREDENTIALS}/${id}`, { access: 'people', people: [app.people.user.userId] });
  // Its maker may go on using it; somebody else who published may not any more.
  const sub = await publish([withCredential(id)]);
  await admin.expect(200, 'PATCH', `${CREDENTIALS}/${id}`, { people: [] });
  const start = await user.call('POST', `/api/v1/workflows/${sub}/instances`, { body: {} });
  assert.equal(start.status, 409);
  assert.match(start.text, /can not start: the credential \\"provider \d+\\" can not be used here/);
  await admin.expect(204, 'DELETE', `${CREDENTIALS}/${id}?force=true`);
  await user.expect(200, 'POST', `/api/v1/instances/${String(running)}/steps/pause/complete`, { output: {} });
  const ended = await until('its end', async () => {
    const instance = await user.expect(200, 'GET', `/api/v1/instances/${String(running)}`);
    return instance['status'] === 'failed' ? instance : undefined;
  });
  assert.equal(errorOf(ended).code, 'credential_missing');
  assert.equal(home.asked.length, 0);
});

test('it is checked inside bodies and in called workflows', async () => {
  const id = await make({ access: 'admins' });
  const each = { key: 'each', type: 'map', params: { items: [1, 2], body: { nodes: [withCredential(id)], edges: [] } } };
  const refused = await user.call('POST', '/api/v1/workflows', { body: definition(each) });
  assert.deepEqual(
    problemsOf(refused).map(({ code, path }) => [code, path]),
    [['credential_forbidden', 'nodes[0].params.body.nodes[0].params.auth.credential']],
  );
  const called = await publish([withCredential(id)], admin);
  const caller = await publish([{ key: 'call', type: 'workflow.call', params: { workflowId: called, input: {} } }]);
  // The called one runs in its own publisher's name.
  assert.equal((await run(caller))['status'], 'completed');
  assert.equal(home.asked.length, 1);
  await admin.expect(200, 'PATCH', `${CREDENTIALS}/${id}`, { expiresAt: '2020-01-01T00:00:00.000Z' });
  const failed = await run(caller);
  assert.equal(failed['status'], 'failed');
  assert.match(JSON.stringify(failed['error']), /expired on 2020-01-01/);
  assert.equal(home.asked.length, 1);
});

test('a missing or expired credential stops publishing and starting, by its name', async () => {
  const id = await make({ name: 'The expiring one' });
  const workflow = await publish([withCredential(id)]);
  const mocked = await publish([{ ...withCredential(id), mock: { status: 200 } }]);
  const again = await admin.expect(200, 'PATCH', `${CREDENTIALS}/${id}`, { expiresAt: new Date(Date.now() - 1_000).toISOString() });
  assert.equal(again['state'], 'expired');
  const start = await user.call('POST', `/api/v1/workflows/${workflow}/instances`, { body: {} });
  assert.deepEqual([start.status, /The expiring one.* expired/.test(start.text)], [409, true]);
  const batch = await user.call('POST', `/api/v1/workflows/${workflow}/instances/batch`, { body: { inputs: [{}] } });
  assert.equal(batch.status, 409);
  const body = definition(withCredential(id));
  assert.equal(problemsOf(await user.call('POST', '/api/v1/workflows', { body }))[0]?.code, 'credential_expired');
  assert.equal((await run(mocked))['status'], 'completed');
  await admin.expect(204, 'DELETE', `${CREDENTIALS}/${id}?force=true`);
  assert.match((await user.call('POST', `/api/v1/workflows/${workflow}/instances`, { body: {} })).text, /there is no credential cred_/);
  assert.equal(home.asked.length, 0);
});

test('an imported workflow never uses a credential by an id from elsewhere', async () => {
  const stranger = app.people.stranger.client;
  const theirs = String(
    (await stranger.expect(201, 'POST', CREDENTIALS, { name: 'Shared name', type: 'http_bearer', values: { token: CANARY }, hosts: [`http://${home.host}`] }))[
      'id'
    ],
  );
  const foreign = String((await stranger.expect(201, 'POST', '/api/v1/workflows', definition(withCredential(theirs))))['id']);
  const exported = asObject((await stranger.call('GET', `/api/v1/workflows/${foreign}/export`)).body);
  assert.deepEqual(exported['credentials'], [{ id: theirs, name: 'Shared name', type: 'http_bearer' }]);
  const unknown = await user.call('POST', '/api/v1/workflows/import', { body: { document: exported } });
  assert.deepEqual([unknown.status, problemsOf(unknown)[0]?.code], [422, 'credential_missing']);
  const ours = await make({ name: 'shared NAME' });
  const imported = await user.expect(201, 'POST', '/api/v1/workflows/import', { document: exported });
  assert.deepEqual(imported['remapped'], [{ path: 'nodes[0].params.auth.credential', from: theirs, to: ours }]);
  const { credentials: _names, ...nameless } = exported;
  assert.equal((await user.call('POST', '/api/v1/workflows/import', { body: { document: nameless } })).status, 422);
  const other = { ...exported, credentials: [{ id: theirs, name: 'Shared name', type: 'http_basic' }] };
  assert.equal((await user.call('POST', '/api/v1/workflows/import', { body: { document: other } })).status, 422);
});

test('access tokens are fetched once, kept, hidden, and asked for at their own URL alone', async () => {
  const values = { tokenUrl: `${home.origin}/token`, clientId: 'me', clientSecret: CANARY, scope: 'read' };
  const id = await make({ type: 'oauth2_client_credentials', values });
  const workflow = await publish([withCredential(id)]);
  const [first] = await Promise.all([run(workflow), run(workflow), run(workflow)]);
  assert.equal(first['status'], 'completed');
  const asked = home.asked.filter(({ url }) => url === '/token');
  assert.deepEqual(
    asked.map(({ method, headers, body }) => [method, headers.authorization, body]),
    [['POST', `Basic ${Buffer.from(`me:${CANARY}`).toString('base64')}`, 'grant_type=client_credentials&scope=read']],
  );
  assert.equal(home.asked.filter(({ headers }) => headers.authorization === 'Bearer access-token-number-1').length, 3);
  const steps = await user.call('GET', `/api/v1/instances/${String(first['id'])}/steps`);
  assert.equal(/access-token-number|canary/.test(steps.text), false);
  const inBody = { ...values, sendAs: 'body', tokenUrl: `${home.origin}/token?status=307&to=${encodeURIComponent(`${elsewhere.origin}/token`)}` };
  const redirected = await make({ type: 'oauth2_client_credentials', values: inBody });
  assert.equal(errorOf(await run(await publish([withCredential(redirected)]))).code, 'credential_refused');
  assert.equal(elsewhere.asked.length, 0);
});

test('a test makes a real call, says what came of it, and is remembered', async () => {
  const id = await make({ values: { token: CANARY, testUrl: `${home.origin}/me` } });
  const good = await user.expect(200, 'POST', `${CREDENTIALS}/${id}/test`, {});
  assert.deepEqual([good['ok'], auths(home)], [true, [`Bearer ${CANARY}`]]);
  const bad = await user.expect(200, 'POST', `${CREDENTIALS}/${id}/test`, { url: `${home.origin}/refuse` });
  assert.deepEqual(bad, { ok: false, message: `${home.host} refused it: 401` });
  const read = await admin.expect(200, 'GET', `${CREDENTIALS}/${id}`);
  assert.deepEqual([asObject(read['lastTest'])['ok'], asObject(read['lastTest'])['message']], [false, bad['message']]);
  const silent = await make();
  assert.equal((await user.call('POST', `${CREDENTIALS}/${silent}/test`, { body: {} })).status, 409);
});

test('polling uses them, too', async () => {
  const id = await make();
  const poll = { key: 'poll', type: 'poll', params: { request: { url: `${home.origin}/x`, auth: { credential: id } }, until: 'response.status = 200' } };
  assert.equal((await run(await publish([poll])))['status'], 'completed');
  assert.deepEqual(auths(home), [`Bearer ${CANARY}`]);
});

test('what is in use is not deleted by accident, and its uses are listed', async () => {
  const id = await make();
  const workflow = await publish([withCredential(id)]);
  const uses = await user.expect(200, 'GET', `${CREDENTIALS}/${id}/workflows`);
  assert.deepEqual(itemsOf(uses), [{ id: workflow, name: 'asks a provider', isDraft: false }]);
  const refused = await admin.call('DELETE', `${CREDENTIALS}/${id}`);
  assert.equal(refused.status, 409);
  assert.match(refused.text, /asks a provider/);
  await admin.expect(204, 'DELETE', `${CREDENTIALS}/${id}?force=true`);
  assert.equal((await user.call('GET', `${CREDENTIALS}/${id}`)).status, 404);
});

test('fields are judged by their type, and name what is wrong with them', async () => {
  const wrong: readonly (readonly [object, string])[] = [
    [{ type: 'nonsense' }, ''],
    [{ values: {} }, 'values.token'],
    [{ values: { token: 'two\nlines' } }, 'values.token'],
    [{ values: { token: 'x', extra: 'y' } }, 'values.extra'],
    [{ hosts: [] }, 'hosts'],
    [{ hosts: ['https://x.example/path'] }, 'hosts[0]'],
    [{ values: { token: 'x', testUrl: 'https://elsewhere.example/' } }, 'values.testUrl'],
    [{ type: 'http_header', values: { header: 'a b', value: 'x' } }, 'values.header'],
    [{ type: 'oauth2_client_credentials', values: { tokenUrl: 'http://plain.example/t', clientId: 'a', clientSecret: 'b' } }, 'values.tokenUrl'],
    [{ type: 'openai_compatible', values: { baseUrl: 'https://user:pw@x.example/v1', apiKey: 'b' }, hosts: undefined }, 'values.baseUrl'],
  ];
  for (const [more, path] of wrong) {
    const body = { name: 'wrong', type: 'http_bearer', values: { token: 'x' }, hosts: ['api.example.com'], ...more };
    const reply = await admin.call('POST', CREDENTIALS, { body });
    assert.equal(reply.status, 400, reply.text);
    if (path !== '') assert.equal(problemsOf(reply)[0]?.path, path, reply.text);
  }
  await make({ name: 'Taken' });
  const twice = { name: 'taken', type: 'http_bearer', values: { token: 'x' }, hosts: ['api.example.com'] };
  assert.equal((await admin.call('POST', CREDENTIALS, { body: twice })).status, 409);
  assert.equal((await user.call('POST', CREDENTIALS, { body: { ...twice, name: 'mine' } })).status, 403);
});

test('open pages hear of each change, and nothing of a credential stands in the events', async () => {
  const id = await make();
  await admin.expect(200, 'PATCH', `${CREDENTIALS}/${id}`, { name: 'renamed and heard of' });
  await admin.expect(204, 'DELETE', `${CREDENTIALS}/${id}`);
  const { rows } = await app.admin.query<{ payload: unknown }>(
    `select payload::jsonb as payload from outbox where type = 'identity:credential:changed' and id = $1 order by sequence`,
    [id],
  );
  assert.deepEqual(
    rows.map(({ payload }) => payload),
    [{ change: 'created' }, { change: 'changed' }, { change: 'deleted' }],
  );
});
