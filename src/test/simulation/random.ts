/** Draws from a seeded generator. */

/** @returns numbers in [0, 1) */
export type Random = () => number;

/** A whole number, both ends included. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1));
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

export function chance(random: Random, of: number): boolean {
  return random() < of;
}
