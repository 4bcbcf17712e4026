/** The gateway to models: who may, how much, what it costs, and the answer in the shapes of the OpenAI API. Workflows come through it, too.
 *  Never knows what runs a model. One thing to know: whatever way an answer ends, its limits are set right and its use is counted, once. */
import type { ChatReply, ChatRequest, EmbeddingRequest, TextReply, TextRequest } from '../contract/gateway.ts';
import type { Clock } from '../kernel/clock.ts';
import { answerEvents, type AnswerEvent } from './answering.ts';
import type { Embedded, ListedModel, ModelEngine, Models, Piece } from './engine.ts';
import { chatCallOf, chatChars, chatChunk, chatUsageChunk, createChatReply } from './gateway-chat.ts';
import { seedOf, tokensOf, type AnswerHead, type Counted } from './gateway-common.ts';
import { embed } from './gateway-embed.ts';
import { openFrames } from './gateway-frames.ts';
import type { Admission, GatewayLimits, LimitedBy } from './gateway-limits.ts';
import { isUnknownModel, listNames, realName, type Named } from './gateway-names.ts';
import { createTextReply, promptsOf, textCallsOf, textChunk, textUsageChunk } from './gateway-text.ts';
import type { UsageMeter } from './gateway-usage.ts';
import { createMeter, type Meter, type MeterPlan } from './gateway-meter.ts';
import { publicFault } from './upstream-fault.ts';

/** Who asks, and what holds for them. */
export interface GatewayCaller extends Named {
  /** Counted under it: `key_…`, `user_…`, `wf_…`. */
  readonly caller: string;
  readonly limits: readonly LimitedBy[];
  readonly priority: number;
  /** Becomes the answer's id. */
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** Hears how the call ended, for traces; must not throw. */
  readonly observe?: ((used: GatewayUse) => void) | undefined;
}

/** A call that is over. */
export interface GatewayUse {
  /** The model's own name. */
  readonly model: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Set: it failed, or was given up. */
  readonly error?: unknown;
}

export interface Answer<Reply> {
  readonly headers: Readonly<Record<string, string>>;
  readonly reply: Reply | ReadableStream<Uint8Array>;
}

export interface EmbedAnswer {
  readonly headers: Readonly<Record<string, string>>;
  readonly reply: Embedded;
}

/** Every call throws AppError: model_not_found, rate_limited, unsatisfiable, upstream_failed, invalid_body, …; the signal's reason when it aborts. */
export interface Gateway {
  list(by: Named): Promise<readonly ListedModel[]>;
  chat(body: ChatRequest, by: GatewayCaller): Promise<Answer<ChatReply>>;
  complete(body: TextRequest, by: GatewayCaller): Promise<Answer<TextReply>>;
  embed(body: Pick<EmbeddingRequest, 'model' | 'input' | 'dimensions'>, by: GatewayCaller, onWait?: (message: string) => void): Promise<EmbedAnswer>;
  /** For steps: the pieces of one answer, and what is waited for. */
  pieces(body: ChatRequest, by: GatewayCaller): AsyncGenerator<AnswerEvent>;
}

export interface GatewayParts {
  readonly models: Models;
  readonly limits: Pick<GatewayLimits, 'admit'>;
  readonly usage: Pick<UsageMeter, 'add'>;
  readonly clock: Clock;
  /** The frame of a fault in the middle of a stream. */
  readonly errorBody: (error: unknown, requestId: string) => object;
}

export function createGateway(parts: GatewayParts): Gateway {
  return {
    list: (by) => listNames(parts.models, by),
    async chat(body, by) {
      const shape = { prefix: 'chatcmpl', chunk: chatChunk, usageChunk: chatUsageChunk, whole: createChatReply };
      return answer(parts, { body, by, shape, plan: chatPlan(body) });
    },
    async complete(body, by) {
      const shape = { prefix: 'cmpl', chunk: textChunk, usageChunk: textUsageChunk, whole: createTextReply };
      const calls = textCallsOf(body);
      const choices = body.n ?? 1;
      const begin = (engine: ModelEngine, signal: AbortSignal): AsyncIterable<Piece>[] =>
        calls.flatMap((call) => Array.from({ length: choices }, (_, at) => engine.complete({ ...call, sampling: seedOf(call.sampling, at) }, signal)));
      const chars = promptsOf(body).reduce((sum, prompt) => sum + prompt.length, 0);
      return answer(parts, { body, by, shape, plan: { begin, choices: calls.length * choices, perPrompt: choices, promptTokens: tokensOf(chars) } });
    },
    embed: (body, by, onWait) => embed(parts, body, by, onWait),
    async *pieces(body, by) {
      const plan = chatPlan(body);
      const entered = await enter(parts, body, by, plan);
      yield* counted(parts, { by, plan, signal: by.signal, ...entered });
    },
  };
}

interface Plan extends MeterPlan {
  readonly begin: (engine: ModelEngine, signal: AbortSignal) => readonly AsyncIterable<Piece>[];
}

function chatPlan(body: ChatRequest): Plan {
  const call = chatCallOf(body);
  const choices = body.n ?? 1;
  return {
    begin: (engine, signal) => Array.from({ length: choices }, (_, at) => engine.chat({ ...call, sampling: seedOf(call.sampling, at) }, signal)),
    choices,
    perPrompt: choices,
    promptTokens: tokensOf(chatChars(body)),
  };
}

interface Shape<Reply> {
  /** Of the answer's id. */
  readonly prefix: string;
  chunk(head: AnswerHead, index: number, piece: Piece, isFirst: boolean): object;
  usageChunk(head: AnswerHead, counted: Counted): object;
  whole(choices: number): { take(index: number, piece: Piece): void; reply(head: AnswerHead, counted: Counted): Reply };
}

interface Asked<Reply> {
  readonly body: ChatRequest | TextRequest;
  readonly by: GatewayCaller;
  readonly shape: Shape<Reply>;
  readonly plan: Plan;
}

async function answer<Reply>(parts: GatewayParts, { body, by, shape, plan }: Asked<Reply>): Promise<Answer<Reply>> {
  const { admission, meter, name } = await enter(parts, body, by, plan);
  const head: AnswerHead = {
    id: `${shape.prefix}-${by.requestId}`,
    created: Math.floor(parts.clock.now() / 1_000),
    model: body.model,
    hasUsage: body.stream_options?.include_usage === true,
  };
  const leave = new AbortController();
  const signal = AbortSignal.any([by.signal, leave.signal]);
  const events = counted(parts, { name, by, plan, signal, admission, meter });
  if (body.stream === true) {
    const reply = await openFrames({
      frames: framesOf(events, { head, shape, meter }),
      faultFrame: (error) => frame(parts.errorBody(error, by.requestId)),
      onLeave: () => leave.abort(GONE),
      clock: parts.clock,
    });
    return { headers: admission.headers, reply };
  }
  const whole = shape.whole(plan.choices);
  for await (const event of events) if (event.kind === 'piece') whole.take(event.index, event.piece);
  return { headers: admission.headers, reply: whole.reply(head, meter.counted()) };
}

const GONE = new Error('the caller went away');

interface Entered {
  /** The model's own name. */
  readonly name: string;
  readonly admission: Admission;
  readonly meter: Meter;
}

async function enter(parts: GatewayParts, { model }: { readonly model: string }, by: GatewayCaller, plan: Plan): Promise<Entered> {
  const name = await realName(parts.models, model, by);
  return { name, admission: await parts.limits.admit(by.limits, plan.promptTokens), meter: createMeter(plan) };
}

interface Counting extends Entered {
  readonly by: GatewayCaller;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** The events of an answer, counted whichever way they end. */
async function* counted(parts: GatewayParts, { name, by, plan, signal, admission, meter }: Counting): AsyncGenerator<AnswerEvent> {
  let isWhole = false;
  let isKnown = true;
  let isBegun = false;
  let fault: unknown = GONE;
  const { orgId, priority, caller } = by;
  try {
    for await (const event of answerEvents({ models: parts.models, name, use: { orgId, priority, signal }, begin: plan.begin })) {
      if (event.kind === 'piece') {
        isBegun = true;
        meter.take(event.index, event.piece);
      }
      yield event;
    }
    isWhole = true;
  } catch (error) {
    isKnown = !isUnknownModel(error);
    throw (fault = publicFault(error, name));
  } finally {
    const { promptTokens, completionTokens } = isBegun ? meter.counted() : { promptTokens: 0, completionTokens: 0 };
    admission.end(promptTokens + completionTokens);
    if (isKnown) parts.usage.add({ orgId, model: name, caller, promptTokens, completionTokens, isFailed: !isWhole });
    by.observe?.({ model: name, promptTokens, completionTokens, ...(isWhole ? {} : { error: fault }) });
  }
}

function frame(body: object): string {
  return `data: ${JSON.stringify(body)}`;
}

async function* framesOf<Reply>(
  events: AsyncIterable<AnswerEvent>,
  { head, shape, meter }: { readonly head: AnswerHead; readonly shape: Shape<Reply>; readonly meter: Meter },
): AsyncGenerator<string> {
  const begun = new Set<number>();
  const ended = new Set<number>();
  for await (const event of events) {
    if (event.kind === 'wait') {
      // One line: a line break would end the comment.
      const share = event.progress === undefined ? '' : ` (${Math.round(event.progress * 100)} %)`;
      yield `: waiting: ${event.message.replaceAll(/[\r\n]+/g, ' ')}${share}`;
      continue;
    }
    const { index, piece } = event;
    // Usage comes in a chunk of its own, at the end.
    if (isEmpty(piece)) continue;
    yield frame(shape.chunk(head, index, piece, !begun.has(index)));
    begun.add(index);
    if (piece.finish !== undefined) ended.add(index);
  }
  // An engine that just stops has come to its end: clients wait for a reason.
  for (const index of begun) if (!ended.has(index)) yield frame(shape.chunk(head, index, { finish: 'stop' }, false));
  if (head.hasUsage) yield frame(shape.usageChunk(head, meter.counted()));
  yield 'data: [DONE]';
}

function isEmpty({ text, reasoning, toolCalls, logprobs, finish }: Piece): boolean {
  return text === undefined && reasoning === undefined && toolCalls === undefined && logprobs === undefined && finish === undefined;
}
