/** Steps inside maps and loops, as a page shows them: counted for each map, listed when a person unfolds it, and never all at once. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ItemCounts, Step } from '../../src/contract/instances.ts';
import { call } from '../api.ts';
import type { InstancePage } from './instance.ts';
import { useResource } from './resource.ts';
import { useCalm } from './use-calm.ts';

const PAGE = 200;

/** How the items of these maps and loops stand: as the page was read with, and read again while they go on. */
export function useItemCounts(page: Pick<InstancePage, 'instance' | 'items' | 'bodySeq'>, paths: readonly string[]): ReadonlyMap<string, ItemCounts> {
  const instanceId = page.instance.id;
  const calm = useCalm(page.bodySeq);
  const isKnown = calm === 0 && paths.every((path) => page.items[path] !== undefined);
  const counted = useResource(
    async (signal) => {
      const entries = await Promise.all(
        paths.map(async (path) => [path, await call('GET /api/v1/instances/{id}/steps/{path}/items', { params: { id: instanceId, path }, signal })] as const),
      );
      return new Map(entries);
    },
    [instanceId, paths.join(' ')],
    { enabled: !isKnown },
  );
  useEffect(() => {
    if (calm > 0 && paths.length > 0) counted.reload();
  }, [calm]);
  const read = counted.value;
  return useMemo(() => read ?? new Map(Object.entries(page.items)), [read, page.items]);
}

/** What stands under an unfolded map, loop or item. */
export interface Unfolded {
  readonly steps: readonly Step[];
  /** Where the next page begins. */
  readonly next: string | null;
}

export interface BodySteps {
  readonly open: ReadonlyMap<string, Unfolded>;
  readonly toggle: (path: string) => Promise<void>;
  readonly more: (path: string) => Promise<void>;
}

/** @throws ApiError from `toggle` and `more` */
export function useBodySteps(instanceId: string, bodySeq: number): BodySteps {
  const [open, setOpen] = useState<ReadonlyMap<string, Unfolded>>(() => new Map());
  const calm = useCalm(bodySeq);
  const read = async (under: string, after?: string): Promise<Unfolded> => {
    const page = await call('GET /api/v1/instances/{id}/steps', { params: { id: instanceId }, query: { under, limit: PAGE, after } });
    return { steps: page.items, next: page.next };
  };
  useEffect(() => {
    for (const [path, { steps }] of open) {
      // More than a page stays as it was read: it can be folded and unfolded again.
      if (steps.length > PAGE) continue;
      read(path).then(
        (fresh) => setOpen((old) => (old.has(path) ? new Map(old).set(path, fresh) : old)),
        () => undefined,
      );
    }
  }, [calm]);
  return {
    open,
    async toggle(path) {
      if (open.has(path)) return setOpen((old) => new Map([...old].filter(([key]) => key !== path)));
      const first = await read(path);
      setOpen((old) => new Map(old).set(path, first));
    },
    async more(path) {
      const held = open.get(path);
      if (held?.next === null || held?.next === undefined) return;
      const page = await read(path, held.next);
      setOpen((old) => new Map(old).set(path, { steps: [...held.steps, ...page.steps], next: page.next }));
    },
  };
}
