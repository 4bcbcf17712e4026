/** Bars of the timeline: where the time of an instance went, work and waits apart. Pure.
 *  A bar is in ms since the instance's start; a step that has not ended grows with `nowMs`. */
import type { PastTry, StepOutline } from '../../src/contract/instance-views.ts';
import type { Step } from '../../src/contract/instances.ts';

export type BarKind = 'queued' | 'wait' | 'work' | 'backoff';

export interface Bar {
  readonly kind: BarKind;
  readonly fromMs: number;
  readonly toMs: number;
  readonly status: Step['status'];
  /** 1-based, of the try this bar shows. */
  readonly attempt: number;
  /** Of a generation before the one that stands: which. */
  readonly earlier?: number;
}

export interface Timeline {
  /** Of a row in sight: made when it is drawn, as a map has more rows than anybody sees. */
  readonly barsOf: (step: StepOutline) => readonly Bar[];
  readonly totalMs: number;
  /** Of steps outside maps and loops, added up. */
  readonly workMs: number;
  readonly waitMs: number;
}

/** A try that did not stand. */
export type PastAttempt = Pick<PastTry, 'attempt' | 'generation' | 'status' | 'startedAt' | 'endedAt'>;

interface TimelineInput {
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** Outside maps and loops. */
  readonly steps: readonly StepOutline[];
  readonly nowMs: number;
  /** Paths whose node waits by nature (timers, approvals): their running time is a wait. */
  readonly waitsByNature: (step: StepOutline) => boolean;
  readonly tries: ReadonlyMap<string, readonly PastAttempt[]>;
  /** Generations before the one that stands are drawn too. */
  readonly hasEarlier?: boolean;
}

/** In the order of their first activity; what has none comes last, in the order of the stream. */
export function byStart(steps: Iterable<Step>): readonly Step[] {
  const startOf = (step: Step): string => (step.startedAt === null && step.status === 'skipped' ? '~' : (step.queuedAt ?? step.startedAt ?? '~'));
  const keyed = [...steps].map((step) => ({ step, start: startOf(step) }));
  return keyed.sort((a, b) => compare(a.start, b.start) || a.step.seq - b.step.seq || compare(a.step.path, b.step.path)).map(({ step }) => step);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Bars are never of negative width, even when clocks disagree. */
export function timelineOf(input: TimelineInput): Timeline {
  const zero = Date.parse(input.startedAt);
  const end = Math.max(zero, input.endedAt === null ? input.nowMs : Date.parse(input.endedAt));
  let totalMs = Math.max(1, end - zero);
  let workMs = 0;
  let waitMs = 0;
  for (const step of input.steps)
    for (const bar of barsOf(step, input, zero)) {
      totalMs = Math.max(totalMs, bar.toMs);
      if (bar.earlier !== undefined) continue;
      if (bar.kind === 'work') workMs += bar.toMs - bar.fromMs;
      else waitMs += bar.toMs - bar.fromMs;
    }
  return { barsOf: (step) => barsOf(step, input, zero), totalMs, workMs, waitMs };
}

function barsOf(step: StepOutline, input: TimelineInput, zero: number): readonly Bar[] {
  const bars: Bar[] = [];
  const at = (time: string): number => Math.max(0, Date.parse(time) - zero);
  const now = Math.max(0, input.nowMs - zero);
  const push = (kind: BarKind, fromMs: number, toMs: number, status: Step['status'], attempt: number): void => {
    if (toMs >= fromMs) bars.push({ kind, fromMs, toMs, status, attempt });
  };
  for (const past of input.hasEarlier === true ? (input.tries.get(step.path) ?? []) : [])
    if (past.generation < step.generation && past.startedAt !== null) {
      const from = at(past.startedAt);
      bars.push({
        kind: 'work',
        fromMs: from,
        toMs: past.endedAt === null ? from : Math.max(from, at(past.endedAt)),
        status: past.status,
        attempt: past.attempt,
        earlier: past.generation,
      });
    }
  const earlierCount = bars.length;
  const waitsToRetry = step.status === 'waiting' && step.waitReason?.kind === 'retry';
  let freeFrom = step.queuedAt === null ? undefined : at(step.queuedAt);
  const tries = (input.tries.get(step.path) ?? []).filter(
    (each) =>
      each.generation === step.generation && each.startedAt !== null && (each.attempt < step.attempt || (waitsToRetry && each.attempt === step.attempt)),
  );
  for (const past of tries.toSorted((a, b) => a.attempt - b.attempt)) {
    const from = at(past.startedAt ?? input.startedAt);
    if (freeFrom !== undefined && from > freeFrom) push(bars.length === earlierCount ? 'queued' : 'backoff', freeFrom, from, 'queued', past.attempt);
    const to = past.endedAt === null ? from : at(past.endedAt);
    push('work', from, to, past.status, past.attempt);
    freeFrom = to;
  }
  const over = step.endedAt === null ? now : at(step.endedAt);
  if (waitsToRetry && freeFrom !== undefined) {
    push('backoff', freeFrom, over, step.status, step.attempt + 1);
    return bars;
  }
  if (step.startedAt === null) {
    if (freeFrom !== undefined) push('queued', freeFrom, over, step.status, step.attempt);
    return bars;
  }
  const from = at(step.startedAt);
  if (freeFrom !== undefined && from > freeFrom) push(tries.length === 0 ? 'queued' : 'backoff', freeFrom, from, 'queued', step.attempt);
  push(step.status === 'waiting' || input.waitsByNature(step) ? 'wait' : 'work', from, Math.max(from, over), step.status, step.attempt);
  return bars;
}

/** How many steps have generations before the one that stands. */
export function countEarlier(steps: ReadonlyMap<string, Step>, tries: ReadonlyMap<string, readonly PastAttempt[]>): number {
  return [...tries].filter(([path, all]) => all.some(({ generation }) => generation < (steps.get(path)?.generation ?? 0))).length;
}

/** Round marks for an axis from `fromMs` to `toMs`: about `most`. */
export function axisMarks(fromMs: number, toMs: number, most: number): readonly number[] {
  const rough = (toMs - fromMs) / Math.max(1, most);
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000,
    21_600_000, 43_200_000, 86_400_000,
  ];
  const size = steps.find((each) => each >= rough) ?? Math.ceil(rough / 86_400_000) * 86_400_000;
  const first = Math.ceil(fromMs / size);
  return Array.from({ length: Math.max(0, Math.floor(toMs / size) - first + 1) }, (_, index) => (first + index) * size);
}
