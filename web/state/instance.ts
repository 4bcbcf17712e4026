/** One instance with its steps, live: one call brings all that its page shows at first. A step's payloads are read when someone looks at it. */
import { call } from '../api.ts';
import type { ReplyOf } from '../../src/contract/index.ts';
import type { Definition } from '../../src/contract/graph.ts';
import type { Instance, ItemCounts } from '../../src/contract/instances.ts';
import { live } from '../connection.ts';
import { takeAhead } from './ahead.ts';
import { nextFrame } from './frame.ts';
import { applyToInstance, putStep, viewOf } from './instance-events.ts';
import type { InstanceView } from './instance-events.ts';
import { createSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

/** One instance as its page shows it. */
export interface InstancePage extends InstanceView {
  /** Of the version that it runs. */
  readonly definition: Definition;
  /** By the path of a map or loop: how its items stood when the page was read. */
  readonly items: Readonly<Record<string, ItemCounts>>;
  readonly deleted: boolean;
}

export interface InstanceState extends Snapshot<InstancePage> {
  /** Reads a step again: its input, output and error. */
  fetchStep(path: string): Promise<void>;
  /** Reads the instance's output again. */
  fetchInstance(): Promise<void>;
  /** Shows the answer of a command at once; its events follow. */
  put(instance: Instance): void;
}

const PAGE = 200;

export function createInstance(id: string): InstanceState {
  const snapshot = createSnapshot<InstancePage>({
    load: async (signal) => {
      const read =
        takeAhead<ReplyOf<'GET /api/v1/instances/{id}/view'>>(`instance ${id}`) ?? call('GET /api/v1/instances/{id}/view', { params: { id }, signal });
      const { instance, definition, steps, tries, items } = await read;
      return { value: { ...viewOf(instance, steps, tries), definition, items, deleted: false }, cursor: instance.cursor };
    },
    rooms: [`instance:${id}`],
    applyAll: (page, events) => {
      const applied = applyToInstance(page, events);
      if (applied.kind === 'gap') return 'reload';
      if (applied.kind === 'deleted') return { value: { ...page, deleted: true } };
      return { value: applied.kind === 'old' ? page : { ...page, ...applied.view } };
    },
    live,
    soon: nextFrame,
  });
  const fetchInstance = async (): Promise<void> => {
    const instance = await call('GET /api/v1/instances/{id}', { params: { id } });
    put(instance);
  };
  const put = (instance: Instance): void =>
    snapshot.change((page) => ({
      ...page,
      // Answers of commands leave out the trace, which stays the same.
      instance: instance.seq >= page.instance.seq ? { ...traceOf(page.instance), ...instance, seq: page.instance.seq } : page.instance,
      outputOutdated: false,
    }));
  return {
    ...snapshot,
    async fetchStep(path) {
      const found = await call('GET /api/v1/instances/{id}/steps', { params: { id }, query: { path, limit: PAGE } });
      const newest = found.items.filter((step) => step.path === path).toSorted((a, b) => b.generation - a.generation)[0];
      if (newest !== undefined) snapshot.change((page) => ({ ...page, ...putStep(page, newest) }));
    },
    fetchInstance,
    put,
  };
}

function traceOf({ traceId }: Instance): Pick<Instance, 'traceId'> {
  return traceId === undefined ? {} : { traceId };
}
