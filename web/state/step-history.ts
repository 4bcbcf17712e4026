/** What happened to a step, in order: from its generations and its attempts, which are kept as long as the instance. Pure. */
import type { Step } from '../../src/contract/instances.ts';
import type { ItemOf } from '../api.ts';

export type StepAttempt = Pick<
  ItemOf<'GET /api/v1/instances/{id}/steps/{path}/attempts'>,
  'generation' | 'attempt' | 'status' | 'error' | 'startedAt' | 'endedAt'
>;
type Generation = Pick<Step, 'generation' | 'status' | 'queuedAt' | 'startedAt' | 'endedAt' | 'reason' | 'waitReason' | 'jobId' | 'workerId'>;

export interface StepMoment {
  /** Null: now. */
  readonly at: string | null;
  /** A status, for its shape and colour. */
  readonly status: Step['status'];
  readonly title: string;
  readonly detail: string;
  readonly generation: number;
}

/** Oldest first. */
export function stepHistory(generations: readonly Generation[], attempts: readonly StepAttempt[]): readonly StepMoment[] {
  return generations.toSorted((a, b) => a.generation - b.generation).flatMap((one) => ofGeneration(one, attempts));
}

function ofGeneration(one: Generation, attempts: readonly StepAttempt[]): readonly StepMoment[] {
  const { generation } = one;
  const own = attempts.filter((each) => each.generation === generation).toSorted((a, b) => a.attempt - b.attempt);
  const moments: StepMoment[] = [];
  const add = (moment: Omit<StepMoment, 'generation'>): void => void moments.push({ ...moment, generation });
  if (one.queuedAt !== null) add({ at: one.queuedAt, status: 'queued', title: 'Put on the queue', detail: one.jobId ?? '' });
  for (const each of own) {
    const name = own.length > 1 ? `Attempt ${each.attempt}` : generation > 1 ? `Run ${generation}` : '';
    if (each.startedAt !== null) add({ at: each.startedAt, status: 'running', title: name === '' ? 'Started' : `${name} started`, detail: one.workerId ?? '' });
    if (each.endedAt !== null && each.startedAt !== null)
      add({
        at: each.endedAt,
        status: each.status,
        title: wordOf(each.status, name),
        detail: each.error?.message ?? (each === own.at(-1) ? (one.reason ?? '') : ''),
      });
  }
  const hasEnd = own.some(({ endedAt, startedAt }) => endedAt !== null && startedAt !== null && endedAt === one.endedAt);
  // What was skipped, cached or cancelled before it began has no attempt.
  if (one.endedAt !== null && !hasEnd) add({ at: one.endedAt, status: one.status, title: wordOf(one.status, ''), detail: one.reason ?? '' });
  if (one.endedAt === null && one.waitReason !== undefined) add({ at: null, status: one.status, title: 'Waits', detail: one.waitReason.message });
  return moments;
}

function wordOf(status: string, name: string): string {
  const word = status.replace('_', ' ');
  return name === '' ? `${word.slice(0, 1).toUpperCase()}${word.slice(1)}` : `${name} ${word}`;
}
