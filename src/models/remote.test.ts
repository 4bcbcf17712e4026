import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import type { RemoteSettings } from '../contract/model-settings.ts';
import { systemClock } from '../kernel/clock.ts';
import { createEgress } from '../kernel/egress.ts';
import { AppError } from '../kernel/fail.ts';
import { startFakeOpenAi, type FakeOpenAi } from '../test/fake-openai.ts';
import type { ChatCall, Piece } from './engine.ts';
import { createRemoteEngines, type RemoteEngines, type RemoteModel } from './remote.ts';
import { UpstreamError } from './upstream.ts';
import { publicFault } from './upstream-fault.ts';

/** Answers what a test says, in the words of a provider. */
let server: Server;
let origin = '';
let events: readonly unknown[] = [];
let answer: { readonly status: number; readonly body: unknown } | undefined;
const heard: { readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: Record<string, unknown> }[] = [];
let fake: FakeOpenAi;
let remote: RemoteEngines;
const allowed: string[] = [];

before(async () => {
  server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      heard.push({ url: request.url ?? '', headers: request.headers, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) });
      if (answer !== undefined) return void response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(events.map((event) => `event: x\ndata: ${JSON.stringify(event)}\n\n`).join(''));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fake = await startFakeOpenAi();
  remote = createRemoteEngines({
    egressOf: () => createEgress({ allowedHosts: async () => allowed }),
    secrets: { read: async (_org, name) => (name === 'KEY' ? 'sk-very-secret' : undefined) },
    clock: systemClock,
    random: () => 0,
  });
});
beforeEach(() => {
  allowed.splice(0, allowed.length, '127.0.0.1');
  heard.length = 0;
  [events, answer] = [[], undefined];
  fake.behave({});
  fake.calls.length = 0;
});
after(async () => {
  remote.stop();
  server.closeAllConnections();
  server.close();
  await fake.close();
});

const modelOf = (settings: Partial<RemoteSettings> & Pick<RemoteSettings, 'kind'>): RemoteModel => ({
  orgId: 'org_1',
  settings: { baseUrl: settings.kind === 'openai' ? fake.url : `${origin}/${settings.kind}`, model: 'tiny', secret: 'KEY', ...settings },
});

const never = new AbortController().signal;
async function all(pieces: AsyncIterable<Piece>): Promise<Piece[]> {
  const list: Piece[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}
const textOf = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text ?? '').join('');

const talk: ChatCall = {
  messages: [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'What is it?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      ],
    },
    { role: 'assistant', content: 'Let me look.', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }] },
    { role: 'tool', tool_call_id: 'call_1', content: '{"seen":"a cat"}' },
  ],
  tools: [{ type: 'function', function: { name: 'look', description: 'Looks.', parameters: { type: 'object', properties: { at: { type: 'number' } } } } }],
  toolChoice: 'auto',
  sampling: { maxTokens: 50, temperature: 1.5, topP: 0.9, topK: 5, seed: 3, stop: ['END'] },
};

test('a call of Anthropic is translated there and back', async () => {
  events = [
    { type: 'message_start', message: { usage: { input_tokens: 10, cache_read_input_tokens: 5 } } },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'A cat' } },
    { type: 'content_block_start', index: 2, content_block: { type: 'tool_use', id: 'tu_1', name: 'look' } },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"at":2}' } },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 7 } },
    { type: 'message_stop' },
  ];
  const pieces = await all(remote.engineOf(modelOf({ kind: 'anthropic' })).chat(talk, never));
  assert.deepEqual(
    pieces.filter((piece) => piece.toolCalls === undefined),
    [{ reasoning: 'hm' }, { text: 'A cat' }, { finish: 'tool_calls', usage: { promptTokens: 15, completionTokens: 7 } }],
  );
  assert.deepEqual(
    pieces.flatMap(({ toolCalls }) => toolCalls ?? []),
    [
      { index: 0, id: 'tu_1', type: 'function', function: { name: 'look', arguments: '' } },
      { index: 0, function: { arguments: '{"at":2}' } },
    ],
  );
  const [asked] = heard;
  assert.deepEqual([asked?.url, asked?.headers['x-api-key'], asked?.headers['anthropic-version']], ['/anthropic/messages', 'sk-very-secret', '2023-06-01']);
  assert.deepEqual(asked?.body, {
    model: 'tiny',
    stream: true,
    max_tokens: 50,
    system: 'Be brief.',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is it?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me look.' },
          { type: 'tool_use', id: 'call_1', name: 'look', input: { at: 1 } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: '{"seen":"a cat"}' }] },
    ],
    temperature: 1,
    top_p: 0.9,
    top_k: 5,
    stop_sequences: ['END'],
    tools: [{ name: 'look', description: 'Looks.', input_schema: { type: 'object', properties: { at: { type: 'number' } } } }],
    tool_choice: { type: 'auto' },
  });
});

test('Anthropic is asked for a schema as a tool, whose arguments are the answer', async () => {
  events = [
    { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 'x', name: 'answer' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"n":1}' } },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 1 } },
  ];
  const responseFormat = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } };
  const pieces = await all(
    remote.engineOf(modelOf({ kind: 'anthropic' })).chat({ messages: [{ role: 'user', content: 'n?' }], responseFormat, sampling: {} }, never),
  );
  assert.deepEqual([textOf(pieces), pieces.at(-1)?.finish], ['{"n":1}', 'stop']);
  assert.deepEqual(heard[0]?.body['tool_choice'], { type: 'tool', name: 'answer' });
});

test('a call of Gemini is translated there and back', async () => {
  events = [
    { candidates: [{ content: { parts: [{ text: 'hm', thought: true }] } }] },
    { candidates: [{ content: { parts: [{ text: 'A cat' }, { functionCall: { name: 'look', args: { at: 2 } } }] } }] },
    { candidates: [{ finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 4, thoughtsTokenCount: 2 } },
  ];
  const pieces = await all(remote.engineOf(modelOf({ kind: 'gemini' })).chat(talk, never));
  assert.deepEqual(pieces, [
    { reasoning: 'hm' },
    { text: 'A cat' },
    { toolCalls: [{ index: 0, id: 'call_0', type: 'function', function: { name: 'look', arguments: '{"at":2}' } }] },
    { finish: 'tool_calls', usage: { promptTokens: 9, completionTokens: 6 } },
  ]);
  const [asked] = heard;
  assert.deepEqual([asked?.url, asked?.headers['x-goog-api-key']], ['/gemini/models/tiny:streamGenerateContent?alt=sse', 'sk-very-secret']);
  assert.deepEqual(asked?.body['contents'], [
    { role: 'user', parts: [{ text: 'What is it?' }, { inlineData: { mimeType: 'image/png', data: 'AAAA' } }] },
    { role: 'model', parts: [{ text: 'Let me look.' }, { functionCall: { name: 'look', args: { at: 1 } } }] },
    { role: 'user', parts: [{ functionResponse: { name: 'look', response: { seen: 'a cat' } } }] },
  ]);
  assert.deepEqual(asked?.body['systemInstruction'], { parts: [{ text: 'Be brief.' }] });
  assert.deepEqual(asked?.body['generationConfig'], { maxOutputTokens: 50, temperature: 1.5, topP: 0.9, topK: 5, seed: 3, stopSequences: ['END'] });
});

test('Gemini makes vectors; Anthropic says that it has none', async () => {
  answer = { status: 200, body: { embeddings: [{ values: [1, 2] }, { values: [3, 4] }] } };
  assert.deepEqual((await remote.engineOf(modelOf({ kind: 'gemini' })).embed(['a', 'b'], never)).vectors, [
    [1, 2],
    [3, 4],
  ]);
  await assert.rejects(
    remote.engineOf(modelOf({ kind: 'anthropic' })).embed(['a'], never),
    (error: unknown) => error instanceof AppError && error.code === 'invalid_body',
  );
});

test('what ends in the middle is broken in each dialect, and an error event is told', async () => {
  const hello: ChatCall = { messages: [{ role: 'user', content: 'hi' }], sampling: {} };
  events = [{ type: 'content_block_delta', delta: { type: 'text_delta', text: 'A' } }];
  await assert.rejects(all(remote.engineOf(modelOf({ kind: 'anthropic' })).chat(hello, never)), /ended its answer in the middle/);
  events = [{ type: 'error', error: { type: 'overloaded_error', message: 'busy' } }];
  await assert.rejects(
    all(remote.engineOf(modelOf({ kind: 'anthropic' })).chat(hello, never)),
    (error: unknown) => error instanceof UpstreamError && error.fault === 'overloaded',
  );
  events = [{ candidates: [{ content: { parts: [{ text: 'A' }] } }] }];
  await assert.rejects(all(remote.engineOf(modelOf({ kind: 'gemini' })).chat(hello, never)), /ended its answer in the middle/);
  events = [{ promptFeedback: { blockReason: 'SAFETY' } }];
  assert.equal((await all(remote.engineOf(modelOf({ kind: 'gemini' })).chat(hello, never)))[0]?.finish, 'content_filter');
});

test('an OpenAI-compatible server gets the key as a bearer token; the key stands in no message', async () => {
  const hello: ChatCall = { messages: [{ role: 'user', content: 'hi' }], sampling: {} };
  assert.equal(textOf(await all(remote.engineOf(modelOf({ kind: 'openai' })).chat(hello, never))), 'You said: hi');
  assert.equal(fake.calls[0]?.headers.authorization, 'Bearer sk-very-secret');
  answer = { status: 401, body: { error: { message: 'bad key sk-very-secret' } } };
  await assert.rejects(
    all(remote.engineOf(modelOf({ kind: 'anthropic' })).chat(hello, never)),
    (error: unknown) => error instanceof Error && /bad key \*\*\*/.test(error.message) && !JSON.stringify(error).includes('sk-very'),
  );
});

test('a secret that is not set and a host that is not allowed are told with the next step, and not tried again', async () => {
  const hello: ChatCall = { messages: [{ role: 'user', content: 'hi' }], sampling: {} };
  await assert.rejects(all(remote.engineOf(modelOf({ kind: 'openai', secret: 'OTHER' })).chat(hello, never)), /secret "OTHER", which is not set/);
  allowed.length = 0;
  await assert.rejects(all(remote.engineOf(modelOf({ kind: 'openai' })).chat(hello, never)), (error: unknown) => {
    const shown = publicFault(error, 'gpt');
    return shown instanceof AppError && shown.code === 'upstream_failed' && /allowed hosts, add/.test(shown.message);
  });
  assert.equal(fake.calls.length, 0);
});

test('with several servers a dead one is not noticed by who asks', async () => {
  const other = await startFakeOpenAi();
  const model = modelOf({ kind: 'openai', baseUrls: [fake.url, other.url] });
  const hello: ChatCall = { messages: [{ role: 'user', content: 'hi' }], sampling: {} };
  other.behave({ isDown: true });
  for (let turn = 0; turn < 8; turn++) assert.equal(textOf(await all(remote.engineOf(model).chat(hello, never))), 'You said: hi');
  assert.equal(fake.calls.length, 8);
  assert.deepEqual(
    remote.backendsOf(model).map(({ isUp }) => isUp),
    [true, false],
  );
  await other.close();
});

test("a provider's models are listed, remembered, and empty while it does not answer", async () => {
  const model = modelOf({ kind: 'openai', model: '*' });
  assert.deepEqual(await remote.modelsOf(model), ['tiny', 'tiny-embed']);
  await remote.modelsOf(model);
  assert.equal(fake.calls.length, 1);
  answer = { status: 500, body: {} };
  assert.deepEqual(await remote.modelsOf(modelOf({ kind: 'gemini', model: '*' })), []);
});
