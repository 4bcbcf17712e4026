/** Notifications through the whole application: from a workflow that runs to the inbox of a person and the receivers of the outside. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { itemsOf } from '../test/api-client.ts';
import { startApp, type TestApp } from '../test/app.ts';
import { mailReceiver, webReceiver, type MailReceiver, type WebReceiver } from '../test/receiver.ts';
import { until } from '../test/until.ts';

let app: TestApp;
let web: WebReceiver;
let mail: MailReceiver;
before(async () => {
  [web, mail] = await Promise.all([webReceiver(), mailReceiver()]);
  // What it reads of the outbox ends where another database of the server still writes: this one has a server of its own.
  app = await startApp({ hasOwnServer: true, env: { SMTP_URL: mail.url, SMTP_FROM: 'Studio <studio@example.com>' } });
  await app.people.superAdmin.client.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: [web.host], publicOrigin: 'https://studio.example.com' });
});
after(async () => {
  // First: they hold the process where the app never came up.
  await web.close();
  await mail.close();
  await app.close();
});

const inboxOf = (person: 'admin' | 'user', query = ''): Promise<Record<string, unknown>> =>
  app.people[person].client.expect(200, 'GET', `/api/v1/notifications${query}`);

async function run(
  person: 'admin' | 'user',
  definition: Record<string, unknown>,
  input: unknown = {},
): Promise<{ readonly workflow: string; readonly instance: Record<string, unknown> }> {
  const { client } = app.people[person];
  const workflow = String((await client.expect(201, 'POST', '/api/v1/workflows', { name: 'Told', edges: [], ...definition }))['id']);
  const reply = await client.call('POST', `/api/v1/workflows/${workflow}/instances?wait=30`, { body: { input } });
  return { workflow, instance: reply.body as Record<string, unknown> };
}

const breaking = { nodes: [{ key: 'end', type: 'fail', params: { message: 'it broke' } }] };

test('who published a workflow that fails finds it in the inbox, hears of it in their own room alone, and reads it', async () => {
  const { client, userId, orgId } = app.people.user;
  const start = String((await inboxOf('user'))['cursor']);
  const { instance } = await run('user', breaking);
  await until('one to be unread', async () => (await inboxOf('user'))['unread'] === 1);
  const [told] = itemsOf(await inboxOf('user', '?unread=true'));
  assert.deepEqual([told?.['kind'], told?.['title'], told?.['instanceId'], told?.['readAt']], ['failed', 'Told failed', instance['id'], null]);
  assert.equal((await inboxOf('admin'))['unread'], 0);

  const heardIn = async (room: string) =>
    itemsOf(await client.expect(200, 'GET', `/api/v1/events?room=${room}&after=${start}&limit=1000`)).map((event) => event['event_type']);
  assert.deepEqual(await heardIn(`user:${userId}`), ['notify:notification:created']);
  assert.ok(!(await heardIn(`org:${orgId}`)).includes('notify:notification:created'));

  await app.people.admin.client.expect(404, 'POST', `/api/v1/notifications/${String(told?.['id'])}/read`);
  const read = await client.expect(200, 'POST', `/api/v1/notifications/${String(told?.['id'])}/read`);
  assert.notEqual(read['readAt'], null);
  assert.deepEqual(await client.expect(200, 'POST', '/api/v1/notifications/read-all'), { read: 0 });
  assert.equal((await inboxOf('user'))['unread'], 0);
  assert.deepEqual(await heardIn(`user:${userId}`), ['notify:notification:created', 'notify:notification:read']);
});

test('a notify step sends one signed webhook and one e-mail, and shows no secret anywhere', async () => {
  const { client } = app.people.admin;
  await client.expect(200, 'PUT', '/api/v1/secrets/HOOK_URL', { value: `${web.url}/canary-url` });
  await client.expect(200, 'PUT', '/api/v1/secrets/HOOK_KEY', { value: 'canary-key' });
  const { instance } = await run(
    'admin',
    {
      nodes: [
        {
          key: 'hook',
          type: 'notify',
          params: { channel: 'webhook', urlSecret: 'HOOK_URL', secret: 'HOOK_KEY', title: 'Hello {{ input.who }}', message: 'key {{ secrets.HOOK_KEY }}' },
        },
        { key: 'mail', type: 'notify', params: { channel: 'email', to: ['{{ input.to }}'], title: 'Hello' } },
      ],
    },
    { who: 'you', to: 'on-call@example.net' },
  );
  assert.equal(instance['status'], 'completed');
  const deliveries = async (): Promise<readonly Record<string, unknown>[]> => itemsOf((await client.call('GET', '/api/v1/notifications/deliveries')).body);
  await until('both to be sent', async () => (await deliveries()).filter((one) => one['status'] === 'sent').length === 2);
  assert.deepEqual([web.posted.length, mail.mailed.length], [1, 1]);
  const [posted] = web.posted;
  assert.equal(posted?.path, '/hook/canary-url');
  assert.match(String(posted.headers['webhook-signature']), /^v1,/);
  const body = JSON.parse(posted.body) as { type: string; data: Record<string, unknown> };
  assert.deepEqual([body.type, body.data['title'], body.data['body'], body.data['stepPath']], ['notify.message', 'Hello you', '***', 'hook']);
  assert.deepEqual([mail.mailed[0]?.from, mail.mailed[0]?.to], ['studio@example.com', ['on-call@example.net']]);
  const shown = await Promise.all(
    [`/api/v1/instances/${String(instance['id'])}/steps`, `/api/v1/instances/${String(instance['id'])}/events`, '/api/v1/notifications/deliveries'].map(
      (path) => client.call('GET', path),
    ),
  );
  assert.ok(shown.every((reply) => reply.status === 200));
  assert.doesNotMatch(shown.map((reply) => reply.text).join('\n') + app.logged(), /canary/);
  assert.deepEqual(
    itemsOf(shown[2]?.body)
      .map((delivery) => [delivery['target'], delivery['status'], delivery['attempts']])
      .toSorted(),
    [
      ['on-call@example.net', 'sent', 1],
      ['secret:HOOK_URL', 'sent', 1],
    ],
  );
});

test('a URL made of a secret is refused by the step, and names what to do', async () => {
  await app.people.admin.client.expect(200, 'PUT', '/api/v1/secrets/PART', { value: 'canary-part' });
  const { instance } = await run('admin', {
    nodes: [{ key: 'hook', type: 'notify', params: { channel: 'webhook', url: `${web.url}/{{ secrets.PART }}`, title: 'x' } }],
  });
  assert.equal((instance['error'] as Record<string, unknown>)['code'], 'secret_in_target');
});

test('what a step tells is kept under its idempotency key and path', async () => {
  const { instance } = await run('admin', {
    nodes: [{ key: 'tell', type: 'notify', params: { title: 'Once', to: ['user@example.com'] } }],
  });
  const before = itemsOf(await inboxOf('user')).filter((one) => one['title'] === 'Once').length;
  assert.equal(before, 1);
  const { rows } = await app.admin.query<{ source: string }>(`select source from notifications where instance_id = $1`, [instance['id']]);
  assert.match(rows[0]?.source ?? '', new RegExp(`^step:${app.people.admin.orgId}:tell:${String(instance['id'])}/tell/\\d+/in_app/`));
});

test('only administrators see deliveries and send tests; a test without a way to go is refused', async () => {
  await app.people.user.client.expect(403, 'GET', '/api/v1/notifications/deliveries');
  await app.people.user.client.expect(403, 'POST', '/api/v1/notifications/test', { channel: 'in_app' });
  const { client } = app.people.admin;
  await client.expect(400, 'POST', '/api/v1/notifications/test', { channel: 'webhook' });
  const told = await client.expect(202, 'POST', '/api/v1/notifications/test', { channel: 'email' });
  await until('the test to reach who asked for it', () => mail.mailed.some((one) => one.to.includes(app.people.admin.email)));
  assert.equal((told['deliveries'] as unknown[]).length, 1);
});

test('without a mail server, e-mail is refused when it is saved, with the remedy', async () => {
  const bare = await startApp();
  const { client } = bare.people.admin;
  const refused = async (definition: Record<string, unknown>): Promise<string> =>
    (await client.call('POST', '/api/v1/workflows', { body: { name: 'x', edges: [], nodes: [{ key: 'a', type: 'noop' }], ...definition } })).text;
  assert.match(await refused({ settings: { notify: [{ on: ['failed'], channel: 'email' }] } }), /settings\.notify\[0\]\.channel.*set SMTP_URL/);
  assert.match(await refused({ nodes: [{ key: 'a', type: 'notify', params: { channel: 'email', title: 'x' } }] }), /no_smtp/);
  assert.match((await client.call('PATCH', '/api/v1/settings', { body: { notifications: [{ on: ['failed'], channel: 'email' }] } })).text, /set SMTP_URL/);
  await bare.close();
});
