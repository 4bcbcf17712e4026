import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import OpenAI from 'openai';
import { AppError } from '../../kernel/fail.ts';
import { createApiClient, itemsOf } from '../../test/api-client.ts';
import { startGatewayApp, type GatewayApp } from '../../test/gateway-app.ts';
import { createKey, signInBrowser } from '../../test/people.ts';

let app: GatewayApp;
let client: OpenAI;
let key = '';
const hello: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'hello there' }];

const clientOf = (apiKey: string): OpenAI => new OpenAI({ apiKey, baseURL: `${app.url}/v1`, maxRetries: 0 });

before(async () => {
  app = await startGatewayApp();
  key = (await createKey(app.people.user, ['models:run'])).token ?? '';
  client = clientOf(key);
});
beforeEach(() => {
  app.fake.behave({});
  app.fake.calls.length = 0;
});
after(() => app.close());

async function post(path: string, body: unknown, token = key): Promise<Response> {
  return fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}
const errorOf = async (response: Response): Promise<{ code: string; message: string; type: string; param: string | null }> =>
  ((await response.json()) as { error: { code: string; message: string; type: string; param: string | null } }).error;

test('the client of OpenAI lists models and reads one', async () => {
  const ids: string[] = [];
  for await (const { id } of client.models.list()) ids.push(id);
  assert.deepEqual(ids, ['tiny', 'tiny-embed']);
  assert.equal((await client.models.retrieve('tiny')).owned_by, 'studio');
  await assert.rejects(client.models.retrieve('gone'), (error: unknown) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
});

test('the client of OpenAI chats', async () => {
  const answer = await client.chat.completions.create({ model: 'tiny', messages: hello });
  assert.equal(answer.choices[0]?.message.content, 'You said: hello there');
  assert.equal(answer.choices[0]?.finish_reason, 'stop');
  assert.deepEqual(answer.usage, { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 });
  assert.equal(answer.model, 'tiny');
});

test('the client of OpenAI streams, with usage at the end where it asks for it', async () => {
  const stream = await client.chat.completions.create({ model: 'tiny', messages: hello, stream: true, stream_options: { include_usage: true } });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), 'You said: hello there');
  assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
  assert.deepEqual(chunks.at(-1)?.usage, { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 });
  assert.equal(chunks.filter((chunk) => chunk.choices[0]?.finish_reason === 'stop').length, 1);
  const bare = await client.chat.completions.create({ model: 'tiny', messages: hello, stream: true });
  for await (const chunk of bare) assert.equal(chunk.usage, undefined);
});

test('the client of OpenAI calls tools, streamed and whole', async () => {
  app.fake.behave({ callTool: { city: 'Paris' } });
  const tools: OpenAI.ChatCompletionTool[] = [
    { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } },
  ];
  const answer = await client.chat.completions.create({ model: 'tiny', messages: hello, tools });
  const [call] = answer.choices[0]?.message.tool_calls ?? [];
  assert.ok(call?.type === 'function');
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['weather', { city: 'Paris' }]);
  assert.equal(answer.choices[0]?.finish_reason, 'tool_calls');
  assert.equal(answer.choices[0]?.message.content, null);
  const next = await client.chat.completions.create({
    model: 'tiny',
    tools,
    messages: [...hello, { role: 'assistant', content: null, tool_calls: [call] }, { role: 'tool', tool_call_id: call.id, content: 'sunny' }],
  });
  assert.equal(next.choices[0]?.message.content, 'You said: sunny');
  const runner = client.chat.completions.stream({ model: 'tiny', messages: hello, tools });
  assert.equal((await runner.finalChatCompletion()).choices[0]?.message.tool_calls?.[0]?.id, 'call_1');
});

test('the client of OpenAI asks for JSON by a schema, for alternatives, log probabilities, a seed and stops', async () => {
  app.fake.behave({ answers: ['{"n":1}', '{"n":1}'] });
  const schema = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object', properties: { n: { type: 'number' } } } } } as const;
  const answer = await client.chat.completions.create({
    model: 'tiny',
    messages: hello,
    response_format: schema,
    n: 2,
    seed: 3,
    stop: 'x',
    logprobs: true,
    top_logprobs: 2,
  });
  assert.deepEqual(
    answer.choices.map(({ index, message }) => [index, message.content]),
    [
      [0, '{"n":1}'],
      [1, '{"n":1}'],
    ],
  );
  assert.equal(answer.choices[0]?.logprobs?.content?.[0]?.logprob, -0.5);
  assert.deepEqual(app.fake.calls.map(({ body }) => body['seed']).toSorted(), [3, 4]);
  assert.deepEqual([app.fake.calls[0]?.body['response_format'], app.fake.calls[0]?.body['stop'], app.fake.calls[0]?.body['n']], [schema, ['x'], undefined]);
});

test('the client of OpenAI completes texts, several at once', async () => {
  const one = await client.completions.create({ model: 'tiny', prompt: ['a', 'b'], logprobs: 1 });
  assert.deepEqual(
    one.choices.map(({ text }) => text),
    ['You said: a', 'You said: b'],
  );
  assert.deepEqual(one.choices[0]?.logprobs?.tokens, ['You ', 'said: ', 'a']);
  assert.deepEqual(one.choices[0]?.logprobs?.text_offset, [0, 4, 10]);
  const stream = await client.completions.create({ model: 'tiny', prompt: 'a', stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
  assert.equal(text, 'You said: a');
});

test('the client of OpenAI makes vectors, in base64 as it asks by itself and as numbers', async () => {
  const whole = await client.embeddings.create({ model: 'tiny-embed', input: ['a', 'bcd'] });
  assert.deepEqual([whole.data.length, whole.data[1]?.embedding], [2, [4, 1, 5, 2, 6, 3, 0, 4]]);
  const numbers = await client.embeddings.create({ model: 'tiny-embed', input: 'a', encoding_format: 'float', dimensions: 2 });
  assert.deepEqual(numbers.data[0]?.embedding, [2, 4]);
});

test('content of parts is handed through', async () => {
  const content: OpenAI.ChatCompletionContentPart[] = [
    { type: 'text', text: 'what is this?' },
    { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
  ];
  await client.chat.completions.create({ model: 'tiny', messages: [{ role: 'user', content }] });
  assert.deepEqual((app.fake.calls[0]?.body['messages'] as { content: unknown }[] | undefined)?.[0]?.content, content);
});

test('errors are those the client of OpenAI knows, with the code of Studio', async () => {
  await assert.rejects(
    client.chat.completions.create({ model: 'tinny', messages: hello }),
    (error: unknown) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found' && /did you mean/.test(error.message),
  );
  await assert.rejects(
    clientOf('stk_wrong').models.list(),
    (error: unknown) => error instanceof OpenAI.AuthenticationError && error.code === 'unauthenticated',
  );
  const other = (await createKey(app.people.user, ['files:read'])).token ?? '';
  await assert.rejects(clientOf(other).models.list(), (error: unknown) => error instanceof OpenAI.PermissionDeniedError && error.code === 'forbidden');
  const bad = await errorOf(await post('/v1/chat/completions', { model: 'tiny', messages: [{ role: 'tool', content: 'x' }] }));
  assert.deepEqual([bad.code, bad.type, bad.param], ['invalid_body', 'invalid_request_error', 'messages[0].tool_call_id']);
  const tokens = await errorOf(await post('/v1/embeddings', { model: 'tiny', input: [[1, 2]] }));
  assert.match(tokens.message, /lists of tokens are not taken/);
  assert.equal((await errorOf(await post('/v1/nothing', {}))).code, 'not_found');
});

test('faults of a server behind are told apart', async () => {
  for (const [status, code, http] of [
    [400, 'invalid_body', 400],
    [401, 'upstream_failed', 502],
    [429, 'rate_limited', 429],
    [500, 'upstream_failed', 502],
  ] as const) {
    app.fake.behave({ status, retryAfterS: 9 });
    const response = await post('/v1/chat/completions', { model: 'tiny', messages: hello });
    assert.deepEqual([response.status, (await errorOf(response)).code], [http, code]);
    if (status === 429) assert.equal(response.headers.get('retry-after'), '9');
  }
});

test('a stream that breaks in the middle ends with an error event, never with an end', async () => {
  app.fake.behave({ cutAfter: 2 });
  const text = await (await post('/v1/chat/completions', { model: 'tiny', messages: hello, stream: true })).text();
  assert.match(text, /"code":"upstream_failed"/);
  assert.doesNotMatch(text, /\[DONE\]/);
  const stream = await client.chat.completions.create({ model: 'tiny', messages: hello, stream: true });
  await assert.rejects(async () => {
    for await (const _ of stream);
  }, OpenAI.APIError);
});

test('while a model loads, a stream says so in comments, and what fails then is an event', async () => {
  app.load([{ message: 'waiting for memory:\na job ends' }, { message: 'loading', progress: 0.5 }]);
  const response = await post('/v1/chat/completions', { model: 'tiny', messages: hello, stream: true });
  const text = await response.text();
  assert.match(text, /^: waiting: waiting for memory: a job ends\n\n/);
  assert.match(text, /: waiting: loading \(50 %\)\n\n/);
  assert.match(text, /data: \[DONE\]\n\n$/);
  app.load([{ message: 'loading' }]);
  const stream = await client.chat.completions.create({ model: 'tiny', messages: hello, stream: true });
  let said = '';
  for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? '';
  assert.equal(said, 'You said: hello there', 'the client of OpenAI bears the comments');
  app.load([{ message: 'loading' }], new AppError('unsatisfiable', { message: 'it needs more memory than there is' }));
  assert.match(await (await post('/v1/chat/completions', { model: 'tiny', messages: hello, stream: true })).text(), /"code":"unsatisfiable"/);
  app.load([], new AppError('unsatisfiable', { message: 'it needs more memory than there is' }));
  assert.equal((await post('/v1/chat/completions', { model: 'tiny', messages: hello, stream: true })).status, 422);
});

test('a caller who goes away ends the work at the engine, streamed or not', async () => {
  app.fake.behave({ tokens: 100_000, tokenMs: 5 });
  const stream = await client.chat.completions.create({ model: 'tiny', messages: hello, stream: true });
  for await (const _ of stream) break;
  await app.fake.aborted();
  app.fake.calls.length = 0;
  const abort = new AbortController();
  const asked = client.chat.completions.create({ model: 'tiny', messages: hello }, { signal: abort.signal });
  asked.catch(() => undefined);
  while (app.fake.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  await assert.rejects(asked, OpenAI.APIUserAbortError);
  await app.fake.aborted();
  assert.doesNotMatch(app.logged(), /a fault of Studio/);
});

test('a reader who is slow slows the engine down, and holds little in memory', async () => {
  app.fake.behave({ tokens: 400_000 });
  const response = await post('/v1/chat/completions', { model: 'tiny', messages: hello, stream: true });
  const reader = response.body?.getReader();
  await reader?.read();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await reader?.cancel();
  await app.fake.aborted();
  assert.ok(app.fake.calls[0]?.isAborted);
});

test('a session in a browser may ask, with its origin; another origin may not', async () => {
  const cookie = await signInBrowser(app.url, app.people.user.email);
  const ask = (origin: string): Promise<Response> =>
    fetch(`${app.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie, origin },
      body: JSON.stringify({ model: 'tiny', messages: hello }),
    });
  assert.equal((await ask(app.url)).status, 200);
  assert.equal((await ask('https://evil.example')).status, 403);
});

test('a key has limits of its own, told in the headers of OpenAI; a refusal says when to come again', async () => {
  const owner = app.people.admin.client;
  const made = await owner.expect(201, 'POST', '/api/v1/api-keys', {
    name: 'limited',
    scopes: ['models:run'],
    modelLimits: { requestsPerMinute: 2, tokensPerMinute: 1_000 },
  });
  const token = String(made['key']);
  const first = await post('/v1/chat/completions', { model: 'tiny', messages: hello }, token);
  assert.deepEqual(
    ['limit-requests', 'remaining-requests', 'limit-tokens', 'remaining-tokens'].map((name) => first.headers.get(`x-ratelimit-${name}`)),
    ['2', '1', '1000', '997'],
  );
  await post('/v1/chat/completions', { model: 'tiny', messages: hello }, token);
  const third = await post('/v1/chat/completions', { model: 'tiny', messages: hello }, token);
  assert.equal(third.status, 429);
  assert.ok(Number(third.headers.get('retry-after')) >= 1);
  assert.equal(third.headers.get('x-ratelimit-remaining-requests'), '0');
  assert.match((await errorOf(third)).message, /this API key may send 2 requests a minute/);
  assert.equal((await post('/v1/chat/completions', { model: 'tiny', messages: hello })).status, 200, 'another key is not limited by it');
  await owner.expect(200, 'PATCH', `/api/v1/api-keys/${String(made['id'])}`, { modelLimits: null });
  assert.equal((await post('/v1/chat/completions', { model: 'tiny', messages: hello }, token)).status, 200, 'a changed limit holds at once');
});

test('so many answers at the same time, and no more', async () => {
  const made = await app.people.admin.client.expect(201, 'POST', '/api/v1/api-keys', {
    name: 'narrow',
    scopes: ['models:run'],
    modelLimits: { concurrent: 1 },
  });
  const token = String(made['key']);
  app.fake.behave({ tokens: 100_000, tokenMs: 5 });
  const running = await post('/v1/chat/completions', { model: 'tiny', messages: hello, stream: true }, token);
  assert.equal((await post('/v1/chat/completions', { model: 'tiny', messages: hello }, token)).status, 429);
  await running.body?.cancel();
  await app.fake.aborted();
  app.fake.behave({});
  // Until the cancellation has come through.
  while ((await post('/v1/chat/completions', { model: 'tiny', messages: hello }, token)).status === 429)
    await new Promise((resolve) => setTimeout(resolve, 10));
});

test('an org has other names, and models it may not ask are not there', async () => {
  const { superAdmin, user } = app.people;
  await superAdmin.client.expect(200, 'PATCH', '/api/v1/settings', { modelAliases: { 'gpt-4o': 'tiny' }, visibleModels: ['tiny'] });
  const answer = await client.chat.completions.create({ model: 'gpt-4o', messages: hello });
  assert.deepEqual([answer.model, app.fake.calls[0]?.body['model']], ['gpt-4o', 'tiny']);
  await assert.rejects(client.embeddings.create({ model: 'tiny-embed', input: 'a' }), OpenAI.NotFoundError);
  const ids: string[] = [];
  for await (const { id } of client.models.list()) ids.push(id);
  assert.deepEqual(ids, ['tiny', 'gpt-4o']);
  assert.equal((await user.client.call('PATCH', '/api/v1/settings', { body: { visibleModels: [] } })).status, 403);
  assert.equal((await app.people.admin.client.call('PATCH', '/api/v1/settings', { body: { visibleModels: [] } })).status, 403);
  // Another name is no way around it.
  await superAdmin.client.expect(200, 'PATCH', '/api/v1/settings', { modelAliases: { mine: 'tiny-embed' } });
  await assert.rejects(client.embeddings.create({ model: 'mine', input: 'a' }), OpenAI.NotFoundError);
  await superAdmin.client.expect(200, 'PATCH', '/api/v1/settings', { modelAliases: {}, visibleModels: [] });
});

test('what was used is counted by day, model and caller, and is of the org alone', async () => {
  const { stranger, admin } = app.people;
  const foreign = clientOf((await createKey(stranger, ['models:run'])).token ?? '');
  await foreign.chat.completions.create({ model: 'tiny', messages: hello });
  const items = itemsOf(await stranger.client.expect(200, 'GET', '/api/v1/models/usage?group=day,model,caller'));
  assert.equal(items.length, 1);
  const [row] = items as {
    requests: number;
    failed: number;
    promptTokens: number;
    completionTokens: number;
    model: string;
    caller: { kind: string; name: string };
  }[];
  assert.deepEqual([row?.requests, row?.failed, row?.promptTokens, row?.completionTokens, row?.model, row?.caller.kind], [1, 0, 2, 4, 'tiny', 'key']);
  assert.match(row?.caller.name ?? '', /^key /);
  await assert.rejects(foreign.chat.completions.create({ model: 'made-up', messages: hello }));
  app.fake.behave({ cutAfter: 2 });
  await post('/v1/chat/completions', { model: 'tiny', messages: hello }, (await createKey(stranger, ['models:run'])).token);
  const [sum, ...others] = itemsOf(await stranger.client.expect(200, 'GET', '/api/v1/models/usage?group=model')) as { requests: number; failed: number }[];
  assert.deepEqual(others, [], 'a name that somebody made up is not counted');
  assert.deepEqual([sum?.requests, sum?.failed], [2, 1], 'a broken answer counts, too');
  assert.ok(itemsOf(await admin.client.expect(200, 'GET', '/api/v1/models/usage')).length >= 1);
  assert.equal((await admin.client.call('GET', '/api/v1/models/usage?group=colour')).status, 400);
  assert.equal((await createApiClient(app.url).call('GET', '/api/v1/models/usage')).status, 401);
});
