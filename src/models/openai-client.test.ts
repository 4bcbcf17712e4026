import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { startFakeOpenAi, type FakeOpenAi } from '../test/fake-openai.ts';
import { createDirectSend } from './direct-send.ts';
import type { ChatCall, ModelEngine, Piece } from './engine.ts';
import { createOpenAiEngine } from './openai-client.ts';
import { UpstreamError } from './upstream.ts';

let fake: FakeOpenAi;
let engine: ModelEngine;
let direct: ReturnType<typeof createDirectSend>;

before(async () => {
  fake = await startFakeOpenAi();
  direct = createDirectSend(fake.url);
  engine = createOpenAiEngine({ send: direct.send, clock: systemClock, model: 'tiny', host: 'fake', firstMs: 5_000, idleMs: 200 });
});
beforeEach(() => {
  fake.behave({});
  fake.calls.length = 0;
});
after(async () => {
  direct.close();
  await fake.close();
});

const hello: ChatCall = { messages: [{ role: 'user', content: 'hello there' }], sampling: {} };
const never = new AbortController().signal;

async function all(pieces: AsyncIterable<Piece>): Promise<Piece[]> {
  const list: Piece[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}
const textOf = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text ?? '').join('');
const faultIs = (fault: string) => (error: unknown) => error instanceof UpstreamError && error.fault === fault;

test('a chat comes in pieces, and ends with its reason and usage', async () => {
  const pieces = await all(engine.chat(hello, never));
  assert.equal(textOf(pieces), 'You said: hello there');
  assert.deepEqual(
    pieces.flatMap(({ finish }) => finish ?? []),
    ['stop'],
  );
  assert.deepEqual(pieces.at(-1)?.usage, { promptTokens: 2, completionTokens: 4 });
});

test('what the caller asked for reaches the server by the names of the API, and fields of its own are handed on', async () => {
  const sampling = { maxTokens: 2, temperature: 0, topP: 0.5, topK: 3, seed: 7, stop: ['x'], frequencyPenalty: 1, presencePenalty: 2, logprobs: 4 };
  const pieces = await all(
    engine.chat(
      { ...hello, tools: [{ type: 'function' }], responseFormat: { type: 'json_object' }, sampling, extra: { reasoning_effort: 'low', model: 'other' } },
      never,
    ),
  );
  assert.deepEqual(fake.calls[0]?.body, {
    reasoning_effort: 'low',
    model: 'tiny',
    messages: hello.messages,
    tools: [{ type: 'function' }],
    response_format: { type: 'json_object' },
    max_tokens: 2,
    temperature: 0,
    top_p: 0.5,
    top_k: 3,
    seed: 7,
    stop: ['x'],
    frequency_penalty: 1,
    presence_penalty: 2,
    logprobs: true,
    top_logprobs: 4,
    stream: true,
    stream_options: { include_usage: true },
  });
  assert.ok(pieces.some(({ finish }) => finish === 'length'));
  assert.ok(pieces.some(({ logprobs }) => logprobs !== undefined));
});

test('calls of tools come as deltas', async () => {
  fake.behave({ callTool: { city: 'Paris' } });
  const pieces = await all(engine.chat({ ...hello, tools: [{ type: 'function', function: { name: 'weather' } }] }, never));
  const deltas = pieces.flatMap(({ toolCalls }) => (toolCalls ?? []) as { function: { arguments: string } }[]);
  assert.equal(deltas.map((delta) => delta.function.arguments).join(''), '{"city":"Paris"}');
  assert.ok(pieces.some(({ finish }) => finish === 'tool_calls'));
});

test('a server that does not stream is understood, too', async () => {
  fake.behave({ isWhole: true });
  assert.equal(textOf(await all(engine.chat(hello, never))), 'You said: hello there');
});

test('a completion and what a model thinks aloud are read', async () => {
  assert.equal(textOf(await all(engine.complete({ prompt: 'once upon', sampling: {} }, never))), 'You said: once upon');
  fake.behave({ reasoning: 'hm' });
  assert.equal((await all(engine.chat(hello, never)))[0]?.reasoning, 'hm');
});

test('vectors come in the order of their texts', async () => {
  const embedding = createOpenAiEngine({ send: direct.send, clock: systemClock, model: 'tiny-embed', host: 'fake' });
  const { vectors, usage } = await embedding.embed(['a', 'bcd'], never, { dimensions: 4 });
  assert.deepEqual([vectors.map((vector) => vector.length), vectors[0]?.[0], vectors[1]?.[0]], [[4, 4], 2, 4]);
  assert.equal(usage.promptTokens, 2);
});

test('faults have their class: a refused request, a bad key, a busy server, a broken one, none at all', async () => {
  for (const [status, fault] of [
    [400, 'refused'],
    [401, 'denied'],
    [429, 'overloaded'],
    [500, 'failed'],
  ] as const) {
    fake.behave({ status, retryAfterS: 7 });
    await assert.rejects(all(engine.chat(hello, never)), (error: unknown) => faultIs(fault)(error) && (error as UpstreamError).retryAfterMs === 7_000);
  }
  fake.behave({ isDown: true });
  await assert.rejects(all(engine.chat(hello, never)), faultIs('unreachable'));
});

test('a stream that is cut, malformed, silent or ends in an error is broken, never half an answer', async () => {
  for (const behaviour of [{ cutAfter: 2 }, { malformedAfter: 2 }, { silentAfter: 2 }, { errorAfter: 2 }]) {
    fake.behave(behaviour);
    const heard: Piece[] = [];
    await assert.rejects(async () => {
      for await (const piece of engine.chat(hello, never)) heard.push(piece);
    }, UpstreamError);
    assert.equal(textOf(heard), 'You said: ');
  }
});

test('a server that does not begin is given up', async () => {
  fake.behave({ firstTokenMs: 60_000 });
  const hasty = createOpenAiEngine({ send: direct.send, clock: systemClock, model: 'tiny', host: 'fake', firstMs: 50 });
  await assert.rejects(all(hasty.chat(hello, never)), faultIs('unreachable'));
});

test('a caller who goes away closes the connection at once, by signal or by leaving the loop', async () => {
  fake.behave({ tokens: 100_000, tokenMs: 5 });
  const abort = new AbortController();
  const gone = new Error('the caller left');
  await assert.rejects(async () => {
    for await (const _ of engine.chat(hello, abort.signal)) abort.abort(gone);
  }, gone);
  await fake.aborted();
  fake.calls.length = 0;
  for await (const _ of engine.chat(hello, never)) break;
  await fake.aborted();
  assert.ok(fake.calls[0]?.isAborted);
});
