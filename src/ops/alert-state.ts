/** When an alert begins and when it is over: it has to be bad for a while, and well for a while. Pure. Told once each, whatever comes and goes between.
 *  One thing to know: what is open was open before this process, too (its row says so), so a restart tells nothing again. */
import type { Reading } from './alert-rules.ts';

export interface AlertTrack {
  readonly badSinceMs: number | null;
  readonly goodSinceMs: number | null;
  readonly isOpen: boolean;
}

export type AlertTracks = ReadonlyMap<string, AlertTrack>;

export interface AlertMoves {
  readonly tracks: AlertTracks;
  readonly fire: readonly (Reading & { readonly beganMs: number })[];
  /** Keys of those that are over. */
  readonly resolve: readonly string[];
}

export function keyOf({ rule, subject }: Pick<Reading, 'rule' | 'subject'>): string {
  return `${rule}/${subject}`;
}

const FRESH: AlertTrack = { badSinceMs: null, goodSinceMs: null, isOpen: false };

/** @param settledMs nothing new begins before: a start is no outage  @param clearMs how long it has to be well */
export function stepAlerts(
  tracks: AlertTracks,
  readings: readonly Reading[],
  at: { readonly nowMs: number; readonly settledMs: number; readonly clearMs: number },
): AlertMoves {
  const next = new Map<string, AlertTrack>();
  const fire: (Reading & { readonly beganMs: number })[] = [];
  const resolve: string[] = [];
  const { nowMs, settledMs, clearMs } = at;
  const seen = new Set(readings.map(keyOf));
  for (const reading of readings) {
    const key = keyOf(reading);
    const track = tracks.get(key) ?? FRESH;
    if (reading.isBad) {
      const beganMs = track.badSinceMs ?? nowMs;
      const isDue = nowMs - beganMs >= reading.forMs && nowMs >= settledMs;
      if (!track.isOpen && isDue) fire.push({ ...reading, beganMs });
      next.set(key, { badSinceMs: beganMs, goodSinceMs: null, isOpen: track.isOpen });
    } else if (track.isOpen) {
      const wellMs = track.goodSinceMs ?? nowMs;
      if (nowMs - wellMs >= clearMs) resolve.push(key);
      next.set(key, { badSinceMs: null, goodSinceMs: wellMs, isOpen: true });
    }
  }
  // What is open and not read any more (a card that was taken out, a muted rule) is over in its time, too.
  for (const [key, track] of tracks) {
    if (seen.has(key) || !track.isOpen) continue;
    const wellMs = track.goodSinceMs ?? nowMs;
    if (nowMs - wellMs >= clearMs) resolve.push(key);
    next.set(key, { badSinceMs: null, goodSinceMs: wellMs, isOpen: true });
  }
  return { tracks: next, fire, resolve };
}
