/** The live list of instances: a filtered snapshot whose rows events change in place. Never sorts; new rows are held back. */
import { call } from '../api.ts';
import type { Filter } from '../route.ts';
import { live } from '../connection.ts';
import { nextFrame } from './frame.ts';
import { applyToInstances, asksForInstance, putInstance } from './list-events.ts';
import type { InstanceList } from './list-events.ts';
import { appendPage, listOf, showHeld } from './live-list.ts';
import { createSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

export interface Instances extends Snapshot<InstanceList> {
  more(): Promise<void>;
  showNew(): void;
}

const PAGE = 100;
// Instances that come to match a filter are read one by one: few at a time, so that a storm of failures does not become one of requests.
const MAX_WANTED = 20;
const READ_AFTER_MS = 500;

/** Terms that this list knows. */
export const instanceTerms = ['status', 'workflow', 'label', 'since'] as const;

export function createInstances(filter: Filter, orgId: string): Instances {
  const query = queryOf(filter);
  const wanted = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const readLater = (id: string): void => {
    if (wanted.size < MAX_WANTED) wanted.add(id);
    timer ??= setTimeout(() => {
      timer = undefined;
      const ids = [...wanted];
      wanted.clear();
      for (const id of ids) void readOne(id);
    }, READ_AFTER_MS);
  };
  const readOne = async (id: string): Promise<void> => {
    try {
      const { input: _input, output: _output, cursor: _cursor, ...row } = await call('GET /api/v1/instances/{id}', { params: { id } });
      snapshot.change((list) => putInstance(list, row, filter));
    } catch {
      // Gone meanwhile, or out of reach: the next snapshot has it.
    }
  };
  const snapshot = createSnapshot<InstanceList>({
    load: async (signal) => {
      const page = await call('GET /api/v1/instances', { query: { ...query, limit: PAGE }, signal });
      return { value: listOf(page.items, page.next), cursor: page.cursor };
    },
    rooms: [`org:${orgId}`],
    apply: (list, event) => {
      if (asksForInstance(list, event, filter)) readLater(event.entity_id);
      return { value: applyToInstances(list, event, filter) };
    },
    live,
    soon: nextFrame,
  });
  let loadingMore = false;
  return {
    ...snapshot,
    close() {
      clearTimeout(timer);
      snapshot.close();
    },
    async more() {
      const next = snapshot.value.value?.next;
      if (loadingMore || next === null || next === undefined) return;
      loadingMore = true;
      try {
        const page = await call('GET /api/v1/instances', { query: { ...query, limit: PAGE, after: next } });
        snapshot.change((list) => appendPage(list, page.items, page.next));
      } finally {
        loadingMore = false;
      }
    },
    showNew() {
      if ((snapshot.value.value?.heldMore ?? 0) > 0) void snapshot.reload();
      else snapshot.change(showHeld);
    },
  };
}

/** What the server filters; words and further labels are matched on the rows that came. */
function queryOf(filter: Filter): { status?: string; workflowId?: string; label?: string; since?: string } {
  const one = (name: string): string | undefined => filter.terms[name]?.[0];
  const label = one('label');
  return {
    ...(filter.terms['status'] === undefined ? {} : { status: filter.terms['status'].join(',') }),
    ...(one('workflow') === undefined ? {} : { workflowId: one('workflow') ?? '' }),
    // The server wants key:value; a bare key is matched here.
    ...(label?.includes(':') === true ? { label } : {}),
    ...(one('since') === undefined ? {} : { since: one('since') ?? '' }),
  };
}
