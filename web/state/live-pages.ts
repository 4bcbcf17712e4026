/** A live list that grows by pages: `more` adds the next older one, `showNew` shows what was held back. Used by the lists of instances and of jobs. */
import { appendPage, showHeld } from './live-list.ts';
import type { LiveList, LiveRow } from './live-list.ts';
import type { Snapshot } from './snapshot.ts';

export interface LivePages<List extends object> extends Snapshot<List> {
  more(): Promise<void>;
  showNew(): void;
}

export function livePages<Row extends LiveRow>(
  snapshot: Snapshot<LiveList<Row>>,
  loadPage: (after: string) => Promise<{ readonly items: readonly Row[]; readonly next: string | null }>,
): LivePages<LiveList<Row>> {
  let isLoading = false;
  return {
    ...snapshot,
    async more() {
      const next = snapshot.value.value?.next;
      if (isLoading || next === null || next === undefined) return;
      isLoading = true;
      try {
        const page = await loadPage(next);
        snapshot.change((list) => appendPage(list, page.items, page.next));
      } finally {
        isLoading = false;
      }
    },
    showNew() {
      if ((snapshot.value.value?.heldMore ?? 0) > 0) void snapshot.reload();
      else snapshot.change(showHeld);
    },
  };
}
