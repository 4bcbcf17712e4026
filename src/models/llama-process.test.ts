import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { isAlive, type ProcessIdentity } from '../kernel/process-identity.ts';
import { tinyGguf, writeTinyGguf } from '../test/tiny-gguf.ts';
import type { ChatCall, Piece, Sampling } from './engine.ts';
import { startLlama } from './llama-process.ts';
import type { LlamaUsers } from './llama-user.ts';
import { EngineEnded, type RunningModel } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-llama-'));
const path = join(folder, 'tiny.gguf');
const never = new AbortController().signal;
let running: RunningModel;
let process_: ProcessIdentity;

function start(file: string, more: { readonly parallel?: number; readonly contextLength?: number } = {}, users?: LlamaUsers): Promise<RunningModel> {
  return startLlama(
    {
      users,
      clock: systemClock,
      name: 'tiny',
      load: { path: file, contextLength: 512, parallel: 2, gpu: false, gpuLayers: 0, threads: 1, ...more },
      packFolder: undefined,
    },
    { devices: [], environment: {}, signal: never, onProgress: () => undefined, onProcess: async (identity) => void (process_ = identity) },
  );
}

before(async () => {
  writeTinyGguf(path);
  running = await start(path, { parallel: 8, contextLength: 1_536 });
});
after(async () => {
  await running.stop();
  rmSync(folder, { recursive: true });
});

async function all(pieces: AsyncIterable<Piece>): Promise<Piece[]> {
  const list: Piece[] = [];
  for await (const piece of pieces) list.push(piece);
  return list;
}
const textOf = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text ?? '').join('');
const hello = (sampling: Sampling, more: Partial<ChatCall> = {}): ChatCall => ({ messages: [{ role: 'user', content: 'hello there' }], sampling, ...more });

test('a chat comes token by token and ends with its reason and usage', async () => {
  const pieces = await all(running.engine.chat(hello({ maxTokens: 12, seed: 1 }), never));
  assert.ok(pieces.length > 5);
  assert.equal(pieces.at(-1)?.finish, 'length');
  assert.equal(pieces.at(-1)?.usage?.completionTokens, 12);
  assert.ok((pieces.at(-1)?.usage?.promptTokens ?? 0) > 11);
  assert.equal(pieces.filter(({ finish }) => finish !== undefined).length, 1);
});

test('the same seed says the same, another says otherwise, and temperature 0 needs none', async () => {
  const say = async (sampling: Sampling): Promise<string> => textOf(await all(running.engine.chat(hello({ maxTokens: 16, ...sampling }), never)));
  assert.equal(await say({ seed: 7 }), await say({ seed: 7 }));
  assert.notEqual(await say({ seed: 7 }), await say({ seed: 8 }));
  assert.notEqual(await say({}), await say({}));
  assert.equal(await say({ temperature: 0 }), await say({ temperature: 0 }));
});

test('a completion goes on with the text, and stops before a stop string', async () => {
  const whole = textOf(await all(running.engine.complete({ prompt: 'one two', sampling: { maxTokens: 24, temperature: 0 } }, never)));
  const stop = whole.slice(6, 9);
  const pieces = await all(running.engine.complete({ prompt: 'one two', sampling: { maxTokens: 24, temperature: 0, stop: [stop] } }, never));
  assert.equal(textOf(pieces), whole.slice(0, whole.indexOf(stop)));
  assert.equal(pieces.at(-1)?.finish, 'stop');
});

test('an answer keeps to a JSON schema', async () => {
  const schema = {
    type: 'object',
    properties: { size: { enum: ['small', 'large'] }, ok: { type: 'boolean' } },
    required: ['size', 'ok'],
    additionalProperties: false,
  };
  const pieces = await all(
    running.engine.chat(hello({ maxTokens: 200 }, { responseFormat: { type: 'json_schema', json_schema: { name: 'x', schema } } }), never),
  );
  const value = JSON.parse(textOf(pieces)) as { size: string; ok: boolean };
  assert.deepEqual(Object.keys(value), ['size', 'ok']);
  assert.ok(['small', 'large'].includes(value.size));
  assert.equal(pieces.at(-1)?.finish, 'stop');
});

test('a tool that has to be called is called, with arguments of its schema', async () => {
  const parameters = { type: 'object', properties: { city: { enum: ['Rome', 'Oslo'] } }, required: ['city'] };
  const tools = [{ type: 'function', function: { name: 'weather', description: 'of a city', parameters } }];
  const pieces = await all(running.engine.chat(hello({ maxTokens: 200 }, { tools, toolChoice: 'required' }), never));
  const [delta] = pieces.flatMap(({ toolCalls }) => (toolCalls ?? []) as { id: string; function: { name: string; arguments: string } }[]);
  assert.equal(delta?.function.name, 'weather');
  assert.match(delta?.id ?? '', /^call_/);
  assert.ok(['Rome', 'Oslo'].includes((JSON.parse(delta?.function.arguments ?? '') as { city: string }).city));
  assert.equal(pieces.at(-1)?.finish, 'tool_calls');
});

test('tools, their calls and their results are told to the model', async () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }];
  const call: ChatCall = {
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: [{ type: 'text', text: 'Rome?' }] },
      { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } }] },
      { role: 'tool', tool_call_id: 'call_1', content: '{"degrees":20}' },
    ],
    tools,
    sampling: { maxTokens: 8 },
  };
  const withTools = (await all(running.engine.chat(call, never))).at(-1)?.usage?.promptTokens ?? 0;
  const without = (await all(running.engine.chat({ ...call, tools: undefined, messages: call.messages.slice(0, 2) }, never))).at(-1)?.usage?.promptTokens ?? 0;
  assert.ok(withTools > without + 40, `${withTools} tokens with tools, ${without} without`);
});

test('probabilities come with each token when asked for', async () => {
  const pieces = await all(running.engine.chat(hello({ maxTokens: 3, temperature: 0, logprobs: 2 }), never));
  const told = pieces.flatMap(
    ({ logprobs }) =>
      (logprobs as { content: { token: string; logprob: number; top_logprobs: { token: string; logprob: number }[] }[] } | undefined)?.content ?? [],
  );
  assert.equal(told.length, 3);
  assert.ok(told.every((one) => one.top_logprobs.length === 2 && one.top_logprobs[0]?.token === one.token && one.logprob < 0));
});

test('eight answer at once, each its own', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => textOf(await all(running.engine.chat(hello({ maxTokens: 24, seed: index }), never)))),
  );
  const again = await Promise.all(
    Array.from({ length: 3 }, async (_, index) => textOf(await all(running.engine.chat(hello({ maxTokens: 24, seed: index }), never)))),
  );
  assert.equal(new Set(answers).size, 8);
  assert.deepEqual(again, answers.slice(0, 3));
});

test('who asks beyond the sequences waits in line', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => all(running.engine.chat(hello({ maxTokens: 8, seed: index }), never))));
  assert.ok(answers.every((pieces) => pieces.at(-1)?.usage?.completionTokens === 8));
});

test('a cancelled request ends at once and frees its sequence, also one that is in line', async () => {
  const endless = (): AbortController => {
    const abort = new AbortController();
    void all(running.engine.chat(hello({}), abort.signal)).catch(() => undefined);
    return abort;
  };
  const holders = Array.from({ length: 12 }, endless);
  const gone = new Error('the caller left');
  const abort = new AbortController();
  const pieces = all(running.engine.chat(hello({}), abort.signal));
  abort.abort(gone);
  await assert.rejects(pieces, gone);
  for (const holder of holders) holder.abort();
  const after = await Promise.all(Array.from({ length: 8 }, () => all(running.engine.chat(hello({ maxTokens: 4 }), never))));
  assert.equal(after.length, 8);
  // Leaving the loop is a cancellation too.
  for await (const _ of running.engine.chat(hello({}), never)) break;
});

test('what the model can not do is refused with the place in the request', async () => {
  const refused = (call: ChatCall, message: RegExp): Promise<void> => assert.rejects(all(running.engine.chat(call, never)), { code: 'invalid_body', message });
  await refused(
    hello({}, { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] }),
    /messages\[0\]\.content\[0\].*text alone/,
  );
  await refused(hello({}, { messages: [{ role: 'user', content: 'word '.repeat(1_600) }] }), /tokens, the context 1536/);
  await refused(hello({}, { tools: [{ type: 'function', function: { name: 'a' } }], toolChoice: { type: 'function', function: { name: 'b' } } }), /"b"/);
  await refused(hello({}, { responseFormat: { type: 'json_schema', json_schema: { schema: { type: 'strange' } } } }), /schema\.type is "strange"/);
});

test('the same text has the same vector of length one, another text another', async () => {
  const { vectors, usage } = await running.engine.embed(['hello', 'hello', 'bye'], never);
  assert.deepEqual(vectors[0], vectors[1]);
  assert.notDeepEqual(vectors[0], vectors[2]);
  assert.ok(Math.abs(Math.hypot(...(vectors[0] ?? [])) - 1) < 1e-5);
  assert.ok(usage.promptTokens > 0);
});

test('a model for embeddings makes no text', async () => {
  const file = join(folder, 'embed.gguf');
  writeTinyGguf(file, { isEmbedding: true });
  const model = await start(file);
  try {
    assert.equal((await model.engine.embed(['a'], never, { dimensions: 8 })).vectors[0]?.length, 8);
    await assert.rejects(all(model.engine.chat(hello({}), never)), { code: 'invalid_body' });
  } finally {
    await model.stop();
  }
});

test('a killed child fails what was asked of it, with the reason, and takes nothing more', async () => {
  const model = await start(path);
  const identity = process_;
  const answer = all(model.engine.chat(hello({}), never));
  const first = model.engine.chat(hello({}), never);
  await first[Symbol.asyncIterator]().next();
  process.kill(model.pid, 'SIGKILL');
  await assert.rejects(answer, (error) => error instanceof EngineEnded && /SIGKILL.*memory/.test(error.message));
  assert.equal((await model.exited).signal, 'SIGKILL');
  await assert.rejects(all(model.engine.chat(hello({}), never)), EngineEnded);
  assert.equal(isAlive(identity), false);
});

test('a file that is none, is cut or has a hole is refused with words, and no process is left', async () => {
  const whole = tinyGguf();
  for (const [name, bytes] of [
    ['text', Buffer.from('<html>not found</html>')],
    ['cut', whole.subarray(0, whole.length / 2)],
    ['no-tensors', Buffer.concat([whole.subarray(0, 8), Buffer.alloc(16), whole.subarray(24)])],
  ] as const) {
    const file = join(folder, `${name}.gguf`);
    writeFileSync(file, bytes);
    await assert.rejects(start(file), (error) => error instanceof Error && error.message.length > 10, name);
    assert.equal(isAlive(process_), false);
  }
});

test('as root it runs as a user of its own with no rights, and only on what is open to every user', { skip: process.getuid?.() !== 0 }, async () => {
  // Beside those that jobs run as.
  const uid = 58_900;
  const released: number[] = [];
  const users: LlamaUsers = { take: () => Promise.resolve(uid), release: (one) => void released.push(one) };
  const own = join(folder, 'own');
  const file = join(own, 'tiny.gguf');
  mkdirSync(own, { mode: 0o700 });
  writeTinyGguf(file);
  await assert.rejects(start(file, {}, users), { code: 'conflict', message: new RegExp(`${own} is closed to others. Allow it: chmod o\\+x ${own}$`) });
  assert.deepEqual(released, [uid]);
  for (const path of [folder, own]) chmodSync(path, 0o755);
  chmodSync(file, 0o600);
  await assert.rejects(start(file, {}, users), { message: new RegExp(`chmod o\\+r ${file}$`) });
  chmodSync(file, 0o644);
  const child = await start(file, {}, users);
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    for (const line of [`Uid:\t${uid}\t${uid}\t${uid}\t${uid}`, 'NoNewPrivs:\t1', 'CapEff:\t0000000000000000', 'CapPrm:\t0000000000000000'])
      assert.ok(status.includes(`${line}\n`), line);
    assert.match(status, /^Groups:\s*$/m);
    assert.equal(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').split('\0')[0], process.execPath);
    assert.ok(textOf(await all(child.engine.chat(hello({ maxTokens: 4, seed: 1 }), never))).length > 0);
    assert.deepEqual(released, [uid, uid]);
  } finally {
    await child.stop();
  }
  await child.exited;
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(released, [uid, uid, uid]);
});
