/** Waits that people end, over the API: approvals, callbacks, manual starts, debug mode. Each scenario asserts that nothing else happened. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { createKey } from '../../test/people.ts';
import { testScenarios, type Scenario } from '../../test/scenarios.ts';

let app: TestApp;
let user: ApiClient;
/** Waiting instances, by what waits. */
const ids: Record<string, string> = {};

const form = {
  type: 'object',
  properties: { price: { type: 'number', title: 'Price' }, note: { type: 'string', pattern: '^(a+)+$' } },
  required: ['price'],
  additionalProperties: false,
};

before(async () => {
  app = await startApp();
  user = app.people.user.client;
  await app.people.admin.client.expect(200, 'PUT', '/api/v1/secrets/CALLS', { value: 'let me in' });
  const make = async (name: string, nodes: object[], more: object = {}): Promise<void> => {
    const workflow = await user.expect(201, 'POST', '/api/v1/workflows', { name, nodes, edges: [], settings: { notify: [] } });
    const instance = await user.expect(201, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances`, more);
    ids[name] = String(instance['id']);
    const status = name === 'finished' ? 'completed' : 'waiting';
    while ((await user.expect(200, 'GET', `/api/v1/instances/${ids[name]}`))['status'] !== status) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const approval = (params: object): object => ({ key: 'ask', type: 'approval', params: { title: 'Publish?', ...params } });
  await make('plain', [approval({})]);
  await make('filled', [approval({ form })]);
  await make('admins', [approval({ approvers: { roles: ['admin'] } })]);
  await make('named', [approval({ approvers: { users: ['USER@example.com'] } })]);
  await make('others', [approval({ selfApproval: false })]);
  await make('two', [approval({ approvers: { count: 2 } })]);
  await make('call', [{ key: 'ask', type: 'wait.webhook', params: { methods: ['GET', 'POST'] } }]);
  await make('proven', [{ key: 'ask', type: 'wait.webhook', params: { auth: 'header', secret: 'CALLS' } }]);
  await make('manual', [{ key: 'ask', type: 'noop', start: 'manual' }]);
  await make('debugged', [{ key: 'ask', type: 'noop' }], { debug: true });
  await make('finished', [{ key: 'ask', type: 'noop' }]);
  ids['callUrl'] = await urlOf('call');
  ids['provenUrl'] = await urlOf('proven');
});
after(() => app.close());

async function urlOf(name: string): Promise<string> {
  const [step] = itemsOf(await user.expect(200, 'GET', `/api/v1/instances/${ids[name]}/steps`));
  return String((step?.['waitReason'] as { url?: string } | undefined)?.url);
}

const at =
  (name: string, command: string, path = 'ask') =>
  (): string =>
    `POST /api/v1/instances/${ids[name]}/steps/${path}/${command}`;
const ended: Scenario['events'] = ['engine:step:completed', 'engine:instance:completed'];
const decided = (who: string, decision: string, more: object = {}): object => ({ name: who, decision, ...more });

describe('approvals', () => {
  testScenarios(
    () => app,
    [
      { name: 'nobody decides without signing in', as: 'anonymous', request: at('plain', 'approve'), expect: { status: 401, code: 'unauthenticated' } },
      { name: 'the other org finds nothing to decide', as: 'stranger', request: at('plain', 'approve'), expect: { status: 404, code: 'not_found' } },
      { name: 'there is no such step', as: 'user', request: at('plain', 'approve', 'ghost'), expect: { status: 404, code: 'not_found' } },
      { name: 'a path that is none', as: 'user', request: at('plain', 'approve', "a'%20or%201=1"), expect: { status: 404, code: 'not_found' } },
      {
        name: 'what waits for a call takes no approval',
        as: 'user',
        request: at('call', 'approve'),
        expect: { status: 409, code: 'illegal_transition', says: ['webhook'] },
      },
      {
        name: 'what has ended takes none',
        as: 'user',
        request: at('finished', 'approve'),
        expect: { status: 409, code: 'illegal_transition', says: ['completed'] },
      },
      {
        name: 'an unknown key in the body is refused',
        as: 'user',
        request: at('plain', 'approve'),
        body: { form: {}, why: 'x' },
        expect: { status: 400, code: 'invalid_body', says: ['why'] },
      },
      { name: 'a rejection takes no form', as: 'user', request: at('plain', 'reject'), body: { form: {} }, expect: { status: 400, code: 'invalid_body' } },
      {
        name: 'a comment that is too long',
        as: 'user',
        request: at('plain', 'reject'),
        body: { comment: 'x'.repeat(4_001) },
        expect: { status: 400, code: 'invalid_body', says: ['comment'] },
      },
      {
        name: 'a NUL in the comment',
        as: 'user',
        request: at('plain', 'reject'),
        body: { comment: 'a\u0000b' },
        expect: { status: 400, code: 'invalid_body', says: ['NUL'] },
      },
      {
        name: 'a form without what it needs, by field',
        as: 'user',
        request: at('filled', 'approve'),
        body: {},
        expect: { status: 400, code: 'invalid_body', says: ['form.price'] },
      },
      { name: 'a form of another type', as: 'user', request: at('filled', 'approve'), body: { form: [1] }, expect: { status: 400, code: 'invalid_body' } },
      {
        name: 'a form with a field too many',
        as: 'user',
        request: at('filled', 'approve'),
        body: { form: { price: 1, __proto: 1 } },
        expect: { status: 400, code: 'invalid_body' },
      },
      {
        name: 'a form that would keep its pattern busy for ever is given up',
        as: 'user',
        request: at('filled', 'approve'),
        body: { form: { price: 1, note: `${'a'.repeat(60)}!` } },
        expect: { status: 400, code: 'invalid_body' },
      },
      {
        name: 'a form that is too large',
        as: 'user',
        request: at('plain', 'approve'),
        body: { form: 'x'.repeat(70_000) },
        expect: { status: 413, code: 'too_large', says: ['65536'] },
      },
      {
        name: 'who may not decide learns who may',
        as: 'user',
        request: at('admins', 'approve'),
        expect: { status: 403, code: 'forbidden', says: ['role admin'] },
      },
      {
        name: 'who was not named learns who was',
        as: 'admin',
        request: at('named', 'reject'),
        expect: { status: 403, code: 'forbidden', says: ['USER@example.com'] },
      },
      {
        name: 'who started it may not decide where others have to',
        as: 'user',
        request: at('others', 'approve'),
        expect: { status: 403, code: 'forbidden', says: ['started'] },
      },
      {
        name: 'the list names what the caller may decide, newest first',
        as: 'user',
        request: 'GET /api/v1/approvals',
        expect: { status: 200 },
        keep: (body) =>
          assert.deepEqual(
            itemsOf(body).map((item) => item['workflowName']),
            ['two', 'named', 'filled', 'plain'],
          ),
      },
      {
        name: 'a page of it, and where the next begins',
        as: 'user',
        request: 'GET /api/v1/approvals?limit=2',
        expect: { status: 200 },
        keep: (body) => (ids['next'] = String(body['next'])),
      },
      {
        name: 'the next page',
        as: 'user',
        request: () => `GET /api/v1/approvals?limit=2&after=${encodeURIComponent(ids['next'] ?? '')}`,
        expect: { status: 200, body: { next: null } },
        keep: (body) =>
          assert.deepEqual(
            itemsOf(body).map((item) => item['workflowName']),
            ['filled', 'plain'],
          ),
      },
      { name: 'a place that no page gave', as: 'user', request: 'GET /api/v1/approvals?after=x', expect: { status: 400, code: 'invalid_query' } },
      {
        name: 'all of the org, on request',
        as: 'user',
        request: 'GET /api/v1/approvals?all=true',
        expect: { status: 200 },
        keep: (body) => assert.equal(itemsOf(body).length, 6),
      },
      { name: 'nothing of it in another org', as: 'stranger', request: 'GET /api/v1/approvals?all=true', expect: { status: 200, body: { items: [] } } },
      {
        name: 'an approval with its form and reason',
        as: 'user',
        request: at('filled', 'approve'),
        body: { form: { price: 7 }, comment: 'fair' },
        expect: {
          status: 200,
          body: {
            effect: 'advancing',
            instance: { status: 'completed', output: { approved: true, form: { price: 7 }, decisions: [decided('user', 'approve', { comment: 'fair' })] } },
          },
        },
        events: ended,
      },
      { name: 'a second one comes too late', as: 'admin', request: at('filled', 'reject'), expect: { status: 409, code: 'illegal_transition' } },
      {
        name: 'a rejection',
        as: 'admin',
        request: at('admins', 'reject'),
        expect: { status: 200, body: { instance: { output: { approved: false } } } },
        events: ended,
      },
      {
        name: 'the first of two',
        as: 'user',
        request: at('two', 'approve'),
        expect: { status: 200, body: { instance: { status: 'waiting' } } },
        events: ['engine:step:waiting'],
      },
      {
        name: 'the same person counts once',
        as: 'user',
        request: at('two', 'approve'),
        expect: { status: 409, code: 'illegal_transition', says: ['decided already'] },
      },
      {
        name: 'who has decided is not asked again',
        as: 'user',
        request: 'GET /api/v1/approvals',
        expect: { status: 200 },
        keep: (body) =>
          assert.deepEqual(
            itemsOf(body).map((item) => item['workflowName']),
            ['named', 'plain'],
          ),
      },
      {
        name: 'the second of two',
        as: 'admin',
        request: at('two', 'approve'),
        expect: { status: 200, body: { instance: { status: 'completed', output: { decisions: [decided('user', 'approve'), decided('admin', 'approve')] } } } },
        events: ended,
      },
      { name: 'somebody else decides for who started it', as: 'admin', request: at('others', 'approve'), expect: { status: 200 }, events: ended },
    ],
  );

  test('an API key counts as its owner, and needs the scope', async () => {
    const reader = await createKey(app.people.user, ['instances:read']);
    assert.equal((await reader.call('POST', `/api/v1/instances/${ids['named']}/steps/ask/approve`)).status, 403);
    const runner = await createKey(app.people.user, ['instances:run', 'instances:read']);
    const reply = await runner.expect(200, 'POST', `/api/v1/instances/${ids['named']}/steps/ask/approve`);
    const { output } = reply['instance'] as { output: { decisions: { userId: string }[] } };
    assert.deepEqual(
      output.decisions.map(({ userId }) => userId),
      [app.people.user.userId],
    );
  });
});

describe('calls of waiting steps', () => {
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
    const output = async (name: string): Promise<unknown> => (await user.expect(200, 'GET', `/api/v1/instances/${ids[name]}`))['output'];
    assert.equal(JSON.stringify(await output('proven')).includes('let me in'), false);
    assert.equal(((await output('call')) as { query: { ok: string } }).query.ok, '1');
    assert.equal(app.logged().includes(String(ids['callUrl']).slice('/webhooks/'.length)), false);
  });
});

describe('steps that a person starts', () => {
  testScenarios(
    () => app,
    [
      {
        name: 'what does not wait for a start is not started',
        as: 'user',
        request: at('plain', 'start'),
        expect: { status: 409, code: 'illegal_transition', says: ['approval'] },
      },
      { name: 'nor is anything of another org', as: 'stranger', request: at('manual', 'start'), expect: { status: 404, code: 'not_found' } },
      {
        name: 'an instance that waits for approval is not resumed',
        as: 'user',
        request: () => `POST /api/v1/instances/${ids['plain']}/resume`,
        expect: { status: 409, code: 'illegal_transition' },
      },
      {
        name: 'resume takes nothing else',
        as: 'user',
        request: () => `POST /api/v1/instances/${ids['debugged']}/resume`,
        body: { debug: 'no' },
        expect: { status: 400, code: 'invalid_body' },
      },
    ],
  );

  test('a manual step starts, and says who started it', async () => {
    await user.expect(200, 'POST', `/api/v1/instances/${ids['manual']}/steps/ask/start`);
    await app.people.admin.client.expect(200, 'POST', `/api/v1/instances/${ids['debugged']}/resume`, { debug: false });
    for (const name of ['manual', 'debugged'])
      while ((await user.expect(200, 'GET', `/api/v1/instances/${ids[name]}`))['status'] !== 'completed')
        await new Promise((resolve) => setTimeout(resolve, 5));
    const { rows } = await app.admin.query<{ reason: string }>(
      `select payload::jsonb ->> 'reason' as reason from outbox where id = $1 and type = 'engine:step:queued'`,
      [ids['manual']],
    );
    assert.deepEqual(
      rows.map(({ reason }) => reason),
      ['started by user'],
    );
    const instance = await user.expect(200, 'GET', `/api/v1/instances/${ids['debugged']}`);
    assert.equal(instance['debug'], undefined);
  });
});
