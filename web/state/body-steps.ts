/** Steps inside maps and loops, as a page shows them: counted for each map, unfolded where a person looks, and only what is in sight is read. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { StepOutline } from '../../src/contract/instance-views.ts';
import type { ItemCounts, Step } from '../../src/contract/instances.ts';
import { call } from '../api.ts';
import type { InstancePage } from './instance.ts';
import { createItemWindows } from './item-windows.ts';
import { useResource } from './resource.ts';
import type { StepRow, Unfolded } from './step-rows.ts';
import { useCalm } from './use-calm.ts';

/** How the items of these maps and loops stand: as the page was read with, and read again while they go on. */
export function useItemCounts(page: Pick<InstancePage, 'instance' | 'items' | 'bodySeq'>, paths: readonly string[]): ReadonlyMap<string, ItemCounts> {
  const instanceId = page.instance.id;
  const calm = useCalm(page.bodySeq);
  const isKnown = calm === 0 && paths.every((path) => page.items[path] !== undefined);
  const counted = useResource(
    async (signal) => new Map(await Promise.all(paths.map(async (path) => [path, await readCounts(instanceId, path, signal)] as const))),
    [instanceId, paths.join(' ')],
    { enabled: !isKnown },
  );
  useEffect(() => {
    if (calm > 0 && paths.length > 0) counted.reload();
  }, [calm]);
  const read = counted.value;
  return useMemo(() => read ?? new Map(Object.entries(page.items)), [read, page.items]);
}

export interface BodySteps {
  readonly open: ReadonlyMap<string, Unfolded>;
  /** What a row is of, as far as it is read; null: an item that has not begun. */
  readonly stepOf: (row: StepRow) => StepOutline | null | undefined;
  readonly toggle: (path: string) => Promise<void>;
  /** Shows only the items of a map that stand so; undefined: all. */
  readonly only: (path: string, status: Step['status'] | undefined) => Promise<void>;
  /** These rows are in sight. */
  readonly see: (rows: readonly StepRow[]) => void;
  /** Brings an item into sight; all items of its map are shown for that. */
  readonly goTo: (path: string, index: number) => Promise<void>;
  /** The row to bring into sight; `turn`: which asking it was. */
  readonly shown: { readonly path: string; readonly turn: number } | undefined;
}

/** @throws ApiError from what reads */
export function useBodySteps(page: Pick<InstancePage, 'instance' | 'bodySeq'>, onError: (error: unknown) => void): BodySteps {
  const { id, endedAt } = page.instance;
  const [open, setOpen] = useState<ReadonlyMap<string, Unfolded>>(() => new Map());
  const [shown, setShown] = useState<BodySteps['shown']>();
  const latest = useRef(onError);
  latest.current = onError;
  const windows = useMemo(
    () => createItemWindows({ load: async (of, indexes, stop) => await readOutlines(id, of, { indexes, stop }), onError: (error) => latest.current(error) }),
    [id],
  );
  useEffect(() => () => windows.close(), [windows]);
  const isOver = endedAt !== null;
  const read = async (path: string, only?: Step['status']): Promise<Unfolded> => {
    if (path.endsWith(']')) return { kind: 'steps', steps: await readOutlines(id, path) };
    const [counts, indexes] = await Promise.all([readCounts(id, path), only === undefined ? undefined : readIndexes(id, path, only)]);
    // A loop under way has one round more than rows.
    return { kind: 'items', counts, size: counts.count ?? counts.total + (isOver ? 0 : 1), only, indexes };
  };
  const put = (path: string, unfolded: Unfolded): void => setOpen((old) => new Map(old).set(path, unfolded));
  const calm = useCalm(page.bodySeq);
  useEffect(() => {
    if (calm === 0) return;
    windows.refresh();
    for (const [path, held] of open)
      read(path, held.kind === 'items' ? held.only : undefined).then(
        (fresh) => setOpen((old) => (old.has(path) ? new Map(old).set(path, kept(old.get(path), fresh)) : old)),
        () => undefined,
      );
  }, [calm, isOver]);
  const parts = windows.parts.value;
  return {
    open,
    shown,
    stepOf: (row) => (row.kind === 'step' ? row.step : row.kind === 'item' ? parts.get(row.path) : undefined),
    async toggle(path) {
      if (open.has(path)) setOpen((old) => new Map([...old].filter(([key]) => key !== path && !key.startsWith(`${path}[`))));
      else put(path, await read(path));
    },
    only: async (path, status) => put(path, await read(path, status)),
    see: (rows) => windows.see(rows.flatMap((row) => (row.kind === 'item' ? [row] : []))),
    async goTo(path, index) {
      const held = open.get(path);
      if (held?.kind !== 'items' || held.only !== undefined) put(path, await read(path));
      setShown((old) => ({ path: `${path}[${index}]`, turn: (old?.turn ?? 0) + 1 }));
    },
  };
}

/** The same object where nothing changed, so that its rows are not made anew. */
function kept(old: Unfolded | undefined, fresh: Unfolded): Unfolded {
  return old !== undefined && JSON.stringify(old) === JSON.stringify(fresh) ? old : fresh;
}

async function readCounts(id: string, path: string, signal?: AbortSignal): Promise<ItemCounts> {
  return await call('GET /api/v1/instances/{id}/steps/{path}/items', { params: { id, path }, ...(signal === undefined ? {} : { signal }) });
}

async function readIndexes(id: string, path: string, status: string): Promise<readonly number[]> {
  const { indexes } = await call('GET /api/v1/instances/{id}/steps/{path}/items/indexes', { params: { id, path }, query: { status } });
  return indexes;
}

async function readOutlines(
  id: string,
  path: string,
  part?: { readonly indexes: readonly number[]; readonly stop: AbortSignal },
): Promise<readonly StepOutline[]> {
  const { items } = await call('GET /api/v1/instances/{id}/steps/{path}/outlines', {
    params: { id, path },
    ...(part === undefined ? {} : { query: { items: part.indexes.join(',') }, signal: part.stop }),
  });
  return items;
}
