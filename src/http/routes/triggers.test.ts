import assert from 'node:assert/strict';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asObject, itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { testScenarios } from '../../test/scenarios.ts';
import { until } from '../../test/until.ts';

let app: TestApp;
let admin: ApiClient;
before(async () => {
  app = await startApp({ hasOwnServer: true });
  admin = app.people.superAdmin.client;
});
after(() => app.close());

const echo = [{ key: 'echo', type: 'set', params: { values: { input: '{{ input }}' } } }];
const definition = (triggers: object[], more: object = {}): object => ({ name: 'triggered', nodes: echo, edges: [], triggers, ...more });
async function publish(triggers: object[], more: object = {}): Promise<string> {
  return String((await admin.expect(201, 'POST', '/api/v1/workflows', definition(triggers, more)))['id']);
}
async function instancesOf(workflowId: string): Promise<Record<string, unknown>[]> {
  return itemsOf(await admin.expect(200, 'GET', `/api/v1/instances?workflowId=${workflowId}`));
}
const untilCount = (workflowId: string, count: number): Promise<Record<string, unknown>[]> =>
  until(`${count} instances of ${workflowId}`, async () => {
    const found = await instancesOf(workflowId);
    return found.length >= count ? found : undefined;
  });
async function run(workflowId: string, input: object = {}): Promise<string> {
  return String((await admin.expect(200, 'POST', `/api/v1/workflows/${workflowId}/instances?wait=30`, { input }))['id']);
}
async function triggerOf(workflowId: string, key: string): Promise<Record<string, unknown>> {
  const found = ((await admin.expect(200, 'GET', `/api/v1/workflows/${workflowId}`))['triggers'] as Record<string, unknown>[]).find(
    (one) => one['key'] === key,
  );
  assert.ok(found);
  return found;
}

test('an event starts the workflow that hears it, with the event as input, once; what happened before it listened does not', async () => {
  const source = await publish([]);
  await run(source);
  const params = { types: ['engine:instance:*'] };
  const hearer = await publish([
    {
      key: 'done',
      type: 'event',
      params: { ...params, filter: `event.event_type = 'engine:instance:completed' and '${source}' in event.room_keys.$substringAfter($, ':')` },
    },
  ]);
  const id = await run(source);
  const [started] = await untilCount(hearer, 1);
  assert.equal(started?.['startedBy'], 'event:done');
  assert.deepEqual(started?.['labels'], { 'studio.chain': '1' });
  const whole = await admin.expect(200, 'GET', `/api/v1/instances/${String(started?.['id'])}`);
  assert.equal(asObject(whole['input'])['entity_id'], id);
  await run(source);
  await untilCount(hearer, 2);
  assert.equal((await instancesOf(hearer)).length, 2, 'its own events are not heard');
  assert.equal(asObject((await triggerOf(hearer, 'done'))['lastResult'])['outcome'], 'started');
  await admin.expect(200, 'POST', `/api/v1/workflows/${hearer}/triggers/done/disable`);
});

test('two workflows that hear each other end after eight starts, and the trigger says why', async () => {
  const types = ['engine:instance:completed'];
  const filter = `$exists(event.payload.labels) = false or event.payload[status = 'completed'] != null or true`;
  const [one, other] = [
    await publish([{ key: 'ping', type: 'event', params: { types, filter } }]),
    await publish([{ key: 'pong', type: 'event', params: { types } }]),
  ];
  await run(one);
  const refusal = await until('the chain to end', async () => {
    const results = [await triggerOf(one, 'ping'), await triggerOf(other, 'pong')].map((trigger) => trigger['lastError']);
    return results.find((error) => typeof error === 'string');
  });
  assert.match(String(refusal), /8 starts by events in a row/);
  for (const [id, key] of [
    [one, 'ping'],
    [other, 'pong'],
  ] as const)
    await admin.expect(200, 'POST', `/api/v1/workflows/${id}/triggers/${key}/disable`);
  const chains = [...(await instancesOf(one)), ...(await instancesOf(other))].map((found) => Number(asObject(found['labels'])['studio.chain'] ?? 0));
  assert.equal(Math.max(...chains), 8);
});

test("another org's events are not heard, and nobody but a super administrator's workflow hears the machine's", async () => {
  const machineEvent = (sequence: number) =>
    app.admin.query(`insert into outbox (kind, id, sequence, type, org_id, payload) values ('service', 'redis', $1, 'supervise:service:changed', null, '{}')`, [
      sequence,
    ]);
  const trigger = (types: string[]): object => definition([{ key: 'ear', type: 'event', params: { types } }]);
  const { stranger, user } = app.people;
  const foreign = String((await stranger.client.expect(201, 'POST', '/api/v1/workflows', trigger(['files:*'])))['id']);
  const plain = String((await user.client.expect(201, 'POST', '/api/v1/workflows', trigger(['supervise:*'])))['id']);
  await machineEvent(9_000_001);
  const mine = await publish([{ key: 'sys', type: 'event', params: { types: ['supervise:service:changed'] } }]);
  await admin.call('PUT', '/api/v1/files/mine.txt', { body: 'x' });
  await machineEvent(9_000_002);
  await untilCount(mine, 1);
  assert.equal((await instancesOf(mine)).length, 1, 'what came before it listened is not heard');
  assert.deepEqual(await instancesOf(plain), []);
  assert.deepEqual(itemsOf(await stranger.client.expect(200, 'GET', `/api/v1/instances?workflowId=${foreign}`)), []);
  await admin.expect(200, 'POST', `/api/v1/workflows/${mine}/triggers/disable`);
});

test('a new or changed file of the folder and the pattern starts one instance; the same bytes again do not', async () => {
  const workflow = await publish([{ key: 'csv', type: 'file', params: { prefix: 'data/', pattern: '*.csv' } }]);
  const put = (path: string, body: string) => admin.call('PUT', `/api/v1/files/${path}`, { body, headers: { 'content-type': 'text/csv' } });
  await put('data/a.csv', '1');
  await put('data/a.csv', '1');
  await put('data/a.txt', '1');
  await put('other/a.csv', '1');
  await put('data/deep/a.csv', '1');
  await put('data/a.csv', '2');
  const found = await untilCount(workflow, 2);
  assert.equal(found.length, 2);
  const inputs = await Promise.all(found.map(async (one) => asObject((await admin.expect(200, 'GET', `/api/v1/instances/${String(one['id'])}`))['input'])));
  assert.deepEqual(
    inputs.map((input) => [input['path'], input['bytes'], input['mediaType'], String(input['sha256']).length]),
    [
      ['data/a.csv', 1, 'text/csv', 64],
      ['data/a.csv', 1, 'text/csv', 64],
    ],
  );
  assert.deepEqual(
    found.map((one) => one['startedBy']),
    ['file:csv', 'file:csv'],
  );
});

test('a workflow that writes where it listens does not hear itself', async () => {
  const write = { key: 'write', type: 'file.write', params: { path: 'echo/{{ instance.id }}.txt', content: 'x' } };
  const workflow = await publish([{ key: 'loop', type: 'file', params: { prefix: 'echo/' } }], { nodes: [write] });
  await admin.call('PUT', '/api/v1/files/echo/first.txt', { body: 'x' });
  await untilCount(workflow, 1);
  await until('its own file', async () => itemsOf(await admin.expect(200, 'GET', '/api/v1/files?prefix=echo/')).length >= 2);
  await admin.call('PUT', '/api/v1/files/echo/second.txt', { body: 'y' });
  await untilCount(workflow, 2);
  assert.equal((await instancesOf(workflow)).length, 2);
});

test('files dropped into the folder are taken when they settled; links, devices and odd names are not, with the reason', async () => {
  const workflow = await publish([{ key: 'drop', type: 'file', params: { pattern: '**', settleMs: 500 } }]);
  const folder = join(app.workspace, 'inbox', app.people.superAdmin.orgId);
  await mkdir(join(folder, 'sub'), { recursive: true });
  await writeFile(join(folder, 'a.csv'), 'x,y');
  await writeFile(join(folder, 'sub', 'u\u0308ber.txt'), 'decomposed');
  await writeFile(join(folder, 'back\\slash.txt'), 'hostile');
  await writeFile(join(folder, 'line\nbreak.txt'), 'hostile');
  await writeFile(join(folder, '.hidden.part'), 'unfinished');
  await symlink('/etc/passwd', join(folder, 'link.txt'));
  await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]), 'no utf-8');
  await untilCount(workflow, 2);
  const files = itemsOf(await admin.expect(200, 'GET', '/api/v1/files?prefix=inbox/')).map((file) => file['path']);
  assert.deepEqual(files.toSorted(), ['inbox/a.csv', 'inbox/sub/über.txt']);
  const left = (await readdir(folder)).toSorted();
  assert.deepEqual(
    left.filter((name) => !name.includes('\ufffd')),
    ['.hidden.part', 'back\\slash.txt', 'line\nbreak.txt', 'link.txt', 'sub'],
  );
  const reason = await until('the reason', async () => {
    const error = (await triggerOf(workflow, 'drop'))['lastError'];
    return typeof error === 'string' ? error : undefined;
  });
  assert.match(reason, /^inbox\/.*(backslash|control|link|UTF-8)/s);
});

test('all triggers are listed with their state; those of a workflow and of the org are switched at once, with a trail', async () => {
  const cron = { key: 'daily', type: 'cron', params: { expression: '0 8 * * *', timezone: 'Europe/Berlin' } };
  const workflow = await publish([cron, { key: 'hook', type: 'webhook', params: { auth: 'none' } }]);
  const mine = async (): Promise<Record<string, unknown>[]> =>
    itemsOf(await admin.expect(200, 'GET', '/api/v1/triggers?limit=200')).filter((one) => one['workflowId'] === workflow);
  assert.deepEqual(
    (await mine()).map((one) => [one['key'], one['state']]),
    [
      ['daily', 'active'],
      ['hook', 'active'],
    ],
  );
  const off = await admin.expect(200, 'POST', `/api/v1/workflows/${workflow}/triggers/disable`);
  assert.deepEqual(
    (off['triggers'] as Record<string, unknown>[]).map((one) => one['enabled']),
    [false, false],
  );
  assert.deepEqual(
    (await mine()).map((one) => one['state']),
    ['disabled', 'disabled'],
  );
  await admin.expect(200, 'POST', `/api/v1/workflows/${workflow}/triggers/enable`);
  assert.deepEqual(await admin.expect(200, 'POST', '/api/v1/triggers/pause'), { paused: true });
  assert.deepEqual(
    (await mine()).map((one) => one['state']),
    ['paused', 'paused'],
  );
  const url = String((await mine())[1]?.['url']);
  assert.equal((await fetch(`${app.url}${url}`, { method: 'POST' })).status, 409);
  assert.deepEqual(await admin.expect(200, 'POST', '/api/v1/triggers/resume'), { paused: false });
  assert.equal((await fetch(`${app.url}${url}`, { method: 'POST' })).status, 202);
  const trail = itemsOf(await admin.expect(200, 'GET', '/api/v1/audit?limit=50')).map((entry) => entry['action']);
  for (const action of ['trigger.disabled', 'trigger.enabled', 'settings.changed']) assert.ok(trail.includes(action), action);
  const page = await admin.expect(200, 'GET', '/api/v1/triggers?limit=1&type=cron');
  assert.equal(itemsOf(page).length, 1);
});

test('a webhook with a rate turns away what is too much, says when to come back, and answers copies all the same', async () => {
  const workflow = await publish([{ key: 'hook', type: 'webhook', params: { auth: 'none', rate: { limit: 3, perS: 3_600 } } }]);
  const url = `${app.url}${String((await triggerOf(workflow, 'hook'))['url'])}`;
  const send = (delivery: string): Promise<Response> => fetch(url, { method: 'POST', headers: { 'x-studio-delivery': delivery } });
  for (const delivery of ['a', 'b', 'c']) assert.equal((await send(delivery)).status, 202);
  const refused = await send('d');
  assert.equal(refused.status, 429);
  const waitS = Number(refused.headers.get('retry-after'));
  assert.ok(waitS > 0 && waitS <= 1_200, String(waitS));
  assert.equal((await send('a')).status, 202, 'a copy');
  assert.equal((await instancesOf(workflow)).length, 3);
});

const wrong = (triggers: object[], says: (string | RegExp)[], more: object = {}) => ({
  request: 'POST /api/v1/workflows',
  body: definition(triggers, more),
  expect: { status: 422, code: 'invalid_graph' as const, says },
});
const cron = (params: object): object => ({ key: 'x', type: 'cron', params });

testScenarios(
  () => app,
  [
    {
      name: 'a zone that is none is told at the zone',
      ...wrong([cron({ expression: '0 8 * * *', timezone: 'Mars/Olympus' })], ['params.timezone', 'Mars/Olympus']),
    },
    { name: 'an expression that is none is told at the expression', ...wrong([cron({ expression: '61 * * * *' })], ['params.expression', '61']) },
    { name: 'a time that never comes is refused', ...wrong([cron({ expression: '0 0 31 2 *' })], ['never fires']) },
    { name: 'an expression of 201 characters is refused', ...wrong([cron({ expression: `0 ${'1,'.repeat(100)}1 * * *` })], ['expression']) },
    {
      name: 'catching up a year of seconds is refused',
      ...wrong([cron({ expression: '* * * * * *', catchUp: 'all', catchUpWindowS: 31_536_000 })], ['catchUpWindowS', '10000']),
    },
    { name: 'an overlap that does not exist is refused', ...wrong([cron({ expression: '* * * * *', overlap: 'maybe' })], ['overlap']) },
    { name: 'a form that does not say who may is refused', ...wrong([{ key: 'x', type: 'form', params: {} }], ['access']) },
    { name: 'a public form without fields is refused', ...wrong([{ key: 'x', type: 'form', params: { access: 'public' } }], ['inputSchema']) },
    {
      name: 'an event that does not exist is refused',
      ...wrong([{ key: 'x', type: 'event', params: { types: ['engine:instance:exploded'] } }], ['types\\[0\\]', 'exploded']),
    },
    {
      name: 'a filter that reads more than the event is refused',
      ...wrong([{ key: 'x', type: 'event', params: { types: ['files:*'], filter: 'input.x = 1' } }], ['filter', 'input']),
    },
    {
      name: 'a filter that reads a secret is refused',
      ...wrong([{ key: 'x', type: 'event', params: { types: ['files:*'], filter: 'secrets.TOKEN' } }], ['filter', 'secret']),
    },
    { name: 'a filter that does not parse is refused', ...wrong([{ key: 'x', type: 'event', params: { types: ['files:*'], filter: 'event.' } }], ['filter']) },
    { name: 'a pattern whose braces are open is refused', ...wrong([{ key: 'x', type: 'file', params: { pattern: '{a' } }], ['pattern', 'braces']) },
    { name: 'a token without its algorithm is refused', ...wrong([{ key: 'x', type: 'webhook', params: { auth: 'jwt', secret: 'S' } }], ['jwt', 'alg']) },
    {
      name: 'a token of algorithm none is refused',
      ...wrong([{ key: 'x', type: 'webhook', params: { auth: 'jwt', secret: 'S', jwt: { alg: 'none' } } }], ['jwt']),
    },
    {
      name: 'triggers of a workflow that is not there are not found',
      request: 'POST /api/v1/workflows/wf_x/triggers/enable',
      expect: { status: 404, code: 'not_found' },
    },
    { name: 'a user may not pause the org', as: 'user', request: 'POST /api/v1/triggers/pause', expect: { status: 403, code: 'forbidden' } },
    { name: 'a type that does not exist is refused', request: 'GET /api/v1/triggers?type=magic', expect: { status: 400, code: 'invalid_query' } },
  ],
);
