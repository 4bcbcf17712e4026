/** Items of long maps and loops, as far as they are in sight: read in parts where somebody looks, kept a while, never all at once.
 *  Knows no page and no call: what reads them is handed in. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { StepOutline } from '../../src/contract/instance-views.ts';

/** An item by its path; null: it has not begun. */
export type ItemParts = ReadonlyMap<string, StepOutline | null>;

/** `of`: the path of the map or loop. */
export interface SeenItem {
  readonly of: string;
  readonly index: number;
}

export interface ItemWindows {
  readonly parts: ReadonlySignal<ItemParts>;
  /** What is in sight now, and a little around it. */
  see(items: readonly SeenItem[]): void;
  /** Something changed: what is in sight is read again. */
  refresh(): void;
  close(): void;
}

interface WindowParts {
  /** Those that began. */
  readonly load: (of: string, indexes: readonly number[], stop: AbortSignal) => Promise<readonly StepOutline[]>;
  readonly onError: (error: unknown) => void;
}

// A list that is dragged past asks for nothing until it rests a moment.
const REST_MS = 60;
/** Of one question: two screens of rows. */
const MOST_ASKED = 100;
/** Kept, in sight or not: so that scrolling back a little asks for nothing. */
const MOST_KEPT = 4_000;

export const itemPath = ({ of, index }: SeenItem): string => `${of}[${index}]`;

export function createItemWindows({ load, onError }: WindowParts): ItemWindows {
  const parts = signal<ItemParts>(new Map());
  const stop = new AbortController();
  let seen: readonly SeenItem[] = [];
  let outdated = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isReading = false;

  const soon = (): void => {
    if (timer !== undefined || stop.signal.aborted) return;
    timer = setTimeout(() => {
      timer = undefined;
      void readMissing();
    }, REST_MS);
  };
  const missing = (): readonly SeenItem[] => {
    const wanted = seen.filter((item) => !parts.value.has(itemPath(item)) || outdated.has(itemPath(item)));
    const of = wanted[0]?.of;
    return wanted.filter((item) => item.of === of).slice(0, MOST_ASKED);
  };
  const readMissing = async (): Promise<void> => {
    const asked = missing();
    const of = asked[0]?.of;
    if (isReading || of === undefined) return;
    isReading = true;
    try {
      const found = await load(
        of,
        asked.map(({ index }) => index),
        stop.signal,
      );
      if (stop.signal.aborted) return;
      for (const item of asked) outdated.delete(itemPath(item));
      const byPath = new Map(found.map((step) => [step.path, step]));
      parts.value = joined(parts.value, new Map(asked.map((item) => [itemPath(item), byPath.get(itemPath(item)) ?? null])));
      isReading = false;
      // What came into sight meanwhile, or belongs to another map.
      if (missing().length > 0) soon();
    } catch (error) {
      isReading = false;
      if (!stop.signal.aborted) onError(error);
    }
  };

  return {
    parts,
    see(items) {
      seen = items;
      if (missing().length === 0) return;
      // Counted from the last look: what is scrolled past is not read.
      clearTimeout(timer);
      timer = undefined;
      soon();
    },
    refresh() {
      outdated = new Set(parts.value.keys());
      soon();
    },
    close() {
      stop.abort();
      clearTimeout(timer);
    },
  };
}

/** What was read last stands last; the oldest go when there are too many. */
function joined(old: ItemParts, fresh: ItemParts): ItemParts {
  const all = new Map(old);
  for (const [path, step] of fresh) {
    all.delete(path);
    all.set(path, step);
  }
  if (all.size <= MOST_KEPT) return all;
  return new Map([...all].slice(all.size - MOST_KEPT));
}
