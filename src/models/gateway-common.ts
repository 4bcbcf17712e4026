/** What the calls of the gateway share. Pure. */
import type { Json } from '../contract/endpoint.ts';
import type { ChatRequest, TextRequest } from '../contract/gateway.ts';
import type { Sampling } from './engine.ts';

/** What every chunk and reply of one answer begins with. */
export interface AnswerHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** As the caller wrote it. */
  readonly model: string;
  /** The stream ends with its usage. */
  readonly hasUsage: boolean;
}

export interface Counted {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export function samplingOf(body: ChatRequest | TextRequest): Sampling {
  const stop = typeof body.stop === 'string' ? [body.stop] : body.stop;
  return {
    maxTokens: body.max_tokens ?? undefined,
    temperature: body.temperature ?? undefined,
    topP: body.top_p ?? undefined,
    topK: body.top_k ?? undefined,
    seed: body.seed ?? undefined,
    stop: stop ?? undefined,
    frequencyPenalty: body.frequency_penalty ?? undefined,
    presencePenalty: body.presence_penalty ?? undefined,
  };
}

/** Of several answers with one seed each has its own, so that they differ and can be had again. */
export function seedOf(sampling: Sampling, choice: number): Sampling {
  return sampling.seed === undefined || choice === 0 ? sampling : { ...sampling, seed: sampling.seed + choice };
}

/** What Studio does not know, for engines that do; undefined when there is nothing. */
export function unknownFields(body: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): Readonly<Record<string, Json>> | undefined {
  const fields = Object.entries(body).filter(([name]) => !known.has(name));
  return fields.length === 0 ? undefined : (Object.fromEntries(fields) as Record<string, Json>);
}

export function usageBody({ promptTokens, completionTokens }: Counted): { prompt_tokens: number; completion_tokens: number; total_tokens: number } {
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: promptTokens + completionTokens };
}

/** About: four characters a token, as OpenAI reckons for English. */
export function tokensOf(chars: number): number {
  return Math.max(1, Math.ceil(chars / 4));
}
