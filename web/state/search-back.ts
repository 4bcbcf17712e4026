/** Goes on through pages that came short because few rows match: until a screen of rows came, nothing is left, or it took long. Knows no list:
 *  told of each page as it comes, and handed what reads the next. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

/** How far back was looked. */
export interface Searched {
  /** Everything created from then on was looked at. */
  readonly to: string;
  /** It goes on by itself. */
  readonly isOn: boolean;
}

export interface SearchBack {
  /** Undefined: the last page was full, or the last. */
  readonly searched: ReadonlySignal<Searched | undefined>;
  /** A page that came. @param searchedTo set: its time was over before it was full */
  saw(page: { readonly items: readonly unknown[]; readonly searchedTo?: string | undefined }): void;
  /** Reads on; at once when it reads already. @throws what `more` throws */
  goOn(): Promise<void>;
  /** Reads no further: the page that is on its way still comes. */
  stop(): void;
}

// A screen of rows is what one looks for. Each page takes a quarter of a second: it stops of itself after some ten seconds.
const ENOUGH = 40;
const MOST_PAGES = 40;

/** @param more reads the next page and tells `saw` of it */
export function createSearchBack(more: () => Promise<void>): SearchBack {
  const searched = signal<Searched | undefined>(undefined);
  let found = 0;
  let isGoing = false;
  let isStopped = false;
  return {
    searched,
    saw({ items, searchedTo }) {
      found += items.length;
      searched.value = searchedTo === undefined ? undefined : { to: searchedTo, isOn: isGoing && !isStopped };
    },
    async goOn() {
      if (isGoing) return;
      isGoing = true;
      isStopped = false;
      if (searched.value !== undefined) searched.value = { ...searched.value, isOn: true };
      try {
        // Serial: each page begins where the one before ended.
        for (let pages = 0; pages < MOST_PAGES && !isStopped; pages += 1) {
          await more();
          if (searched.value === undefined || found >= ENOUGH) break;
        }
      } finally {
        isGoing = false;
        found = 0;
        if (searched.value !== undefined) searched.value = { ...searched.value, isOn: false };
      }
    },
    stop() {
      isStopped = true;
      if (searched.value !== undefined) searched.value = { ...searched.value, isOn: false };
    },
  };
}
