/** Waits that people end, over the API: approvals, manual starts, debug mode. Each scenario asserts that nothing else happened. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import type { GraphNode } from '../../contract/graph.ts';
import { itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { node } from '../../test/graph-nodes.ts';
import { createKey } from '../../test/people.ts';
import { testScenarios, type Scenario } from '../../test/scenarios.ts';
import { startInstance, untilStatus } from '../../test/waiting-instances.ts';

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
  const make = async (name: string, nodes: readonly GraphNode[], options: Parameters<typeof startInstance>[2] = {}): Promise<void> => {
    ids[name] = await startInstance(user, { name, nodes }, options);
  };
  const approval = (params: Record<string, Json>): GraphNode => node('ask', 'approval', { title: 'Publish?', ...params });
  await make('plain', [approval({})]);
  await make('filled', [approval({ form })]);
  await make('admins', [approval({ approvers: { roles: ['admin'] } })]);
  await make('named', [approval({ approvers: { users: ['USER@example.com'] } })]);
  await make('others', [approval({ selfApproval: false })]);
  await make('two', [approval({ approvers: { count: 2 } })]);
  await make('call', [node('ask', 'wait.webhook')]);
  await make('manual', [node('ask', 'noop', {}, { start: 'manual' })]);
  await make('debugged', [node('ask', 'noop')], { body: { debug: true } });
  await make('finished', [node('ask', 'noop')], { status: 'completed' });
});
after(() => app.close());

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
    for (const name of ['manual', 'debugged']) await untilStatus(user, ids[name] ?? '', 'completed');
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
