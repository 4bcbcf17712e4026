/** Where and how the engine of a storm is struck, and the failpoints that do it. */
import { setFailpoints, type FailpointName } from '../../kernel/failpoint.ts';
import { randomOf } from './random.ts';
import type { Fleet } from './storm-fleet.ts';

/** Where the engine is struck. `at` names a failpoint; `after` strikes at the first commit that follows it. */
export interface StormStrike {
  readonly kind: 'crash' | 'cut' | 'freeze';
  readonly at: FailpointName;
  /** The how-manieth time it is passed since the strike before. */
  readonly nth: number;
  readonly isAfter?: boolean;
}

/** Random strikes for a seed: more crashes than anything else. */
export function strikesOf(seed: number): StormStrike[] {
  const random = randomOf(seed + 77);
  return Array.from({ length: 2 + Math.floor(random() * 3) }, (): StormStrike => {
    const kind = random() < 0.5 ? 'crash' : random() < 0.5 ? 'cut' : 'freeze';
    return { kind, at: random() < 0.5 ? 'journal.before_commit' : 'journal.after_commit', nth: 1 + Math.floor(random() * 12) };
  });
}

/** Strikes in their order. @returns takes what has not fallen away */
export function armStrikes(strikes: readonly StormStrike[], fleet: Fleet): () => void {
  const waiting = [...strikes];
  let passed = 0;
  let isPassed = false;
  return setFailpoints((name) => {
    const [next] = waiting;
    // Between a death and the next boot there is nobody to strike.
    if (next === undefined || fleet.mustBoot() || fleet.isDying()) return;
    if (isPassed ? name !== 'journal.after_commit' : name !== next.at || ++passed < next.nth) return;
    if (next.isAfter === true && !isPassed) {
      isPassed = true;
      return;
    }
    waiting.shift();
    passed = 0;
    isPassed = false;
    return fleet.strike(next);
  });
}
