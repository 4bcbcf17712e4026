/** Seeded randomness for chaos: everything chosen comes from a seed that is printed, so that a failing run can be chosen again. */

/** mulberry32: small, seeded, good enough to choose moments. @returns numbers in [0, 1) */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

/** ms between `from` and `to`. */
export function between(random: () => number, from: number, to: number): number {
  return from + random() * (to - from);
}
