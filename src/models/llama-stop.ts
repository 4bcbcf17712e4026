/** Text as it comes from a model, handed on without what must not be seen: halves of characters, and stop strings with what follows. Pure. */

export interface StopFilter {
  /** @returns what may be shown now; `isStopped` once a stop string was met */
  push(text: string): { readonly text: string; readonly isStopped: boolean };
  /** What was held back, at the end of the answer. */
  rest(): string;
}

/** @param stops empty ones are ignored */
export function createStopFilter(stops: readonly string[]): StopFilter {
  const wanted = stops.filter((stop) => stop !== '');
  let held = '';
  return {
    push(text) {
      held += text;
      const found = wanted.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
      if (found.length > 0) {
        const shown = held.slice(0, Math.min(...found));
        held = '';
        return { text: shown, isStopped: true };
      }
      const keep = longestOpening(held, wanted);
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: shown, isStopped: false };
    },
    rest() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

/** How many characters at the end of `text` may be the beginning of a stop string. */
function longestOpening(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(text.length - length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}

/** A character of UTF-8 has four bytes at most, and a model with byte tokens gives one a token. */
const MAX_HELD_TOKENS = 4;

/** Joins tokens to text: a character whose bytes lie in several tokens comes whole. @param decode what these tokens are as text, after `before` */
export function createTokenText<T>(decode: (tokens: readonly T[], before: readonly T[]) => string): { push(token: T): string; rest(): string } {
  const before: T[] = [];
  let open: T[] = [];
  const take = (): string => {
    const text = decode(open, before);
    before.push(...open);
    // Spacing depends on the last few tokens only.
    if (before.length > 16) before.splice(0, before.length - 8);
    open = [];
    return text;
  };
  return {
    push(token) {
      open.push(token);
      return open.length < MAX_HELD_TOKENS && decode(open, before).endsWith('\u{FFFD}') ? '' : take();
    },
    rest: () => (open.length === 0 ? '' : take()),
  };
}
