/** Who uses which service, and since when nobody does. Pure bookkeeping: what follows from idling is decided in services.ts. */
import type { Clock } from '../kernel/clock.ts';

export interface Uses {
  /** @returns a function that ends this use, once */
  begin(name: string): () => void;
  /** Ms since the last use ended, or since `fromMs` when there was none; 0 while it is used. */
  idleMs(name: string, fromMs: number): number;
  /** When it was used last, ms since 1970; now while it is used; undefined: never. */
  lastMs(name: string): number | undefined;
}

export function createUses(clock: Clock): Uses {
  const counts = new Map<string, number>();
  const last = new Map<string, number>();
  const isUsed = (name: string): boolean => (counts.get(name) ?? 0) > 0;
  return {
    begin(name) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      last.set(name, clock.now());
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        counts.set(name, (counts.get(name) ?? 1) - 1);
        last.set(name, clock.now());
      };
    },
    idleMs: (name, fromMs) => (isUsed(name) ? 0 : Math.max(0, clock.now() - Math.max(last.get(name) ?? 0, fromMs))),
    lastMs: (name) => (isUsed(name) ? clock.now() : last.get(name)),
  };
}
