/** The rows of an instance's steps: those outside bodies, and below each unfolded map, loop or item what stands in it. Pure.
 *  The rows of a long map are made once and hold no step: who draws one looks it up, so that what changes often makes nothing anew. */
import type { StepOutline } from '../../src/contract/instance-views.ts';
import type { ItemCounts, Step } from '../../src/contract/instances.ts';

type Status = Step['status'];

export type StepRow =
  | {
      readonly kind: 'step';
      readonly path: string;
      readonly step: StepOutline;
      readonly depth: number;
      /** Undefined: it holds nothing. */
      readonly fold: 'open' | 'closed' | undefined;
      /** Of a map or loop: how its items stand. */
      readonly counts: ItemCounts | undefined;
    }
  | { readonly kind: 'item'; readonly path: string; readonly of: string; readonly index: number; readonly depth: number; readonly fold: 'open' | 'closed' }
  /** Below an unfolded map: which of its items are shown. */
  | { readonly kind: 'tools'; readonly path: string; readonly depth: number; readonly counts: ItemCounts; readonly only: Status | undefined };

/** What stands under an unfolded map or loop, or under an unfolded item. */
export type Unfolded =
  | {
      readonly kind: 'items';
      readonly counts: ItemCounts;
      readonly size: number;
      /** Only items that stand so, and which those are. */
      readonly only: Status | undefined;
      readonly indexes: readonly number[] | undefined;
    }
  | { readonly kind: 'steps'; readonly steps: readonly StepOutline[] };

export interface Folds {
  readonly open: ReadonlyMap<string, Unfolded>;
  /** Keys of nodes that hold a graph. */
  readonly containers: ReadonlySet<string>;
  readonly counts: ReadonlyMap<string, ItemCounts>;
}

export function stepRows(steps: readonly StepOutline[], folds: Folds, depth = 0): readonly StepRow[] {
  const rows: StepRow[] = [];
  for (const step of steps) {
    const holds = folds.containers.has(step.key);
    const unfolded = holds ? folds.open.get(step.path) : undefined;
    const counts = unfolded?.kind === 'items' ? unfolded.counts : folds.counts.get(step.path);
    rows.push({ kind: 'step', path: step.path, step, depth, fold: holds ? (unfolded === undefined ? 'closed' : 'open') : undefined, counts });
    if (unfolded?.kind !== 'items') continue;
    rows.push({ kind: 'tools', path: step.path, depth: depth + 1, counts: unfolded.counts, only: unfolded.only });
    // Not spread: a hundred thousand arguments are more than a call takes.
    for (const row of itemRows(step.path, unfolded, folds, depth + 1)) rows.push(row);
  }
  return rows;
}

type Items = Extract<Unfolded, { kind: 'items' }>;

const folded = new WeakMap<Items, readonly StepRow[]>();

function itemRows(of: string, unfolded: Items, folds: Folds, depth: number): readonly StepRow[] {
  const closed = folded.get(unfolded) ?? closedRows(of, unfolded, depth);
  folded.set(unfolded, closed);
  const isOpen = [...folds.open.keys()].some((path) => path.startsWith(`${of}[`));
  if (!isOpen) return closed;
  return closed.flatMap((row): readonly StepRow[] => {
    const inside = folds.open.get(row.path);
    if (row.kind !== 'item' || inside?.kind !== 'steps') return [row];
    return [{ ...row, fold: 'open' }, ...stepRows(inside.steps, folds, depth + 1)];
  });
}

function closedRows(of: string, { size, indexes }: Items, depth: number): readonly StepRow[] {
  return Array.from({ length: indexes?.length ?? size }, (_, at) => {
    const index = indexes?.[at] ?? at;
    return { kind: 'item', path: `${of}[${index}]`, of, index, depth, fold: 'closed' };
  });
}

/** A step's name in its row: below its map the rest of the path says where it is. */
export function rowName(path: string, depth: number): string {
  return depth === 0 ? path : (/(\[\d+\]|[^/[\]]+)$/.exec(path)?.[0] ?? path);
}
