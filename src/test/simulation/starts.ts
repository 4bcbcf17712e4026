/** Which instances of a scenario's workflow are started, when, and under which limits. Of numbers of its own: a seed without limits is what it was before
 *  there were any. The same workflow is called by several at once only here, so that limits have something to decide. */
import { createHash } from 'node:crypto';
import type { Json } from '../../contract/endpoint.ts';
import type { Definition } from '../../contract/graph.ts';
import { between, chance, pick, type Random } from './random.ts';

export type Limits = Pick<NonNullable<Definition['settings']>, 'concurrency' | 'rateLimit'>;

export interface Start {
  readonly id: string;
  /** Since the world began, ms. */
  readonly afterMs: number;
  /** What limits count it under. */
  readonly key: string;
  readonly priority: number | undefined;
  /** A person starts it by hand when it has waited for so long, ms. */
  readonly handMs: number | undefined;
}

export interface Starts {
  readonly starts: readonly Start[];
  /** All of them by one call. */
  readonly isBatch: boolean;
  readonly limits: Limits;
  /** Of what is called. */
  readonly childLimits: Limits;
}

/** The only start of a scenario without limits. */
export function aloneIn(seed: number): Starts {
  return { starts: [{ id: idOf(String(seed)), afterMs: 0, key: 'k', priority: undefined, handMs: undefined }], isBatch: false, limits: {}, childLimits: {} };
}

/** Several instances that meet limits, more often than not. */
export function startsOf(seed: number, random: Random): Starts {
  if (!chance(random, 0.3)) return aloneIn(seed);
  const hasHands = chance(random, 0.4);
  const spreadMs = pick(random, [0, 200, 2_000]);
  const starts = Array.from({ length: between(random, 2, 6) }, (_, index): Start => ({
    id: idOf(index === 0 ? String(seed) : `${seed} ${index}`),
    afterMs: index === 0 ? 0 : between(random, 0, spreadMs),
    key: pick(random, ['k', 'k', 'l']),
    priority: chance(random, 0.3) ? pick(random, [10, 90]) : undefined,
    handMs: hasHands && chance(random, 0.4) ? between(random, 1, 1_500) : undefined,
  }));
  const isChildLimited = chance(random, 0.3);
  return {
    starts,
    isBatch: chance(random, 0.2),
    limits: limitsOf(random, ['queue', 'queue', 'cancel-new', 'cancel-old']),
    childLimits: isChildLimited ? limitsOf(random, ['queue']) : {},
  };
}

function limitsOf(random: Random, policies: readonly NonNullable<Limits['concurrency']>['policy'][]): Limits {
  const key = (): { key?: string } => (chance(random, 0.4) ? { key: 'input.key' } : {});
  const roll = random();
  return {
    ...(roll < 0.85 ? { concurrency: { limit: between(random, 1, 3), policy: pick(random, policies), ...key() } } : {}),
    ...(roll > 0.7 ? { rateLimit: { limit: between(random, 1, 3), perS: between(random, 1, 3), ...key() } } : {}),
  };
}

/** What one of several is given beside what all are. */
export function inputOf(start: Start, shared: Json): Json {
  return { ...(shared as { readonly [name: string]: Json }), key: start.key };
}

function idOf(text: string): string {
  return `inst_${createHash('sha256').update(text).digest('hex').slice(0, 26)}`;
}
