/** An engine behind Google's Gemini API: calls and answers translated from and to the shapes of OpenAI. Never tries again: `send` does. */
import type { Json } from '../contract/endpoint.ts';
import type { ChatCall, Embedded, ModelEngine, Piece } from './engine.ts';
import { requireVectors } from './openai-client.ts';
import { asList, functionOf, imageOf, parsedArguments, schemaOf, systemText, textOf, type Message } from './translate.ts';
import { UpstreamError } from './upstream.ts';
import { asObject, callOnce, callStream, eventJson, type ClientParts } from './upstream-stream.ts';

/** @returns an engine whose calls throw UpstreamError */
export function createGeminiEngine(parts: ClientParts): ModelEngine {
  return {
    chat: (call, signal) => pieces(parts, call, signal),
    complete: ({ prompt, sampling }, signal) => pieces(parts, { messages: [{ role: 'user', content: prompt }], sampling }, signal),
    embed: (texts, signal, options) => embed(parts, texts, signal, options?.dimensions),
  };
}

function pathOf(model: string, verb: string): string {
  return `/models/${encodeURIComponent(model)}:${verb}`;
}

async function* pieces(parts: ClientParts, call: ChatCall, signal: AbortSignal): AsyncGenerator<Piece> {
  let calls = 0;
  let hasFinished = false;
  for await (const event of callStream(parts, { path: `${pathOf(parts.model, 'streamGenerateContent')}?alt=sse`, body: bodyOf(call), signal })) {
    const value = ('whole' in event ? event.whole : eventJson(event, parts.host)) as unknown as GeminiEvent;
    if (value.error !== undefined) throw new UpstreamError('failed', `${parts.host} gave up: ${value.error.message ?? ''}`);
    if (value.promptFeedback?.blockReason !== undefined) {
      hasFinished = true;
      yield { finish: 'content_filter' };
    }
    const candidate = value.candidates?.[0];
    for (const part of candidate?.content?.parts ?? []) {
      // A call comes whole.
      if (part.functionCall !== undefined) yield { toolCalls: [callOf(part.functionCall, calls++)] };
      else if (part.text !== undefined) yield part.thought === true ? { reasoning: part.text } : { text: part.text };
    }
    if (candidate?.finishReason === undefined) continue;
    hasFinished = true;
    const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = value.usageMetadata ?? {};
    yield {
      finish: finishOf(candidate.finishReason, calls > 0),
      usage: { promptTokens: promptTokenCount, completionTokens: candidatesTokenCount + thoughtsTokenCount },
    };
  }
  if (!hasFinished) throw new UpstreamError('broken', `${parts.host} ended its answer in the middle, without a reason to finish`);
}

/** What is read of an event. */
interface GeminiEvent {
  readonly candidates?: readonly { readonly content?: { readonly parts?: readonly GeminiPart[] }; readonly finishReason?: string }[];
  readonly promptFeedback?: { readonly blockReason?: string };
  readonly usageMetadata?: { readonly promptTokenCount?: number; readonly candidatesTokenCount?: number; readonly thoughtsTokenCount?: number };
  readonly error?: { readonly message?: string };
}
interface GeminiPart {
  readonly text?: string;
  readonly thought?: boolean;
  readonly functionCall?: { readonly id?: string; readonly name?: string; readonly args?: Json };
}

function callOf({ id, name, args }: NonNullable<GeminiPart['functionCall']>, index: number): Json {
  return { index, id: id ?? `call_${index}`, type: 'function', function: { name: name ?? '', arguments: JSON.stringify(args ?? {}) } };
}

function finishOf(reason: string, hasCalls: boolean): Piece['finish'] {
  if (reason === 'MAX_TOKENS') return 'length';
  if (reason === 'STOP') return hasCalls ? 'tool_calls' : 'stop';
  return ['SAFETY', 'RECITATION', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII'].includes(reason) ? 'content_filter' : 'stop';
}

function bodyOf({ messages, tools, toolChoice, responseFormat, sampling }: ChatCall): Record<string, unknown> {
  const system = systemText(messages);
  const declared = asList(tools).map((tool) => {
    const { name, description, parameters } = functionOf(tool);
    return { name, description, parametersJsonSchema: parameters };
  });
  const schema = schemaOf(responseFormat);
  const isJson = schema !== undefined || (responseFormat as { type?: unknown } | undefined)?.type === 'json_object';
  return {
    contents: turnsOf(messages),
    systemInstruction: system === '' ? undefined : { parts: [{ text: system }] },
    ...(declared.length === 0 ? {} : { tools: [{ functionDeclarations: declared }], toolConfig: choiceOf(toolChoice) }),
    generationConfig: {
      maxOutputTokens: sampling.maxTokens,
      temperature: sampling.temperature,
      topP: sampling.topP,
      topK: sampling.topK,
      seed: sampling.seed,
      stopSequences: sampling.stop,
      frequencyPenalty: sampling.frequencyPenalty,
      presencePenalty: sampling.presencePenalty,
      responseMimeType: isJson ? 'application/json' : undefined,
      responseJsonSchema: schema,
    },
  };
}

function choiceOf(choice: Json | undefined): Json | undefined {
  if (choice === undefined) return undefined;
  const mode = choice === 'none' ? 'NONE' : choice === 'auto' ? 'AUTO' : 'ANY';
  return { functionCallingConfig: typeof choice === 'string' ? { mode } : { mode, allowedFunctionNames: [functionOf(choice).name] } };
}

interface Turn {
  readonly role: 'user' | 'model';
  readonly parts: Json[];
}

function turnsOf(messages: readonly Message[]): Turn[] {
  // Results are told by the name of the function there, not by the id of the call.
  const names = new Map(
    messages.flatMap((message) => asList(message['tool_calls']).map((call) => [(call as { id?: Json }).id, functionOf(call).name] as const)),
  );
  const turns: Turn[] = [];
  for (const message of messages) {
    if (message.role === 'system' || message.role === 'developer') continue;
    const role = message.role === 'assistant' ? 'model' : 'user';
    const parts = partsOf(message, names);
    const last = turns.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else turns.push({ role, parts });
  }
  return turns;
}

function partsOf(message: Message, names: ReadonlyMap<Json | undefined, string>): Json[] {
  if (message.role === 'tool')
    return [{ functionResponse: { name: names.get(message['tool_call_id']) ?? '', response: parsedArguments(textOf(message.content)) } }];
  const calls = asList(message['tool_calls']).map((call): Json => {
    const { name, arguments: text } = functionOf(call);
    return { functionCall: { name, args: parsedArguments(text) } };
  });
  const said = typeof message.content === 'string' ? (message.content === '' ? [] : [{ text: message.content }]) : asList(message.content).map(partOf);
  return [...said, ...calls];
}

function partOf(part: Json): Json {
  const image = imageOf(part);
  if (image === undefined) return { text: (part as { text?: string }).text ?? '' };
  return 'url' in image ? { fileData: { fileUri: image.url } } : { inlineData: { mimeType: image.mediaType, data: image.data } };
}

async function embed(parts: ClientParts, texts: readonly string[], signal: AbortSignal, dimensions: number | undefined): Promise<Embedded> {
  const requests = texts.map((text) => ({ model: `models/${parts.model}`, content: { parts: [{ text }] }, outputDimensionality: dimensions }));
  const answer = asObject(await callOnce(parts, { path: pathOf(parts.model, 'batchEmbedContents'), body: { requests }, signal }), parts.host);
  const vectors = asList(answer['embeddings']).map((one) => (one as { values?: Json } | null)?.values);
  return { vectors: requireVectors(vectors, texts.length, parts.host), usage: { promptTokens: 0, completionTokens: 0 } };
}
