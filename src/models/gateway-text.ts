/** Text completions: the same as chat, in the shapes of the older call. Pure. */
import type { Json } from '../contract/endpoint.ts';
import type { TextReply, TextRequest } from '../contract/gateway.ts';
import type { Piece, TextCall } from './engine.ts';
import { samplingOf, unknownFields, usageBody, type AnswerHead, type Counted } from './gateway-common.ts';
import { createTally } from './tally.ts';

const KNOWN = new Set(
  'model prompt stream stream_options max_tokens temperature top_p top_k n seed stop frequency_penalty presence_penalty logprobs echo best_of suffix'.split(
    ' ',
  ),
);

/** One call a prompt. */
export function textCallsOf(body: TextRequest): TextCall[] {
  const sampling = { ...samplingOf(body), logprobs: body.logprobs ?? undefined };
  const extra = unknownFields(body, KNOWN);
  return promptsOf(body).map((prompt) => ({ prompt, sampling, extra }));
}

export function promptsOf({ prompt }: TextRequest): readonly string[] {
  return typeof prompt === 'string' ? [prompt] : prompt;
}

export function textChunk(head: AnswerHead, index: number, piece: Piece): object {
  return {
    id: head.id,
    object: 'text_completion',
    created: head.created,
    model: head.model,
    choices: [{ index, text: piece.text ?? '', logprobs: textLogprobs(piece.logprobs ?? null), finish_reason: piece.finish ?? null }],
    ...(head.hasUsage ? { usage: null } : {}),
  };
}

export function textUsageChunk(head: AnswerHead, counted: Counted): object {
  return { id: head.id, object: 'text_completion', created: head.created, model: head.model, choices: [], usage: usageBody(counted) };
}

export function createTextReply(choices: number): { take(index: number, piece: Piece): void; reply(head: AnswerHead, counted: Counted): TextReply } {
  const answers = Array.from({ length: choices }, () => createTally());
  return {
    take: (index, piece) => answers[index]?.take(piece),
    reply: (head, counted) => ({
      id: head.id,
      object: 'text_completion',
      created: head.created,
      model: head.model,
      choices: answers.map((answer, index) => ({
        index,
        text: answer.text,
        logprobs: textLogprobs(answer.contentLogprobs()),
        finish_reason: answer.finish ?? 'stop',
      })),
      usage: usageBody(counted),
    }),
  };
}

interface TokenLogprob {
  readonly token?: string;
  readonly logprob?: number;
  readonly top_logprobs?: readonly { readonly token: string; readonly logprob: number }[];
}

/** From the shape of chat (`{ content: […] }`) to that of completions: parallel lists. Other shapes are handed through. */
function textLogprobs(value: Json | null): Json | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Array.isArray(value['content'])) return value;
  const tokens = value['content'] as readonly TokenLogprob[];
  let offset = 0;
  return {
    tokens: tokens.map(({ token }) => token ?? ''),
    token_logprobs: tokens.map(({ logprob }) => logprob ?? null),
    top_logprobs: tokens.map(({ top_logprobs: top }) => Object.fromEntries((top ?? []).map(({ token, logprob }) => [token, logprob]))),
    text_offset: tokens.map(({ token }) => {
      const at = offset;
      offset += (token ?? '').length;
      return at;
    }),
  };
}
