/** A server of models that speaks like OpenAI, on a real port, with switches: slow, broken, busy, silent. It answers with what it was
 *  asked, word by word, unless told what to say. One thing to know: `calls` tells what reached it, and which callers went away. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../kernel/clock.ts';

export interface Behaviour {
  /** Answers with this status and an error. */
  readonly status?: number;
  readonly retryAfterS?: number;
  /** Before the first token, ms. */
  readonly firstTokenMs?: number;
  /** Between tokens, ms. */
  readonly tokenMs?: number;
  /** After so many tokens: the connection breaks, something else than JSON comes, nothing comes any more, or an error event. */
  readonly cutAfter?: number;
  readonly malformedAfter?: number;
  readonly silentAfter?: number;
  readonly errorAfter?: number;
  /** Closes the connection instead of answering. */
  readonly isDown?: boolean;
  /** Answers whole although a stream was asked for. */
  readonly isWhole?: boolean;
  /** What it says, in this order, one an answer; then it echoes again. */
  readonly answers?: readonly string[];
  /** How many tokens it says of the echo; default: the echo once. */
  readonly tokens?: number;
  /** Calls the first tool it is offered, once, with these arguments. */
  readonly callTool?: Record<string, unknown>;
  readonly reasoning?: string;
}

export interface FakeCall {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
  /** The caller went away before the end. */
  isAborted: boolean;
}

export interface FakeOpenAi {
  /** With `/v1`. */
  readonly url: string;
  readonly calls: FakeCall[];
  behave(behaviour: Behaviour): void;
  /** Resolves when a caller has gone away. */
  aborted(): Promise<void>;
  close(): Promise<void>;
}

export async function startFakeOpenAi(models: readonly string[] = ['tiny', 'tiny-embed'], port = 0): Promise<FakeOpenAi> {
  const calls: FakeCall[] = [];
  let behaviour: Behaviour = {};
  let answers: string[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString();
      const call: FakeCall = {
        path: request.url ?? '',
        headers: request.headers,
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
        isAborted: false,
      };
      calls.push(call);
      response.on('close', () => {
        if (response.writableEnded) return;
        call.isAborted = true;
        for (const told of waiting.splice(0)) told();
      });
      await answer({ call, response, behaviour, models, next: () => answers.shift() });
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    behave(next) {
      behaviour = next;
      answers = [...(next.answers ?? [])];
    },
    aborted: () => new Promise((resolve) => (calls.some((call) => call.isAborted) ? resolve() : void waiting.push(resolve))),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

interface Answering {
  readonly call: FakeCall;
  readonly response: ServerResponse;
  readonly behaviour: Behaviour;
  readonly models: readonly string[];
  readonly next: () => string | undefined;
}

async function answer({ call, response, behaviour, models, next }: Answering): Promise<void> {
  if (behaviour.isDown === true) return void response.destroy();
  if (behaviour.status !== undefined) {
    const retry = behaviour.retryAfterS === undefined ? {} : { 'retry-after': String(behaviour.retryAfterS) };
    return json(response, { error: { message: `the fake answers ${behaviour.status}`, type: 'fake' } }, behaviour.status, retry);
  }
  if (call.path === '/v1/models') return json(response, { object: 'list', data: models.map((id) => ({ id, object: 'model', created: 1, owned_by: 'fake' })) });
  if (!models.includes(String(call.body['model']))) return json(response, { error: { message: `no model ${String(call.body['model'])}` } }, 404);
  if (call.path === '/v1/embeddings') return json(response, embeddings(call.body));
  if (behaviour.firstTokenMs !== undefined) await systemClock.sleep(behaviour.firstTokenMs);
  const said = sayingOf(call.body, behaviour, next);
  if (call.body['stream'] === true && behaviour.isWhole !== true) return stream({ call, response, behaviour, said });
  json(response, whole(call, said));
}

interface Saying {
  readonly tokens: readonly string[];
  readonly tool: { readonly name: string; readonly arguments: string } | undefined;
  readonly finish: string;
  readonly promptTokens: number;
}

function sayingOf(body: Record<string, unknown>, behaviour: Behaviour, next: () => string | undefined): Saying {
  const messages = (body['messages'] ?? [{ role: 'user', content: body['prompt'] }]) as { role: string; content: unknown }[];
  const last = messages.at(-1);
  const asked = typeof last?.content === 'string' ? last.content : JSON.stringify(last?.content);
  const tools = body['tools'] as { function: { name: string } }[] | undefined;
  const promptTokens = messages.reduce((sum, { content }) => sum + JSON.stringify(content ?? '').split(' ').length, 0);
  if (behaviour.callTool !== undefined && tools?.[0] !== undefined && last?.role !== 'tool') {
    return { tokens: [], tool: { name: tools[0].function.name, arguments: JSON.stringify(behaviour.callTool) }, finish: 'tool_calls', promptTokens };
  }
  const words = (next() ?? `You said: ${asked}`).split(/(?<= )/);
  const many = behaviour.tokens === undefined ? words : Array.from({ length: behaviour.tokens }, (_, index) => words[index % words.length] ?? '');
  const limit = typeof body['max_tokens'] === 'number' ? body['max_tokens'] : Infinity;
  return { tokens: many.slice(0, limit), tool: undefined, finish: many.length > limit ? 'length' : 'stop', promptTokens };
}

function whole(call: FakeCall, { tokens, tool, finish, promptTokens }: Saying): unknown {
  const text = tokens.join('');
  const toolCalls = tool === undefined ? {} : { tool_calls: [{ id: 'call_1', type: 'function', function: tool }] };
  const choice = call.path.endsWith('/chat/completions') ? { message: { role: 'assistant', content: text, ...toolCalls } } : { text };
  return { choices: [{ index: 0, ...choice, finish_reason: finish }], usage: { prompt_tokens: promptTokens, completion_tokens: tokens.length } };
}

async function stream({ call, response, behaviour, said }: Omit<Answering, 'models' | 'next'> & { readonly said: Saying }): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const isChat = call.path.endsWith('/chat/completions');
  const send = (choice: unknown): boolean => response.write(`data: ${JSON.stringify({ id: 'x', choices: [choice] })}\n\n`);
  if (behaviour.reasoning !== undefined) send({ index: 0, delta: { reasoning_content: behaviour.reasoning } });
  for (const [index, token] of said.tokens.entries()) {
    if (index === behaviour.cutAfter) {
      // What was written has to be on its way.
      await systemClock.sleep(20);
      return void response.destroy();
    }
    if (index === behaviour.silentAfter) return;
    if (index === behaviour.malformedAfter) response.write('data: {"choices": [{"delta": \n\n');
    if (index === behaviour.errorAfter) response.write(`data: ${JSON.stringify({ error: { message: 'out of memory' } })}\n\n`);
    if (response.destroyed) return;
    const logprobs = call.body['logprobs'] === undefined ? {} : { logprobs: { content: [{ token, logprob: -0.5, bytes: null, top_logprobs: [] }] } };
    const hasRoom = send({ index: 0, ...(isChat ? { delta: { content: token } } : { text: token }), ...logprobs, finish_reason: null });
    // Serial: tokens come one after the other.
    if (behaviour.tokenMs !== undefined) await systemClock.sleep(behaviour.tokenMs);
    if (!hasRoom) await drained(response);
  }
  if (said.tool !== undefined) {
    const { name, arguments: text } = said.tool;
    send({ index: 0, delta: { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: '' } }] } });
    for (const half of [text.slice(0, 3), text.slice(3)]) send({ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: half } }] } });
  }
  send({ index: 0, delta: {}, text: '', finish_reason: said.finish });
  response.write(`data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: said.promptTokens, completion_tokens: said.tokens.length } })}\n\n`);
  response.end('data: [DONE]\n\n');
}

/** Resolves when there is room again, or nobody to write to. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

/** A vector of 8 that depends on the text alone. */
function embeddings(body: Record<string, unknown>): unknown {
  const texts = ([] as unknown[]).concat(body['input']).map(String);
  const size = typeof body['dimensions'] === 'number' ? body['dimensions'] : 8;
  const data = texts.map((text, index) => ({ index, embedding: Array.from({ length: size }, (_, at) => ((text.length + 1) * (at + 1)) % 7) }));
  // Not in order: a caller must heed the index.
  return { object: 'list', data: data.toReversed(), usage: { prompt_tokens: texts.length, completion_tokens: 0 } };
}

function json(response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
