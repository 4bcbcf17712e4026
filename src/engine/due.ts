/** What a schedule that was looked at has to do now: fire its time, wait, or deal with what was missed. Pure. */
import { createHash } from 'node:crypto';
import type { CronParams } from '../contract/trigger-params.ts';
import { lastFire, nextFire } from './cron.ts';

/** A time is met when it fires within this after it (and its jitter): a start takes a moment, a restart some seconds. */
export const ON_TIME_MS = 60_000;

export interface Due {
  /** The time to fire now, by the calendar. */
  readonly fire?: number;
  /** It was missed, and is caught up. */
  readonly isLate?: boolean;
  /** Times that will not fire: the first and the last of them. */
  readonly missed?: { readonly first: number; readonly last: number; readonly why: string };
  /** The time that comes next, by the calendar; undefined: never again. */
  readonly next: number | undefined;
}

/** @param at.due the time that comes next as it was worked out before */
export function dueNow(cron: CronParams, at: { readonly due: number; readonly now: number }): Due {
  const { due, now } = at;
  const toleranceMs = ON_TIME_MS + cron.jitterS * 1_000;
  if (now - due <= toleranceMs) return now < due + jitterMs(cron, due) ? { next: due } : { fire: due, next: nextFire(cron, due) };
  // `due` was missed. What is still on time fires by itself, at the next look.
  const firstOnTime = nextFire(cron, now - toleranceMs - 1);
  const windowStart = now - cron.catchUpWindowS * 1_000;
  const tooOld = (last: number): NonNullable<Due['missed']> => ({ first: due, last, why: `older than the catch-up window of ${cron.catchUpWindowS} s` });
  if (cron.catchUp === 'all') {
    if (due >= windowStart) return { fire: due, isLate: true, next: nextFire(cron, due) };
    const next = nextFire(cron, windowStart - 1);
    return { missed: tooOld(lastFire(cron, due, windowStart - 1) ?? due), next };
  }
  const last = lastFire(cron, due, now - toleranceMs - 1) ?? due;
  if (cron.catchUp === 'skip') return { missed: { first: due, last, why: 'missed while Studio was down or paused; catchUp is skip' }, next: firstOnTime };
  if (firstOnTime !== undefined && firstOnTime <= now)
    return { missed: { first: due, last, why: 'missed; the time after them stands for all' }, next: firstOnTime };
  if (last < windowStart) return { missed: tooOld(last), next: firstOnTime };
  const before = lastFire(cron, due - 1, last - 1);
  const missed = before === undefined ? {} : { missed: { first: due, last: before, why: 'missed; one start stands for all' } };
  return { fire: last, isLate: true, ...missed, next: firstOnTime };
}

/** How long a time is put off: the same whoever asks. */
export function jitterMs(cron: Pick<CronParams, 'jitterS' | 'expression' | 'timezone'>, due: number): number {
  if (cron.jitterS === 0) return 0;
  const digest = createHash('sha256').update(`${cron.expression} ${cron.timezone} ${due}`).digest();
  return digest.readUInt32BE(0) % (cron.jitterS * 1_000);
}
