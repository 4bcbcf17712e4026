/** An engine behind Anthropic's Messages API: calls and answers translated from and to the shapes of OpenAI. Never tries again: `send` does. */
import type { Json } from '../contract/endpoint.ts';
import { AppError } from '../kernel/fail.ts';
import type { ChatCall, ModelEngine, Piece } from './engine.ts';
import { asList, functionOf, imageOf, parsedArguments, schemaOf, systemText, textOf, type Message } from './translate.ts';
import { UpstreamError } from './upstream.ts';
import { callStream, eventJson, type ClientParts } from './upstream-stream.ts';

/** The API wants a limit; where the caller sets none, this. */
const MAX_TOKENS = 8_192;
/** A schema is asked for as a tool that must be called: its arguments are the answer. */
const ANSWER_TOOL = 'answer';

/** @returns an engine whose calls throw UpstreamError */
export function createAnthropicEngine(parts: ClientParts): ModelEngine {
  return {
    chat: (call, signal) => pieces(parts, call, signal),
    complete: ({ prompt, sampling }, signal) => pieces(parts, { messages: [{ role: 'user', content: prompt }], sampling }, signal),
    embed: async () => {
      throw new AppError('invalid_body', { message: `${parts.host} has no embeddings; use a model that makes vectors` });
    },
  };
}

async function* pieces(parts: ClientParts, call: ChatCall, signal: AbortSignal): AsyncGenerator<Piece> {
  const schema = schemaOf(call.responseFormat);
  let promptTokens = 0;
  let hasFinished = false;
  // Blocks are text, tools or thoughts in one list; tools have a list of their own at OpenAI.
  const toolAt = new Map<Json, number>();
  for await (const event of callStream(parts, { path: '/messages', body: bodyOf(parts.model, call, schema), signal })) {
    const value = ('whole' in event ? event.whole : eventJson(event, parts.host)) as unknown as AnthropicEvent;
    if (value.type === 'error')
      throw new UpstreamError(value.error?.type === 'overloaded_error' ? 'overloaded' : 'failed', `${parts.host} gave up: ${value.error?.message ?? ''}`);
    if (value.type === 'message_start') {
      const { input_tokens: input = 0, cache_read_input_tokens: read = 0, cache_creation_input_tokens: made = 0 } = value.message?.usage ?? {};
      promptTokens = input + read + made;
    } else if (value.type === 'content_block_start' && value.content_block?.type === 'tool_use' && schema === undefined) {
      const index = toolAt.size;
      toolAt.set(value.index ?? 0, index);
      yield { toolCalls: [{ index, id: value.content_block.id ?? '', type: 'function', function: { name: value.content_block.name ?? '', arguments: '' } }] };
    } else if (value.type === 'content_block_delta') {
      const piece = deltaPiece(value, toolAt, schema !== undefined);
      if (piece !== undefined) yield piece;
    } else if (value.type === 'message_delta') {
      hasFinished = true;
      yield { finish: finishOf(value.delta?.stop_reason, schema !== undefined), usage: { promptTokens, completionTokens: value.usage?.output_tokens ?? 0 } };
    }
  }
  if (!hasFinished) throw new UpstreamError('broken', `${parts.host} ended its answer in the middle, without a reason to finish`);
}

/** What is read of an event. */
interface AnthropicEvent {
  readonly type?: string;
  readonly index?: number;
  readonly message?: {
    readonly usage?: { readonly input_tokens?: number; readonly cache_read_input_tokens?: number; readonly cache_creation_input_tokens?: number };
  };
  readonly content_block?: { readonly type?: string; readonly id?: string; readonly name?: string };
  readonly delta?: {
    readonly type?: string;
    readonly text?: string;
    readonly thinking?: string;
    readonly partial_json?: string;
    readonly stop_reason?: string;
  };
  readonly usage?: { readonly output_tokens?: number };
  readonly error?: { readonly type?: string; readonly message?: string };
}

function deltaPiece({ index, delta }: AnthropicEvent, toolAt: ReadonlyMap<Json, number>, isSchema: boolean): Piece | undefined {
  if (delta?.type === 'text_delta') return isSchema ? undefined : { text: delta.text };
  if (delta?.type === 'thinking_delta') return { reasoning: delta.thinking };
  if (delta?.type !== 'input_json_delta') return undefined;
  if (isSchema) return { text: delta.partial_json };
  return { toolCalls: [{ index: toolAt.get(index ?? 0) ?? 0, function: { arguments: delta.partial_json ?? '' } }] };
}

function finishOf(reason: string | undefined, isSchema: boolean): Piece['finish'] {
  if (reason === 'max_tokens' || reason === 'model_context_window_exceeded') return 'length';
  if (reason === 'refusal') return 'content_filter';
  return reason === 'tool_use' && !isSchema ? 'tool_calls' : 'stop';
}

function bodyOf(model: string, { messages, tools, toolChoice, responseFormat, sampling }: ChatCall, schema: Json | undefined): Record<string, unknown> {
  const wantsJson = schema === undefined && (responseFormat as { type?: unknown } | undefined)?.type === 'json_object';
  const system = [systemText(messages), wantsJson ? 'Answer with one JSON object and nothing else.' : ''].filter((text) => text !== '').join('\n\n');
  const own = asList(tools).map((tool) => {
    const { name, description, parameters } = functionOf(tool);
    return { name, description, input_schema: parameters ?? { type: 'object' } };
  });
  return {
    model,
    stream: true,
    max_tokens: sampling.maxTokens ?? MAX_TOKENS,
    system: system === '' ? undefined : system,
    messages: turnsOf(messages),
    // The range ends at 1 there.
    temperature: sampling.temperature === undefined ? undefined : Math.min(1, sampling.temperature),
    top_p: sampling.topP,
    top_k: sampling.topK,
    stop_sequences: sampling.stop,
    ...(schema === undefined
      ? own.length === 0
        ? {}
        : { tools: own, tool_choice: choiceOf(toolChoice) }
      : { tools: [{ name: ANSWER_TOOL, description: 'The answer', input_schema: schema }], tool_choice: { type: 'tool', name: ANSWER_TOOL } }),
  };
}

function choiceOf(choice: Json | undefined): Json | undefined {
  if (choice === 'auto' || choice === 'none') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  return choice === undefined ? undefined : { type: 'tool', name: functionOf(choice).name };
}

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: Json[];
}

/** Turns alternate there: neighbours of one role become one. Results of tools are the user's. */
function turnsOf(messages: readonly Message[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    if (message.role === 'system' || message.role === 'developer') continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = blocksOf(message);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else if (content.length > 0) turns.push({ role, content });
  }
  return turns;
}

function blocksOf(message: Message): Json[] {
  if (message.role === 'tool') return [{ type: 'tool_result', tool_use_id: message['tool_call_id'] ?? '', content: textOf(message.content) }];
  const calls = asList(message['tool_calls']).map((call): Json => {
    const { name, arguments: text } = functionOf(call);
    return { type: 'tool_use', id: (call as { id?: string }).id ?? '', name, input: parsedArguments(text) };
  });
  const parts =
    typeof message.content === 'string' ? (message.content === '' ? [] : [{ type: 'text', text: message.content }]) : asList(message.content).map(blockOf);
  return [...parts, ...calls];
}

function blockOf(part: Json): Json {
  const image = imageOf(part);
  if (image === undefined) return { type: 'text', text: (part as { text?: string }).text ?? '' };
  return { type: 'image', source: 'url' in image ? { type: 'url', url: image.url } : { type: 'base64', media_type: image.mediaType, data: image.data } };
}
