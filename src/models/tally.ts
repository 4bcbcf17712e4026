/** Sums up the pieces of one answer: its text, its calls of tools, how it ended, what it took. Pure. */
import type { Json } from '../contract/endpoint.ts';
import type { Piece, Usage } from './engine.ts';

export interface Tally {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly Json[];
  readonly finish: Piece['finish'];
  /** As the engine counted; undefined: it did not (yet). */
  readonly usage: Usage | undefined;
  /** Pieces that said something: about as many tokens. */
  readonly spoken: number;
  /** Joined over all pieces: `{ content: […] }`; null when there were none. */
  contentLogprobs(): Json | null;
  take(piece: Piece): void;
}

export function createTally(): Tally {
  const texts: string[] = [];
  const reasonings: string[] = [];
  const toolCalls: Json[] = [];
  const logprobs: Json[] = [];
  let finish: Piece['finish'];
  let usage: Usage | undefined;
  let spoken = 0;
  return {
    get text() {
      return texts.join('');
    },
    get reasoning() {
      return reasonings.join('');
    },
    toolCalls,
    get finish() {
      return finish;
    },
    get usage() {
      return usage;
    },
    get spoken() {
      return spoken;
    },
    contentLogprobs: () => (logprobs.length === 0 ? null : { content: logprobs.flatMap(contentOf) }),
    take(piece) {
      if (piece.text !== undefined && piece.text !== '') texts.push(piece.text);
      if (piece.reasoning !== undefined) reasonings.push(piece.reasoning);
      if (piece.toolCalls !== undefined) toolCalls.push(piece.toolCalls);
      if (piece.logprobs !== undefined && piece.logprobs !== null) logprobs.push(piece.logprobs);
      if ((piece.text ?? '') !== '' || piece.reasoning !== undefined || piece.toolCalls !== undefined) spoken += 1;
      finish = piece.finish ?? finish;
      usage = piece.usage ?? usage;
    },
  };
}

function contentOf(value: Json): Json[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const { content } = value;
  return Array.isArray(content) ? content : [];
}
