/** Bars of the timeline: where the time of an instance went, work and waits apart. Pure.
 *  A bar is in ms since the instance's start; a step that has not ended grows with `nowMs`. */
import type { Step } from '../../src/contract/instances.ts';

export type BarKind = 'queued' | 'wait' | 'work' | 'backoff';

export interface Bar {
  readonly kind: BarKind;
  readonly fromMs: number;
  readonly toMs: number;
  readonly status: Step['status'];
  /** 1-based, of the try this bar shows. */
  readonly attempt: number;
}

export interface TimelineRow {
  readonly path: string;
  readonly key: string;
  /** How deep inside bodies. */
  readonly depth: number;
  readonly step: Step;
  readonly bars: readonly Bar[];
}

export interface Timeline {
  readonly rows: readonly TimelineRow[];
  readonly totalMs: number;
  readonly workMs: number;
  readonly waitMs: number;
}

/** A try that did not stand, as the attempts list gives it. */
export interface PastAttempt {
  readonly attempt: number;
  readonly generation: number;
  readonly status: Step['status'];
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

interface TimelineInput {
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly steps: Iterable<Step>;
  readonly nowMs: number;
  /** Paths whose node waits by nature (timers, approvals): their running time is a wait. */
  readonly waitsByNature: (step: Step) => boolean;
  readonly attempts: ReadonlyMap<string, readonly PastAttempt[]>;
}

/** @returns rows in order of first activity; never negative widths, even when clocks disagree */
export function timelineOf(input: TimelineInput): Timeline {
  const zero = Date.parse(input.startedAt);
  const end = Math.max(zero, input.endedAt === null ? input.nowMs : Date.parse(input.endedAt));
  const rows: TimelineRow[] = [];
  for (const step of input.steps) {
    const bars = barsOf(step, input, zero);
    rows.push({ path: step.path, key: step.key, depth: step.path.split('/').length - 1, step, bars });
  }
  rows.sort((a, b) => startOf(a) - startOf(b) || a.step.seq - b.step.seq || (a.path < b.path ? -1 : 1));
  const last = Math.max(end - zero, ...rows.flatMap((row) => row.bars.map((bar) => bar.toMs)));
  const sum = (wanted: (kind: BarKind) => boolean): number =>
    rows.flatMap((row) => row.bars).reduce((ms, bar) => (wanted(bar.kind) ? ms + bar.toMs - bar.fromMs : ms), 0);
  return { rows, totalMs: Math.max(1, last), workMs: sum((kind) => kind === 'work'), waitMs: sum((kind) => kind !== 'work') };
}

/** A step without bars comes last; two of them keep the order of the stream. */
function startOf(row: TimelineRow): number {
  return Math.min(Number.MAX_SAFE_INTEGER, ...row.bars.map((bar) => bar.fromMs));
}

function barsOf(step: Step, input: TimelineInput, zero: number): readonly Bar[] {
  const bars: Bar[] = [];
  const at = (time: string): number => Math.max(0, Date.parse(time) - zero);
  const now = Math.max(0, input.nowMs - zero);
  const push = (kind: BarKind, fromMs: number, toMs: number, status: Step['status'], attempt: number): void => {
    if (toMs >= fromMs) bars.push({ kind, fromMs, toMs, status, attempt });
  };
  let freeFrom = step.queuedAt === null ? undefined : at(step.queuedAt);
  const tries = (input.attempts.get(step.path) ?? []).filter(
    (each) => each.generation === step.generation && each.attempt < step.attempt && each.startedAt !== null,
  );
  for (const past of tries.toSorted((a, b) => a.attempt - b.attempt)) {
    const from = at(past.startedAt ?? input.startedAt);
    if (freeFrom !== undefined && from > freeFrom) push(bars.length === 0 ? 'queued' : 'backoff', freeFrom, from, 'queued', past.attempt);
    const to = past.endedAt === null ? from : at(past.endedAt);
    push('work', from, to, past.status, past.attempt);
    freeFrom = to;
  }
  const over = step.endedAt === null ? now : at(step.endedAt);
  if (step.startedAt === null) {
    if (freeFrom !== undefined) push('queued', freeFrom, over, step.status, step.attempt);
    return bars;
  }
  const from = at(step.startedAt);
  if (freeFrom !== undefined && from > freeFrom) push(tries.length === 0 ? 'queued' : 'backoff', freeFrom, from, 'queued', step.attempt);
  push(step.status === 'waiting' || input.waitsByNature(step) ? 'wait' : 'work', from, Math.max(from, over), step.status, step.attempt);
  return bars;
}

/** Round marks for an axis of this length: at most `most`, the first is 0. */
export function axisMarks(totalMs: number, most: number): readonly number[] {
  const rough = totalMs / Math.max(1, most);
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000,
    21_600_000, 43_200_000, 86_400_000,
  ];
  const size = steps.find((each) => each >= rough) ?? Math.ceil(rough / 86_400_000) * 86_400_000;
  return Array.from({ length: Math.floor(totalMs / size) + 1 }, (_, index) => index * size);
}
