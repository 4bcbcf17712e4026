/** An engine behind an OpenAI-compatible server: vLLM, llama-server, Ollama, OpenAI, OpenRouter and all who speak like them.
 *  Always streams, so that a call ends when its caller goes away and time is counted from token to token. Never tries again: `send` does. */
import type { Json } from '../contract/endpoint.ts';
import type { ChatCall, Embedded, ModelEngine, Piece, Sampling, TextCall, Usage } from './engine.ts';
import { UpstreamError } from './upstream.ts';
import { asObject, callOnce, callStream, eventJson, type ClientParts, type UpstreamCall } from './upstream-stream.ts';

/** @returns an engine whose calls throw UpstreamError */
export function createOpenAiEngine(parts: ClientParts): ModelEngine {
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

async function* pieces(parts: ClientParts, { body, ...call }: UpstreamCall): AsyncGenerator<Piece> {
  let hasFinished = false;
  for await (const event of callStream(parts, { ...call, body: { ...body, model: parts.model } })) {
    if ('whole' in event) {
      // A server that does not stream: its whole answer is one piece.
      yield pieceOfWhole(asWire(asObject(event.whole, parts.host), parts.host));
      return;
    }
    if (event.data === '[DONE]') return;
    const piece = pieceOf(asWire(eventJson(event, parts.host), parts.host));
    hasFinished ||= piece.finish !== undefined;
    yield piece;
  }
  if (!hasFinished) throw new UpstreamError('broken', `${parts.host} ended its answer in the middle, without a reason to finish`);
}

/** What is read of an answer or of one event. Servers leave things out and put null in their place. */
interface Wire {
  readonly choices?: readonly WireChoice[] | null;
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null;
  readonly data?: readonly { readonly index?: number; readonly embedding?: unknown }[];
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

/** @throws UpstreamError when it is an error, in the middle of a stream too */
function asWire(value: Record<string, Json>, host: string): Wire {
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
    logprobs: logprobsOf(choice?.logprobs),
    finish: finishOf(choice?.finish_reason),
    usage: usageOf(wire),
  };
}

/** Completions have parallel lists where chat has one list: pieces have the list. */
function logprobsOf(value: Json | undefined): Json | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value) || !Array.isArray(value['tokens'])) return value;
  const {
    tokens,
    token_logprobs: numbers,
    top_logprobs: tops,
  } = value as { tokens: string[]; token_logprobs?: number[]; top_logprobs?: (Record<string, number> | null)[] };
  const content = tokens.map((token, at) => ({
    token,
    logprob: numbers?.[at] ?? 0,
    bytes: null,
    top_logprobs: Object.entries(tops?.[at] ?? {}).map(([other, logprob]) => ({ token: other, logprob, bytes: null })),
  }));
  return { content };
}

function pieceOfWhole(wire: Wire): Piece {
  const piece = pieceOf(wire);
  const { toolCalls } = piece;
  const finish = piece.finish ?? 'stop';
  // In deltas each call has its index.
  return Array.isArray(toolCalls) ? { ...piece, finish, toolCalls: toolCalls.map((one, index) => ({ ...(one as object), index })) } : { ...piece, finish };
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

async function embed(parts: ClientParts, texts: readonly string[], signal: AbortSignal, dimensions: number | undefined): Promise<Embedded> {
  const body = { model: parts.model, input: texts, encoding_format: 'float', dimensions };
  const answer = asWire(asObject(await callOnce(parts, { path: '/embeddings', body, signal }), parts.host), parts.host);
  const vectors = (answer.data ?? []).toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)).map(({ embedding }) => embedding);
  return { vectors: requireVectors(vectors, texts.length, parts.host), usage: usageOf(answer) ?? { promptTokens: 0, completionTokens: 0 } };
}

/** One vector of numbers a text. @throws UpstreamError broken */
export function requireVectors(vectors: readonly unknown[], count: number, host: string): readonly (readonly number[])[] {
  if (vectors.length !== count || !vectors.every(isVector))
    throw new UpstreamError('broken', `${host} answered ${vectors.length} vectors to ${count} texts, or something that is none`);
  return vectors;
}

function isVector(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number');
}
