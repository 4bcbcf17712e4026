/** Counts the tokens of the answers of one request. Pure. */
import type { Piece } from './engine.ts';
import type { Counted } from './gateway-common.ts';

export interface Meter {
  take(index: number, piece: Piece): void;
  counted(): Counted;
}

export interface MeterPlan {
  /** How many answers there are. */
  readonly choices: number;
  /** Answers that share a prompt: its tokens count once. */
  readonly perPrompt: number;
  /** An estimate, where the engine does not count. */
  readonly promptTokens: number;
}

/** Tokens as the engine counts them; where it does not, an estimate of the prompt and a token a piece. */
export function createMeter(plan: MeterPlan): Meter {
  const spoken = new Map<number, number>();
  const told = new Map<number, Counted>();
  return {
    take(index, { text, toolCalls, reasoning, usage }) {
      if (usage !== undefined) told.set(index, usage);
      if ((text ?? '') !== '' || toolCalls !== undefined || reasoning !== undefined) spoken.set(index, (spoken.get(index) ?? 0) + 1);
    },
    counted() {
      const answers = Array.from({ length: plan.choices }, (_, index) => index);
      const completionTokens = answers.reduce((sum, index) => sum + (told.get(index)?.completionTokens ?? spoken.get(index) ?? 0), 0);
      const prompts = answers.filter((index) => index % plan.perPrompt === 0);
      const known = prompts.reduce((sum, index) => sum + (told.get(index)?.promptTokens ?? 0), 0);
      return { promptTokens: known > 0 ? known : plan.promptTokens, completionTokens };
    },
  };
}
