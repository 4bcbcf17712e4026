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
