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
import { createSearchBack } from './search-back.ts';
import type { SearchBack } from './search-back.ts';
import { createSnapshot } from './snapshot.ts';

/** `searched`: how far back a filter was looked for that few match; `more` goes on from there, `stop` ends it. */
export type Instances = LivePages<InstanceList> & Pick<SearchBack, 'searched' | 'stop'>;

const PAGE = 200;
// Instances that come to match a filter are read one by one: few at a time, so that a storm of failures does not become one of requests.
const MAX_WANTED = 20;
const READ_AFTER_MS = 500;
// Where each look is a search of its own.
const SEARCH_AFTER_MS = 4_000;

export function createInstances(filter: Filter, orgId: string): Instances {
  const query = instanceQuery(filter, Date.now());
  const wanted = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const readLater = (id: string): void => {
    if (wanted.size < MAX_WANTED) wanted.add(id);
    timer ??= setTimeout(
      () => {
        timer = undefined;
        const ids = [...wanted];
        wanted.clear();
        if (asksServer(filter)) void readNewest();
        else for (const id of ids) void readOne(id);
      },
      asksServer(filter) ? SEARCH_AFTER_MS : READ_AFTER_MS,
    );
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
      back.saw(page);
      if (page.searchedTo !== undefined) void goOnSoon();
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
  const pages = livePages(snapshot, async (after) => {
    const page = await call('GET /api/v1/instances', { query: { ...query, limit: PAGE, after } });
    back.saw(page);
    return page;
  });
  const back = createSearchBack(() => pages.more());
  /** Once the first page stands. */
  const goOnSoon = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    await back.goOn().catch(() => undefined);
  };
  return {
    ...pages,
    searched: back.searched,
    stop: back.stop,
    more: back.goOn,
    close() {
      clearTimeout(timer);
      back.stop();
      snapshot.close();
    },
  };
}
