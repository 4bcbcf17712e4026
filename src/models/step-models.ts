/** The models as steps of workflows see them: through the gateway, counted under the workflow. A step that meets a limit of its org waits;
 *  what fails is told with the code of the API, final where the same call would meet it again. */
import type { ChatRequest } from '../contract/gateway.ts';
import type { Settings } from '../contract/settings.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { NodeError } from '../nodes/kit.ts';
import type { ModelAnswer, ModelChat, ModelPort, ModelTold } from '../nodes/kit-ports.ts';
import type { Gateway, GatewayCaller } from './gateway.ts';
import { createTally } from './tally.ts';
import { joinToolCalls } from './tool-calls.ts';

/** Loads for steps come after those that a person waits for. */
const PRIORITY = 50;
const FINAL: ReadonlySet<string> = new Set(['invalid_body', 'model_not_found', 'unsatisfiable', 'too_large', 'forbidden']);

export interface StepModelParts {
  readonly gateway: Gateway;
  readonly settings: { of(orgId: string): Promise<Settings> };
  readonly clock: Clock;
}

export function createStepModels(parts: StepModelParts): (orgId: string, workflowId: string) => ModelPort {
  return (orgId, workflowId) => ({
    chat: (chat, told) => admitted(parts, told, async () => answer(parts, chat, await callerOf(parts, { orgId, workflowId }, told.signal), told)),
    embed: ({ model, texts, dimensions }, told) =>
      admitted(parts, told, async () => {
        const by = await callerOf(parts, { orgId, workflowId }, told.signal);
        const { reply } = await parts.gateway.embed({ model, input: [...texts], dimensions }, by, (message) => told.onWait?.(message));
        return { vectors: reply.vectors, promptTokens: reply.usage.promptTokens };
      }),
  });
}

async function callerOf(
  { settings, clock }: StepModelParts,
  of: { readonly orgId: string; readonly workflowId: string },
  signal: AbortSignal,
): Promise<GatewayCaller> {
  const { visibleModels, modelAliases, modelLimits } = await settings.of(of.orgId);
  return {
    orgId: of.orgId,
    caller: of.workflowId,
    limits: [{ id: of.orgId, who: 'your organisation', limits: modelLimits }],
    visible: visibleModels,
    aliases: modelAliases,
    priority: PRIORITY,
    requestId: newId('req', clock),
    signal,
  };
}

async function answer({ gateway }: StepModelParts, chat: ModelChat, by: GatewayCaller, told: ModelTold): Promise<ModelAnswer> {
  const tally = createTally();
  for await (const event of gateway.pieces(requestOf(chat), by)) {
    if (event.kind === 'wait') {
      told.onWait?.(event.message);
      continue;
    }
    tally.take(event.piece);
    if (event.piece.text !== undefined && event.piece.text !== '') told.onText?.(event.piece.text);
  }
  const toolCalls = joinToolCalls(tally.toolCalls);
  return {
    text: tally.text,
    reasoning: tally.reasoning,
    toolCalls,
    finish: tally.finish ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop'),
    promptTokens: tally.usage?.promptTokens ?? 0,
    completionTokens: tally.usage?.completionTokens ?? tally.spoken,
  };
}

/** The body that a client of the gateway would send. */
function requestOf({ model, messages, tools, toolChoice, responseFormat, sampling }: ModelChat): ChatRequest {
  return {
    model,
    messages: messages as unknown as ChatRequest['messages'],
    tools: tools as unknown as ChatRequest['tools'],
    tool_choice: toolChoice as unknown as ChatRequest['tool_choice'],
    response_format: responseFormat as unknown as ChatRequest['response_format'],
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    seed: sampling.seed,
    stop: sampling.stop === undefined ? undefined : [...sampling.stop],
  };
}

/** Waits as long as a limit of Studio's own says; the step's time and its cancellation bound that. @throws NodeError */
async function admitted<T>({ clock }: StepModelParts, told: ModelTold, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      // Serial by nature: a refused call is made again.
      return await work();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const isOwnLimit = error.code === 'rate_limited' && error.details?.['headers'] !== undefined;
      if (!isOwnLimit) throw new NodeError(error.code, error.message, { final: FINAL.has(error.code), cause: error });
      told.onWait?.(error.message);
      await clock.sleep((error.retryAfterS ?? 1) * 1_000, told.signal);
    }
  }
}
