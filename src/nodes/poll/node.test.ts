import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import { EgressError } from '../../kernel/egress-error.ts';
import { nodeContext } from '../../test/node-context.ts';
import { NodeError, type NodeResult } from '../kit.ts';
import type { HttpReply } from '../kit-ports.ts';
import { poll } from './node.ts';

interface Asked {
  readonly result: NodeResult;
  /** What `until` was asked over. */
  readonly names: Readonly<Record<string, Json>> | undefined;
}

async function ask(params: object, answer: number | Error, more: { state?: Json; holds?: boolean; elapsedMs?: number } = {}): Promise<Asked> {
  let names: Readonly<Record<string, Json>> | undefined;
  const reply = (status: number): HttpReply => ({ status, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"state":"x"}') });
  const context = nodeContext({
    state: more.state,
    elapsedMs: more.elapsedMs ?? 0,
    http: { request: async () => (typeof answer === 'number' ? reply(answer) : Promise.reject(answer)) },
    evaluate: async (_source, given) => {
      names = given;
      return more.holds ?? false;
    },
  });
  const values = poll.params.parse({ request: { url: 'https://a.b/' }, until: 'response.body.state = "y"', ...params });
  return { result: await poll.run(values as never, context), names };
}

test('ends with the last answer when the expression holds', async () => {
  const { result, names } = await ask({}, 200, { holds: true, state: { attempts: 2, pauseMs: 9 } });
  const response = { status: 200, headers: { 'content-type': 'application/json' }, body: { state: 'x' } };
  assert.deepEqual(result, { kind: 'output', output: { ...response, attempts: 3 } });
  assert.deepEqual(names, { response, attempt: 3, input: {}, item: null, index: null });
});

test('waits longer and longer between tries, up to a limit, and says what came', async () => {
  const params = { intervalMs: 1_000, factor: 3, maxIntervalMs: 2_000, maxAttempts: 9 };
  const first = await ask(params, 404);
  assert.deepEqual(first.result, {
    kind: 'wait',
    wait: { kind: 'again', afterMs: 1_000, message: 'try 1 of 9: the answer was 404; asks again in 1 s', state: { attempts: 1, pauseMs: 2_000 } },
  });
  const second = await ask(params, new EgressError('egress_failed', 'a.b does not answer'), { state: { attempts: 1, pauseMs: 2_000 } });
  assert.deepEqual(second.result, {
    kind: 'wait',
    wait: { kind: 'again', afterMs: 2_000, message: 'try 2 of 9: a.b does not answer; asks again in 2 s', state: { attempts: 2, pauseMs: 2_000 } },
  });
  assert.equal(second.names, undefined);
});

test('gives up after the last try or when the next would be too late, with the last answer', async () => {
  const exhausted = (says: RegExp) => (error: unknown) =>
    error instanceof NodeError && error.code === 'poll_exhausted' && !error.final && says.test(error.message);
  await assert.rejects(ask({ maxAttempts: 3 }, 202, { state: { attempts: 2, pauseMs: 5 } }), exhausted(/in 3 tries; at last the answer was 202/));
  await assert.rejects(ask({ intervalMs: 1_000, timeoutMs: 5_000 }, 202, { elapsedMs: 4_500 }), exhausted(/within 5000 ms/));
  await assert.rejects(ask({ maxAttempts: 1 }, 500), (error) => {
    assert.deepEqual(error instanceof NodeError && error.details, { attempts: 1, status: 500, body: { state: 'x' } });
    return true;
  });
});

test('a refusal of the guard ends it at once', async () => {
  await assert.rejects(
    ask({}, new EgressError('egress_refused', 'a.b is 10.0.0.1')),
    (error) => error instanceof NodeError && error.code === 'egress_refused' && error.final,
  );
});

test('refuses, when it is saved, a URL that can not be asked', () => {
  const check = (url: string): readonly string[] =>
    (poll.check?.({ key: 'a', type: 'poll', params: { request: { url }, until: 'true' } }) ?? []).map(({ code, path }) => `${code} ${path}`);
  assert.deepEqual([check('https://a.b/{{ input.id }}'), check('a.b')], [[], ['bad_url params.request.url']]);
});
