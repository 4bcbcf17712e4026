/** The live list of instances: a filtered snapshot whose rows events change in place. Never sorts; new rows are held back. */
import { call } from '../api.ts';
import type { Filter } from '../route.ts';
import { live } from '../connection.ts';
import { nextFrame } from './frame.ts';
import { asksServer, instanceQuery } from './instance-filter.ts';
import { applyToInstances, asksForInstance, putInstance } from './list-events.ts';
import type { InstanceList } from './list-events.ts';
import { listOf } from './live-list.ts';
import { livePages } from './live-pages.ts';
import type { LivePages } from './live-pages.ts';
import { createSnapshot } from './snapshot.ts';

export type Instances = LivePages<InstanceList>;

const PAGE = 200;
// Instances that come to match a filter are read one by one: few at a time, so that a storm of failures does not become one of requests.
const MAX_WANTED = 20;
const READ_AFTER_MS = 500;

export function createInstances(filter: Filter, orgId: string): Instances {
  const query = instanceQuery(filter, Date.now());
  const wanted = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const readLater = (id: string): void => {
    if (wanted.size < MAX_WANTED) wanted.add(id);
    timer ??= setTimeout(() => {
      timer = undefined;
      const ids = [...wanted];
      wanted.clear();
      if (asksServer(filter)) void readNewest();
      else for (const id of ids) void readOne(id);
    }, READ_AFTER_MS);
  };
  /** What came meanwhile and belongs here, where only the server can tell. */
  const readNewest = async (): Promise<void> => {
    try {
      const { items } = await call('GET /api/v1/instances', { query: { ...query, limit: MAX_WANTED } });
      snapshot.change((list) => items.toReversed().reduce((held, row) => putInstance(held, row, filter, Date.now()), list));
    } catch {
      // Out of reach: the next event, or the next snapshot, has it.
    }
  };
  const readOne = async (id: string): Promise<void> => {
    try {
      const { input: _input, output: _output, cursor: _cursor, ...row } = await call('GET /api/v1/instances/{id}', { params: { id } });
      snapshot.change((list) => putInstance(list, row, filter, Date.now()));
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
      return { value: applyToInstances(list, event, filter, Date.now()) };
    },
    live,
    soon: nextFrame,
  });
  return {
    ...livePages(snapshot, (after) => call('GET /api/v1/instances', { query: { ...query, limit: PAGE, after } })),
    close() {
      clearTimeout(timer);
      snapshot.close();
    },
  };
}
