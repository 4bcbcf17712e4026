/** How a llama model picks its tokens: the caller's wishes in the words of node-llama-cpp, llama.cpp's own defaults where the caller is silent. Pure. */
import { randomInt } from 'node:crypto';
import type { Sampling } from './engine.ts';

export interface Picking {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number;
  /** Undefined: repetition costs nothing. */
  readonly penalty: { readonly frequencyPenalty: number; readonly presencePenalty: number } | undefined;
}

/** Of llama.cpp; the library's own would be greedy. */
const DEFAULTS = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 } as const;
/** How far back a penalty looks, in tokens. */
export const PENALTY_TOKENS = 64;

export function pickingOf(sampling: Sampling): Picking {
  const { temperature = DEFAULTS.temperature, topP, topK, seed, frequencyPenalty = 0, presencePenalty = 0 } = sampling;
  return {
    temperature,
    topP: topP ?? DEFAULTS.topP,
    topK: topK ?? DEFAULTS.topK,
    // Who names how to cut the tail gets that cut alone.
    minP: topP === undefined && topK === undefined ? DEFAULTS.minP : 0,
    // The library takes the second of the clock: two requests of one moment would answer alike.
    seed: seed === undefined ? randomInt(2 ** 32) : Math.abs(Math.trunc(seed)) % 2 ** 32,
    penalty: frequencyPenalty === 0 && presencePenalty === 0 ? undefined : { frequencyPenalty, presencePenalty },
  };
}
