/** Prefixed, sortable ids: `inst_` and 26 characters of Crockford base32 (48 bits of ms, 80 of randomness), as in the ULID
 *  specification. Monotonic inside one process: two ids of the same millisecond still sort in the order they were made. */
import { createHash, randomFillSync } from 'node:crypto';
import { systemClock, type Clock } from './clock.ts';

export type IdPrefix =
  | 'org'
  | 'user'
  | 'sess'
  | 'key'
  | 'wf'
  | 'inst'
  | 'job'
  | 'grp'
  | 'queue'
  | 'worker'
  | 'file'
  | 'art'
  | 'up'
  | 'trg'
  | 'evt'
  | 'req'
  | 'own'
  | 'cmd'
  | 'aud'
  | 'ntf'
  | 'dlv'
  | 'log'
  | 'view'
  | 'mrun'
  | 'mdl'
  | 'dl'
  | 'lease'
  | 'alr'
  | 'bak'
  | 'inv'
  | 'cred';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const RANDOM_CHARS = 16;

let lastMs = 0;
const lastRandom = new Uint8Array(RANDOM_CHARS);

export function newId<P extends IdPrefix>(prefix: P, clock: Pick<Clock, 'now'> = systemClock): `${P}_${string}` {
  const ms = Math.max(clock.now(), 0);
  if (ms === lastMs) increment(lastRandom);
  else {
    lastMs = ms;
    randomFillSync(lastRandom);
    for (let i = 0; i < RANDOM_CHARS; i++) lastRandom[i] = (lastRandom[i] ?? 0) & 31;
  }
  return `${prefix}_${encodeTime(ms)}${Array.from(lastRandom, (value) => ALPHABET.charAt(value)).join('')}`;
}

/** The id of something that must be made once however often it is tried: the same time and seed give the same id. Sorts like newId's. */
export function derivedId<P extends IdPrefix>(prefix: P, atMs: number, seed: string): `${P}_${string}` {
  const digest = createHash('sha256').update(seed).digest().subarray(0, RANDOM_CHARS);
  return `${prefix}_${encodeTime(Math.max(atMs, 0))}${Array.from(digest, (value) => ALPHABET.charAt(value & 31)).join('')}`;
}

/** The lowest id that something made at `atMs` can have: what was made earlier sorts before it. */
export function firstIdAt<P extends IdPrefix>(prefix: P, atMs: number): `${P}_${string}` {
  return `${prefix}_${encodeTime(Math.max(Math.floor(atMs), 0))}`;
}

function encodeTime(ms: number): string {
  let text = '';
  for (let left = ms, i = 0; i < 10; i++, left = Math.floor(left / 32)) text = ALPHABET.charAt(left % 32) + text;
  return text;
}

function increment(digits: Uint8Array): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    const next = (digits[i] ?? 0) + 1;
    digits[i] = next & 31;
    if (next < 32) return;
  }
}
