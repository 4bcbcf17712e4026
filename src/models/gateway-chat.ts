/** Chat completions: from a request to what engines take, and from pieces to what clients of OpenAI read. Pure. */
import type { ChatReply, ChatRequest } from '../contract/gateway.ts';
import type { Json } from '../contract/endpoint.ts';
import type { ChatCall, Piece } from './engine.ts';
import { samplingOf, unknownFields, usageBody, type AnswerHead, type Counted } from './gateway-common.ts';
import { createTally } from './tally.ts';
import { joinToolCalls } from './tool-calls.ts';

const KNOWN = new Set(
  'model messages stream stream_options max_tokens max_completion_tokens temperature top_p top_k n seed stop frequency_penalty presence_penalty logprobs top_logprobs tools tool_choice response_format'.split(
    ' ',
  ),
);

export function chatCallOf(body: ChatRequest): ChatCall {
  return {
    messages: body.messages as unknown as ChatCall['messages'],
    tools: (body.tools ?? undefined) as Json | undefined,
    toolChoice: (body.tool_choice ?? undefined) as Json | undefined,
    responseFormat: (body.response_format ?? undefined) as Json | undefined,
    sampling: {
      ...samplingOf(body),
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
      logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
    },
    extra: unknownFields(body, KNOWN),
  };
}

/** The text of the messages, for an estimate of their tokens. Images count as nothing: nobody knows. */
export function chatChars({ messages }: ChatRequest): number {
  return messages.reduce((sum, { content }) => {
    if (typeof content === 'string') return sum + content.length;
    return sum + (content ?? []).reduce((inner, part) => inner + (typeof part['text'] === 'string' ? part['text'].length : 0), 0);
  }, 0);
}

/** Makes the chunks of a stream. `isFirst`: of this answer, which names the role. */
export function chatChunk(head: AnswerHead, index: number, piece: Piece, isFirst: boolean): object {
  const { text, reasoning, toolCalls, finish } = piece;
  const delta = {
    ...(isFirst ? { role: 'assistant', content: text ?? '' } : text === undefined ? {} : { content: text }),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...(toolCalls === undefined ? {} : { tool_calls: toolCalls }),
  };
  return {
    id: head.id,
    object: 'chat.completion.chunk',
    created: head.created,
    model: head.model,
    choices: [{ index, delta, logprobs: piece.logprobs ?? null, finish_reason: finish ?? null }],
    ...(head.hasUsage ? { usage: null } : {}),
  };
}

/** The last chunk where usage was asked for. */
export function chatUsageChunk(head: AnswerHead, counted: Counted): object {
  return { id: head.id, object: 'chat.completion.chunk', created: head.created, model: head.model, choices: [], usage: usageBody(counted) };
}

/** Puts whole answers together. */
export function createChatReply(choices: number): { take(index: number, piece: Piece): void; reply(head: AnswerHead, counted: Counted): ChatReply } {
  const answers = Array.from({ length: choices }, () => createTally());
  return {
    take: (index, piece) => answers[index]?.take(piece),
    reply: (head, counted) => ({
      id: head.id,
      object: 'chat.completion',
      created: head.created,
      model: head.model,
      choices: answers.map((answer, index) => {
        const toolCalls = joinToolCalls(answer.toolCalls);
        return {
          index,
          message: {
            role: 'assistant' as const,
            // With calls of tools and no word beside them, content is null: as OpenAI has it.
            content: answer.text === '' && toolCalls.length > 0 ? null : answer.text,
            refusal: null,
            ...(answer.reasoning === '' ? {} : { reasoning_content: answer.reasoning }),
            ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls as unknown as Json }),
          },
          logprobs: answer.contentLogprobs(),
          finish_reason: answer.finish ?? (toolCalls.length > 0 ? 'tool_calls' : 'stop'),
        };
      }),
      usage: usageBody(counted),
    }),
  };
}
