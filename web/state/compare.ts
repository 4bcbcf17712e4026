/** Two instances side by side: which steps went another way, took longer, or are in one of them only. Pure. */
import type { StepOutline } from '../../src/contract/instance-views.ts';

export interface ComparedStep {
  readonly path: string;
  readonly a: StepOutline | undefined;
  readonly b: StepOutline | undefined;
  readonly aMs: number | undefined;
  readonly bMs: number | undefined;
  /** Another status, or in one of them only. */
  readonly differs: boolean;
}

/** In the order of the first, then what only the second has. */
export function compareSteps(first: readonly StepOutline[], second: readonly StepOutline[]): readonly ComparedStep[] {
  const others = new Map(second.map((step) => [step.path, step]));
  const known = new Set(first.map((step) => step.path));
  const pairs = [
    ...first.map((step) => [step.path, step, others.get(step.path)] as const),
    ...second.filter((step) => !known.has(step.path)).map((step) => [step.path, undefined, step] as const),
  ];
  return pairs.map(([path, a, b]) => ({
    path,
    a,
    b,
    aMs: a === undefined ? undefined : tookMs(a),
    bMs: b === undefined ? undefined : tookMs(b),
    differs: a?.status !== b?.status || a?.error?.code !== b?.error?.code,
  }));
}

/** What stands under a map, a loop or an item in both. */
export interface ComparedBody {
  readonly rows: readonly ComparedStep[];
  /** There are more than were read. */
  readonly isPart: boolean;
}

export type ComparedRow =
  | { readonly kind: 'step'; readonly path: string; readonly depth: number; readonly of: ComparedStep; readonly fold: 'open' | 'closed' | undefined }
  | { readonly kind: 'note'; readonly path: string; readonly depth: number; readonly count: number };

/** In one of them only counts as missing where all was read. In the order of their items. */
export function compareBodies(
  first: { readonly steps: readonly StepOutline[]; readonly isPart: boolean },
  second: { readonly steps: readonly StepOutline[]; readonly isPart: boolean },
): ComparedBody {
  const isPart = first.isPart || second.isPart;
  const rows = compareSteps(first.steps, second.steps).filter(({ a, b }) => !isPart || (a !== undefined && b !== undefined));
  return { rows: rows.toSorted((x, y) => itemOf(x.path) - itemOf(y.path)), isPart };
}

function itemOf(path: string): number {
  return Number(/\[(\d+)\]$/.exec(path)?.[1] ?? 0);
}

/** The rows of the table: below each unfolded map, loop or item what stands in it. */
export function comparedRows(
  steps: readonly ComparedStep[],
  folds: { readonly open: ReadonlyMap<string, ComparedBody>; readonly containers: ReadonlySet<string> },
  depth = 0,
): readonly ComparedRow[] {
  return steps.flatMap((of): readonly ComparedRow[] => {
    const { path } = of;
    const holds = path.endsWith(']') || folds.containers.has((of.a ?? of.b)?.key ?? '');
    const body = holds ? folds.open.get(path) : undefined;
    const row: ComparedRow = { kind: 'step', path, depth, of, fold: !holds ? undefined : body === undefined ? 'closed' : 'open' };
    if (body === undefined) return [row];
    const note: readonly ComparedRow[] = body.isPart ? [{ kind: 'note', path: `${path} …`, depth: depth + 1, count: body.rows.length }] : [];
    return [row, ...comparedRows(body.rows, folds, depth + 1), ...note];
  });
}

/** From the moment it was there to be done; undefined while it goes on, and for what took no time at all. */
export function tookMs(of: Pick<StepOutline, 'startedAt' | 'endedAt'>): number | undefined {
  return of.startedAt === null || of.endedAt === null ? undefined : Math.max(0, Date.parse(of.endedAt) - Date.parse(of.startedAt));
}

/** `+1.2 s`, `−40 ms`; empty where one of them is not known. */
export function deltaText(aMs: number | undefined, bMs: number | undefined, formatDuration: (ms: number) => string): string {
  if (aMs === undefined || bMs === undefined) return '';
  if (aMs === bMs) return '0';
  return `${bMs > aMs ? '+' : '−'}${formatDuration(Math.abs(bMs - aMs))}`;
}
