/** A list that is read page by page as one scrolls: what is there, and more of it. For lists that only grow at their head and are reloaded for that. */
import { useSignal } from '@preact/signals';
import { asApiError } from '../api.ts';
import { useResource } from './resource.ts';
import type { ApiError } from '../api.ts';
import type { Follow } from './resource.ts';

interface PageOf<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export interface Pages<Item> {
  readonly value: PageOf<Item> | undefined;
  readonly error: ApiError | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
  /** Reads the page after the last one; nothing when there is none or one is being read. */
  readonly more: () => void;
  readonly loadingMore: boolean;
}

/** @param load the page after a cursor; the first without one  @param deps begin anew when they change */
export function usePages<Item, Page extends PageOf<Item>>(
  load: (after: string | undefined, signal: AbortSignal) => Promise<Page>,
  deps: readonly unknown[],
  follow?: Follow<Page>,
): Pages<Item> {
  const first = useResource((signal) => load(undefined, signal), deps, follow === undefined ? {} : { follow });
  const later = useSignal<{ readonly of: Page; readonly items: readonly Item[]; readonly next: string | null } | undefined>(undefined);
  const isReading = useSignal(false);
  const fault = useSignal<ApiError | undefined>(undefined);
  // What was read after a first page that is gone stands for nothing.
  const tail = later.value?.of === first.value ? later.value : undefined;
  const next = tail === undefined ? (first.value?.next ?? null) : tail.next;
  const more = async (): Promise<void> => {
    const of = first.value;
    if (of === undefined || next === null || isReading.value) return;
    isReading.value = true;
    try {
      const page = await load(next, AbortSignal.timeout(30_000));
      later.value = { of, items: [...(tail?.items ?? []), ...page.items], next: page.next };
      fault.value = undefined;
    } catch (thrown) {
      fault.value = asApiError(thrown);
    } finally {
      isReading.value = false;
    }
  };
  return {
    value: first.value === undefined ? undefined : { items: [...first.value.items, ...(tail?.items ?? [])], next },
    error: first.error ?? fault.value,
    loading: first.loading,
    reload: first.reload,
    more: () => void more(),
    loadingMore: isReading.value,
  };
}
