/** The page's one ticking clock: everything that shows an age reads `now`, so ages change together and one timer runs. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

// Fine enough for "12 s ago" and running durations; hidden tabs do not tick.
const TICK_MS = 1_000;

const ticking = signal(Date.now());

export const now: ReadonlySignal<number> = ticking;

setInterval(() => {
  if (document.visibilityState === 'visible') ticking.value = Date.now();
}, TICK_MS);
