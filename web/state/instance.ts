/** One instance with its steps, live. A step that changed is fetched again when someone looks at it. */
import { call } from '../api.ts';
import type { Instance, Step } from '../../src/contract/instances.ts';
import { live } from '../connection.ts';
import { nextFrame } from './frame.ts';
import { applyToInstance, putStep, viewOf } from './instance-events.ts';
import type { InstanceView } from './instance-events.ts';
import { createSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

/** One instance as its page shows it; `partial` when it has more steps than a page holds. */
export interface InstancePage extends InstanceView {
  readonly partial: boolean;
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
// 4,000 rows of steps are what a browser lays out without a stutter; beyond, the page says so.
const MAX_PAGES = 20;

export function createInstance(id: string): InstanceState {
  const snapshot = createSnapshot<InstancePage>({
    load: async (signal) => {
      const instance = await call('GET /api/v1/instances/{id}', { params: { id }, signal });
      const { steps, partial } = await readSteps(id, signal);
      return { value: { ...viewOf(instance, steps), partial, deleted: false }, cursor: instance.cursor };
    },
    rooms: [`instance:${id}`],
    apply: (page, event) => {
      const applied = applyToInstance(page, event);
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
      instance: instance.seq >= page.instance.seq ? { ...instance, seq: page.instance.seq } : page.instance,
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

async function readSteps(id: string, signal: AbortSignal): Promise<{ steps: Step[]; partial: boolean }> {
  const steps: Step[] = [];
  let after: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    // Serial: each page begins where the one before ended.
    const answer = await call('GET /api/v1/instances/{id}/steps', { params: { id }, query: { under: '/', limit: PAGE, after }, signal });
    steps.push(...answer.items);
    if (answer.next === null) return { steps, partial: false };
    after = answer.next;
  }
  return { steps, partial: true };
}
