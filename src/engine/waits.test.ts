/** What ends a wait without a person: calls from outside, polls, and the limits of time; over crashes. People: waits-people. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import type { GraphEdge, GraphNode } from '../contract/graph.ts';
import { AppError } from '../kernel/fail.ts';
import type { HttpReply, HttpRequest } from '../nodes/kit-ports.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { node, set } from '../test/graph-nodes.ts';
import { refused } from '../test/refused.ts';
import { createCallbacks, type Callbacks } from './callbacks.ts';

let harness: EngineHarness;
/** What a poll is answered, one after another; the last again and again. */
let answers: (() => HttpReply)[] = [];
const asked: HttpRequest[] = [];

before(async () => {
  harness = await engineHarness({
    http: {
      async request(request) {
        asked.push(request);
        const answer = answers.length > 1 ? answers.shift() : answers[0];
        if (answer === undefined) throw new Error('no answer is prepared');
        return answer();
      },
    },
  });
});
afterEach(() => {
  answers = [];
  asked.length = 0;
});
after(() => harness.close());

const waiting = (nodes: readonly GraphNode[], edges: readonly GraphEdge[] = [], path?: string): Promise<string> =>
  harness.startWaiting({ nodes: [...nodes], edges: [...edges] }, path);

function callbacks(): Callbacks {
  return createCallbacks({
    database: harness.db.database,
    clock: harness.clock,
    secrets: { read: async (_orgId, name) => harness.secrets.get(name) },
    commandStep: (request) => harness.engine.commandStep(request),
  });
}

async function tokenOf(id: string, path = 'wait'): Promise<string> {
  const url = (await harness.steps(id))[path]?.waitReason?.url ?? '';
  assert.match(url, /^\/webhooks\/cb_[A-Za-z0-9_-]{32}$/);
  return url.slice('/webhooks/'.length);
}

function call(
  token: string,
  body: string,
  more: { method?: 'GET' | 'POST'; headers?: Record<string, string>; at?: Callbacks } = {},
): Promise<{ instanceId: string }> {
  const headers = new Headers({ 'content-type': 'application/json', ...more.headers });
  const request = {
    token,
    method: more.method ?? ('POST' as const),
    headers,
    query: new URLSearchParams('a=1'),
    body: Buffer.from(body),
    requestId: 'req_call',
  };
  return (more.at ?? callbacks()).receive(request);
}

describe('wait.webhook', () => {
  it('hands on what the first call brought; every later one changes nothing', async () => {
    const id = await waiting([node('wait', 'wait.webhook'), set('after', { got: '{{ steps.wait.output.body.n }}' })], [{ from: 'wait.received', to: 'after' }]);
    const token = await tokenOf(id);
    assert.deepEqual(await call(token, '{"n":7}', { headers: { authorization: 'Bearer x', 'x-a': 'b' } }), { instanceId: id });
    assert.deepEqual((await harness.ended(id)).output, { got: 7 });
    const output = (await harness.steps(id))['wait']?.output as Record<string, Json>;
    assert.deepEqual([output['method'], output['query'], output['headers']], ['POST', { a: '1' }, { 'content-type': 'application/json', 'x-a': 'b' }]);
    const { seq } = await harness.instance(id);
    await assert.rejects(call(token, '{"n":8}'), refused('not_found', /another call was first/));
    assert.equal((await harness.instance(id)).seq, seq);
  });

  it('lets one of fifty calls at once through', async () => {
    const id = await waiting([node('wait', 'wait.webhook')]);
    const token = await tokenOf(id);
    const at = callbacks();
    const results = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => call(token, JSON.stringify({ n }), { at })));
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
    for (const result of results) if (result.status === 'rejected') assert.ok(refused('not_found')(result.reason), String(result.reason));
    assert.equal((await harness.ended(id)).status, 'completed');
    assert.equal((await harness.events(id)).filter(({ type }) => type === 'engine:step:completed').length, 1);
  });

  it('keeps its URL over a crash', async () => {
    const id = await waiting([node('wait', 'wait.webhook', { timeoutMs: 60_000 })]);
    const token = await tokenOf(id);
    await harness.takeOver();
    assert.equal(await tokenOf(id), token);
    await call(token, '{}');
    assert.equal((await harness.ended(id)).status, 'completed');
  });

  it('takes a call that reaches another process, whatever it brings', async () => {
    const id = await waiting([node('wait', 'wait.webhook')]);
    const token = await tokenOf(id);
    const owner = harness.engine;
    const other = await harness.boot({ isAlone: false, database: harness.db.open() });
    let isDone = false;
    const called = call(token, '{"odd":"\\u0000"}').finally(() => (isDone = true));
    await harness.until(async () => {
      await harness.clock.advance(100);
      return isDone;
    }, 'the owner answers');
    assert.deepEqual(await called, { instanceId: id });
    assert.deepEqual(((await harness.ended(id)).output as { body: Json }).body, { odd: '\0' });
    await other.stop();
    harness.engine = owner;
  });

  it('fails when nobody calls in time, or leaves by a port, also when the time ran out while no process lived', async () => {
    const failing = await waiting([node('wait', 'wait.webhook', { timeoutMs: 5_000 })]);
    const going = await waiting(
      [node('wait', 'wait.webhook', { timeoutMs: 5_000, onTimeout: 'continue' }), set('late', { late: true }), set('called', { late: false })],
      [
        { from: 'wait.timeout', to: 'late' },
        { from: 'wait.received', to: 'called' },
      ],
    );
    const token = await tokenOf(going);
    harness.engine.crash();
    await harness.clock.advance(5_001);
    await harness.boot();
    const failed = await harness.ended(failing);
    assert.deepEqual([failed.status, failed.error?.code, (await harness.steps(failing))['wait']?.status], ['failed', 'timeout', 'timed_out']);
    assert.equal((await harness.ended(going)).status, 'completed');
    const steps = await harness.steps(going);
    assert.deepEqual([steps['late']?.status, steps['called']?.status, steps['wait']?.output], ['completed', 'skipped', { timedOut: true }]);
    await assert.rejects(call(token, '{}'), refused('not_found'));
  });

  it('takes only calls that prove themselves where a secret is named, and none without the secret', async () => {
    const id = await waiting([node('wait', 'wait.webhook', { auth: 'hmac', secret: 'PAYMENTS', methods: ['GET', 'POST'] })]);
    const token = await tokenOf(id);
    await assert.rejects(call(token, '{}'), refused('forbidden', /secret is missing/));
    harness.secrets.set('PAYMENTS', 's3cret');
    await assert.rejects(call(token, '{}'), refused('unauthenticated'));
    const at = String(Math.floor(harness.clock.now() / 1_000));
    const signature = createHmac('sha256', 's3cret').update(`d1.${at}.{}`).digest('hex');
    const headers = { 'x-studio-delivery': 'd1', 'x-studio-timestamp': at, 'x-studio-signature': `sha256=${signature}` };
    await assert.rejects(call(token, '{"forged":1}', { headers }), refused('unauthenticated'));
    await call(token, '{}', { headers });
    assert.equal((await harness.ended(id)).status, 'completed');
  });

  it('refuses methods that it does not name, unknown URLs, and too many calls', async () => {
    const id = await waiting([node('wait', 'wait.webhook', { auth: 'header', secret: 'GUESSED' })]);
    harness.secrets.set('GUESSED', 'x');
    const token = await tokenOf(id);
    await assert.rejects(call(token, '', { method: 'GET' }), refused('not_found', /GET/));
    for (const odd of ['cb_', 'cb_x', `cb_${'a'.repeat(32)}`, `${token}x`, "cb_'; drop table steps; --"])
      await assert.rejects(call(odd, '{}'), refused('not_found'), odd);
    const at = callbacks();
    for (let n = 0; n < 120; n++) await assert.rejects(call(token, '{}', { at }), refused('unauthenticated'));
    await assert.rejects(call(token, '{}', { at }), refused('rate_limited'));
    await harness.engine.commandInstance({ orgId: harness.orgId, id, command: 'cancel', requestId: 'req_c' });
    await assert.rejects(call(token, '{}', { headers: { 'x-studio-secret': 'x' } }), refused('not_found'));
    assert.equal((await harness.instance(id)).status, 'cancelled');
  });
});

describe('poll', () => {
  const reply = (status: number, body: Json) => (): HttpReply => ({
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(body)),
  });
  const poll = (more: Record<string, Json> = {}): GraphNode =>
    node('wait', 'poll', {
      request: { url: 'https://build.example.com/{{ input.n }}' },
      until: 'response.body.state = "done" and input.n = 3',
      intervalMs: 1_000,
      factor: 2,
      ...more,
    });
  const start = async (nodes: GraphNode[]): Promise<string> => harness.start(await harness.publish({ nodes }), { n: 3 });

  it('asks until the expression holds, with no process between, and counts over a crash', async () => {
    answers = [reply(404, {}), reply(200, { state: 'building' }), reply(200, { state: 'done' })];
    const id = await start([poll()]);
    await harness.until(async () => (await harness.steps(id))['wait']?.status === 'waiting');
    assert.equal((await harness.steps(id))['wait']?.waitReason?.message, 'try 1 of 100: the answer was 404; asks again in 1 s');
    await harness.takeOver();
    await harness.clock.advance(1_000);
    await harness.until(async () => (await harness.steps(id))['wait']?.waitReason?.message.startsWith('try 2') === true, 'the second try');
    await harness.clock.advance(1_999);
    assert.equal(asked.length, 2);
    await harness.clock.advance(1);
    assert.deepEqual((await harness.ended(id)).output, { status: 200, headers: { 'content-type': 'application/json' }, body: { state: 'done' }, attempts: 3 });
    assert.deepEqual([...new Set(asked.map(({ url }) => url))], ['https://build.example.com/3']);
  });

  it('gives up after its tries or its time, with what came last', async () => {
    answers = [reply(202, { state: 'building' })];
    const tried = await start([poll({ maxAttempts: 2 })]);
    const timed = await start([poll({ timeoutMs: 2_500 })]);
    for (let second = 0; second < 8; second++) {
      await harness.until(
        async () =>
          ['waiting', 'failed'].includes((await harness.instance(tried)).status) && ['waiting', 'failed'].includes((await harness.instance(timed)).status),
      );
      await harness.clock.advance(1_000);
    }
    const error = (await harness.ended(tried)).error;
    assert.deepEqual([error?.code, error?.details], ['poll_exhausted', { attempts: 2, status: 202, body: { state: 'building' } }]);
    assert.match((await harness.ended(timed)).error?.message ?? '', /within 2500 ms/);
  });

  it('refuses an expression over what is not there when it is saved', async () => {
    await assert.rejects(
      harness.publish({ nodes: [poll({ until: 'respnse.status = 200' })] }),
      (error) => error instanceof AppError && /response/.test(JSON.stringify(error.details)),
    );
    await assert.rejects(harness.publish({ nodes: [poll({ until: '1 +' })] }), refused('invalid_graph'));
  });
});

describe('the limit of a node, on every kind of wait', () => {
  const child = async (): Promise<string> => harness.publish({ nodes: [node('wait', 'wait.timer', { durationMs: 1_000_000 })] });
  const kinds: readonly (readonly [string, () => Promise<GraphNode> | GraphNode])[] = [
    ['a timer', () => node('wait', 'wait.timer', { durationMs: 60_000 }, { timeoutMs: 1_000 })],
    ['a callback', () => node('wait', 'wait.webhook', { timeoutMs: 60_000, onTimeout: 'continue' }, { timeoutMs: 1_000 })],
    ['an approval', () => node('wait', 'approval', { title: 'Go?', timeoutMs: 60_000, onTimeout: 'approve' }, { timeoutMs: 1_000 })],
    ['a manual start', () => node('wait', 'noop', {}, { start: 'manual', timeoutMs: 1_000 })],
    ['a called workflow', async () => node('wait', 'workflow.call', { workflowId: await child() }, { timeoutMs: 1_000 })],
    ['a poll', () => node('wait', 'poll', { request: { url: 'https://a.b/' }, until: 'false', intervalMs: 700, factor: 1 }, { timeoutMs: 1_000 })],
  ];
  for (const [name, make] of kinds)
    it(`ends ${name}, also when no process lived`, async () => {
      answers = [() => ({ status: 200, headers: {}, body: Buffer.from('') })];
      const id = await waiting([await make()]);
      const lost = await waiting([await make()]);
      await harness.takeOver();
      for (let tick = 0; tick < 3; tick++) {
        await harness.clock.advance(500);
        for (const one of [id, lost]) await harness.until(async () => !['queued', 'running'].includes((await harness.steps(one))['wait']?.status ?? ''));
      }
      for (const one of [id, lost]) {
        const ended = await harness.ended(one);
        assert.deepEqual(
          [ended.status, ended.error?.code, (await harness.steps(one))['wait']?.status],
          ['failed', 'timeout', 'timed_out'],
          JSON.stringify(ended.error),
        );
      }
    });
});
