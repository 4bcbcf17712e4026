/** An engine behind an OpenAI-compatible server: vLLM, llama-server, Ollama, OpenAI, OpenRouter and all who speak like them.
 *  Always streams, so that a call ends when its caller goes away and time is counted from token to token. Never tries again: `send` does. */
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import type { ChatCall, Embedded, ModelEngine, Piece, Sampling, TextCall, Usage } from './engine.ts';
import { eventsOf } from './sse.ts';
import { brokenBy, createPatience, readJson, UpstreamError, type Patience, type Send } from './upstream.ts';

/** A prompt of 100,000 tokens takes a small server minutes before its first token. */
const FIRST_MS = 10 * 60_000;
const IDLE_MS = 2 * 60_000;

export interface OpenAiParts {
  /** To the base URL (`…/v1`); adds the key. */
  readonly send: Send;
  readonly clock: Clock;
  /** The server's own name of the model. */
  readonly model: string;
  /** For messages: `127.0.0.1:8001`. */
  readonly host: string;
  /** Until the answer begins. Default: 10 min. */
  readonly firstMs?: number | undefined;
  /** Between two pieces. Default: 2 min. */
  readonly idleMs?: number | undefined;
}

/** @returns an engine whose calls throw UpstreamError */
export function createOpenAiEngine(parts: OpenAiParts): ModelEngine {
  return {
    chat: (call, signal) => pieces(parts, { path: '/chat/completions', body: { ...call.extra, ...chatBody(call), ...STREAMED }, signal }),
    complete: (call, signal) => pieces(parts, { path: '/completions', body: { ...call.extra, ...textBody(call), ...STREAMED }, signal }),
    embed: (texts, signal, options) => embed(parts, texts, signal, options?.dimensions),
  };
}

const STREAMED = { stream: true, stream_options: { include_usage: true } } as const;

function chatBody({ messages, tools, toolChoice, responseFormat, sampling }: ChatCall): Record<string, unknown> {
  const { logprobs } = sampling;
  return {
    messages,
    tools,
    tool_choice: toolChoice,
    response_format: responseFormat,
    ...samplingBody(sampling),
    ...(logprobs === undefined ? {} : { logprobs: true, ...(logprobs > 0 ? { top_logprobs: logprobs } : {}) }),
  };
}

function textBody({ prompt, sampling }: TextCall): Record<string, unknown> {
  return { prompt, ...samplingBody(sampling), logprobs: sampling.logprobs };
}

function samplingBody(sampling: Sampling): Record<string, unknown> {
  return {
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    seed: sampling.seed,
    stop: sampling.stop,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
  };
}

interface Asked {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly signal: AbortSignal;
}

async function* pieces(parts: OpenAiParts, asked: Asked): AsyncGenerator<Piece> {
  const patience = createPatience(asked.signal, parts.clock);
  try {
    const reply = await post(parts, asked, patience);
    const isStream = (reply.headers['content-type'] ?? '').includes('text/event-stream');
    if (!isStream) {
      // A server that does not stream: its whole answer is one piece.
      yield* piecesOfWhole(asWire(await readJson(reply), parts.host));
      return;
    }
    yield* streamed(parts, eventsOf(reply.body), patience);
  } catch (error) {
    throw brokenBy(error, patience.signal, parts.host);
  } finally {
    patience.stop();
  }
}

async function* streamed(parts: OpenAiParts, events: ReturnType<typeof eventsOf>, patience: Patience): AsyncGenerator<Piece> {
  const idleMs = parts.idleMs ?? IDLE_MS;
  const late = (): UpstreamError => new UpstreamError('broken', `${parts.host} fell silent in the middle of its answer: nothing for ${idleMs} ms`);
  let hasFinished = false;
  for await (const { data } of events) {
    if (data === '[DONE]') return;
    const piece = pieceOf(asWire(parseJson(data, parts.host), parts.host));
    hasFinished ||= piece.finish !== undefined;
    patience.rest();
    yield piece;
    patience.expect(idleMs, late);
  }
  if (!hasFinished) throw new UpstreamError('broken', `${parts.host} ended its answer in the middle, without a reason to finish`);
}

async function post(parts: OpenAiParts, { path, body }: Asked, patience: Patience): ReturnType<Send> {
  const firstMs = parts.firstMs ?? FIRST_MS;
  patience.expect(firstMs, () => new UpstreamError('unreachable', `${parts.host} did not begin to answer within ${firstMs} ms`));
  return parts.send({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', accept: 'text/event-stream, application/json' },
    // Undefined fields are left out by JSON.
    body: Buffer.from(JSON.stringify({ ...body, model: parts.model })),
    signal: patience.signal,
  });
}

/** What is read of an answer or of one event. Servers leave things out and put null in their place. */
interface Wire {
  readonly choices?: readonly WireChoice[] | null;
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null;
  readonly error?: { readonly message?: string; readonly code?: Json } | string | null;
}
interface WireChoice {
  readonly text?: string | null;
  readonly delta?: WireMessage | null;
  readonly message?: WireMessage | null;
  readonly logprobs?: Json;
  readonly finish_reason?: string | null;
}
interface WireMessage {
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly reasoning?: string | null;
  readonly tool_calls?: Json;
}

function parseJson(text: string, host: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new UpstreamError('broken', `${host} sent an event that is not JSON: ${text.slice(0, 200)}`, { cause: error });
  }
}

/** @throws UpstreamError when it is no object, or an error in the middle of a stream */
function asWire(value: Json, host: string): Wire {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UpstreamError('broken', `${host} sent something else than an answer`);
  const wire = value as Wire;
  if (wire.error === undefined || wire.error === null) return wire;
  const message = typeof wire.error === 'string' ? wire.error : (wire.error.message ?? 'no reason given');
  throw new UpstreamError('failed', `${host} gave up: ${message.slice(0, 1_000)}`);
}

function pieceOf(wire: Wire): Piece {
  const choice = wire.choices?.[0];
  const message = choice?.delta ?? choice?.message;
  return {
    text: message?.content ?? choice?.text ?? undefined,
    reasoning: message?.reasoning_content ?? message?.reasoning ?? undefined,
    toolCalls: message?.tool_calls ?? undefined,
    logprobs: choice?.logprobs ?? undefined,
    finish: finishOf(choice?.finish_reason),
    usage: usageOf(wire),
  };
}

function* piecesOfWhole(wire: Wire): Generator<Piece> {
  const piece = pieceOf(wire);
  const { toolCalls } = piece;
  // In deltas each call has its index.
  yield {
    ...piece,
    finish: piece.finish ?? 'stop',
    toolCalls: Array.isArray(toolCalls) ? toolCalls.map((one, index) => ({ ...(one as object), index })) : undefined,
  };
}

function finishOf(reason: string | null | undefined): Piece['finish'] {
  if (reason === undefined || reason === null || reason === '') return undefined;
  if (reason === 'length' || reason === 'tool_calls' || reason === 'content_filter') return reason;
  return reason === 'function_call' ? 'tool_calls' : 'stop';
}

function usageOf({ usage }: Wire): Usage | undefined {
  if (usage === undefined || usage === null) return undefined;
  return { promptTokens: usage.prompt_tokens ?? 0, completionTokens: usage.completion_tokens ?? 0 };
}

async function embed(parts: OpenAiParts, texts: readonly string[], signal: AbortSignal, dimensions: number | undefined): Promise<Embedded> {
  const patience = createPatience(signal, parts.clock);
  try {
    const reply = await post(parts, { path: '/embeddings', body: { input: texts, encoding_format: 'float', dimensions }, signal }, patience);
    const answer = asWire(await readJson(reply), parts.host) as Wire & { readonly data?: readonly { readonly index?: number; readonly embedding?: unknown }[] };
    const vectors = (answer.data ?? []).toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)).map(({ embedding }) => embedding);
    if (vectors.length !== texts.length || !vectors.every(isVector))
      throw new UpstreamError('broken', `${parts.host} answered ${vectors.length} vectors to ${texts.length} texts, or something that is none`);
    return { vectors, usage: usageOf(answer) ?? { promptTokens: 0, completionTokens: 0 } };
  } catch (error) {
    throw brokenBy(error, patience.signal, parts.host);
  } finally {
    patience.stop();
  }
}

function isVector(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number');
}
