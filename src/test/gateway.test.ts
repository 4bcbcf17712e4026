/** The whole application with a model that really runs: a tiny GGUF, asked by the client of OpenAI and by a workflow. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { itemsOf, type ApiClient } from './api-client.ts';
import { startApp, type TestApp } from './app.ts';
import { createKey } from './people.ts';
import { writeTinyGguf } from './tiny-gguf.ts';

let app: TestApp;
let api: ApiClient;
let client: OpenAI;

before(async () => {
  app = await startApp();
  api = app.people.superAdmin.client;
  const folder = join(app.workspace, 'models');
  mkdirSync(folder, { recursive: true });
  writeTinyGguf(join(folder, 'tiny.gguf'), { name: 'tiny' });
  await api.expect(201, 'POST', '/api/v1/models', {
    engine: 'llama',
    name: 'tiny',
    path: 'tiny.gguf',
    settings: { contextLength: 512, parallel: 2, threads: 1 },
  });
  const { token } = await createKey(app.people.user, ['models:run']);
  client = new OpenAI({ apiKey: token, baseURL: `${app.url}/v1`, maxRetries: 0 });
});
after(() => app.close());

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'hello' }];

test('a model on this machine is loaded on first use, and says so to who waits', async () => {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${client.apiKey}` },
    body: JSON.stringify({ model: 'tiny', messages, stream: true, max_tokens: 8, seed: 1 }),
  });
  const text = await response.text();
  assert.equal(response.status, 200);
  assert.match(text, /^: waiting: /);
  assert.match(text, /data: \[DONE\]\n\n$/);
});

test('the client of OpenAI chats with it, the same words for the same seed', async () => {
  const ask = async (): Promise<OpenAI.ChatCompletion> => client.chat.completions.create({ model: 'tiny', messages, max_tokens: 8, seed: 1, temperature: 0.8 });
  const [one, two] = [await ask(), await ask()];
  assert.equal(one.choices[0]?.message.content, two.choices[0]?.message.content);
  assert.equal(one.usage?.completion_tokens, 8);
  assert.equal(one.choices[0]?.finish_reason, 'length');
  const answers = await Promise.all(Array.from({ length: 4 }, ask));
  assert.equal(new Set(answers.map(({ choices }) => choices[0]?.message.content)).size, 1, 'also beside others');
});

test('the client of OpenAI has JSON by a schema from it', async () => {
  const schema = { type: 'object', properties: { yes: { type: 'boolean' } }, required: ['yes'], additionalProperties: false };
  const answer = await client.chat.completions.create({
    model: 'tiny',
    messages,
    max_tokens: 100,
    response_format: { type: 'json_schema', json_schema: { name: 'yes', schema } },
  });
  assert.equal(typeof (JSON.parse(answer.choices[0]?.message.content ?? '') as { yes: unknown }).yes, 'boolean');
});

test('a workflow asks it, and what both used is counted apart', async () => {
  const definition = { nodes: [{ key: 'ask', type: 'llm.chat', params: { model: 'tiny', prompt: '{{ input.text }}', maxTokens: 8, seed: 1 } }], edges: [] };
  const { id } = await api.expect(201, 'POST', '/api/v1/workflows', { name: 'Ask', ...definition });
  const instance = await api.expect(200, 'POST', `/api/v1/workflows/${String(id)}/instances?wait=60`, { input: { text: 'hello' } });
  assert.equal(instance['status'], 'completed', JSON.stringify(instance['error']));
  const output = instance['output'] as { text: string; finish: string; usage: { completionTokens: number } };
  assert.deepEqual([typeof output.text, output.finish, output.usage.completionTokens], ['string', 'length', 8]);
  const kinds = itemsOf(await api.expect(200, 'GET', '/api/v1/models/usage?group=caller')).map(({ caller }) => (caller as { kind: string }).kind);
  assert.deepEqual(kinds.toSorted(), ['key', 'workflow']);
});

test('a model that is not there is named, with the nearest', async () => {
  await assert.rejects(
    client.chat.completions.create({ model: 'tinny', messages }),
    (error: unknown) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found' && /did you mean "tiny"/.test(error.message),
  );
});
