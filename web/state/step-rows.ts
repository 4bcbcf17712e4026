/** The rows of an instance's steps: those outside bodies, and below each unfolded map, loop or item what stands in it. Pure. */
import type { ItemCounts, Step } from '../../src/contract/instances.ts';
import { inOrder } from './body-counts.ts';

export type StepRow =
  | {
      readonly kind: 'step';
      readonly path: string;
      readonly step: Step;
      readonly depth: number;
      /** Undefined: it holds nothing. */
      readonly fold: 'open' | 'closed' | undefined;
      /** Of a map or loop: how its items stand. */
      readonly counts: ItemCounts | undefined;
    }
  | { readonly kind: 'more'; readonly path: string; readonly depth: number; readonly shown: number };

export interface Folds {
  readonly open: ReadonlyMap<string, { readonly steps: readonly Step[]; readonly next: string | null }>;
  /** Keys of nodes that hold a graph. */
  readonly containers: ReadonlySet<string>;
  readonly counts: ReadonlyMap<string, ItemCounts>;
}

export function stepRows(steps: readonly Step[], folds: Folds, depth = 0): readonly StepRow[] {
  return steps.flatMap((step): readonly StepRow[] => {
    const holds = step.path.endsWith(']') || folds.containers.has(step.key);
    const unfolded = holds ? folds.open.get(step.path) : undefined;
    const fold = holds ? (unfolded === undefined ? 'closed' : 'open') : undefined;
    const row: StepRow = { kind: 'step', path: step.path, step, depth, fold, counts: folds.counts.get(step.path) };
    if (unfolded === undefined) return [row];
    const more: readonly StepRow[] = unfolded.next === null ? [] : [{ kind: 'more', path: step.path, depth: depth + 1, shown: unfolded.steps.length }];
    return [row, ...stepRows(inOrder(unfolded.steps), folds, depth + 1), ...more];
  });
}

/** A step's name in its row: below its map the rest of the path says where it is. */
export function rowName(path: string, depth: number): string {
  return depth === 0 ? path : (/(\[\d+\]|[^/[\]]+)$/.exec(path)?.[0] ?? path);
}
