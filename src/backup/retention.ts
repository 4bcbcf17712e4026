/** Which backups stay: of so many days, weeks and months the newest each. Pure. The newest, and the newest that was proved, always stay.
 *  Each kind by itself: a physical backup does not take the place of one that restores anywhere. */
import type { Backup, BackupSettings } from '../contract/backups.ts';

export interface Kept {
  readonly id: string;
  readonly kind: Backup['kind'];
  readonly createdAtMs: number;
  readonly isProven: boolean;
}

const DAY_MS = 86_400_000;
/** The first of January 1970 was a Thursday: weeks begin on Monday. */
const WEEK_OFFSET_MS = 3 * DAY_MS;

/** @returns ids of those that go */
export function thinOut(backups: readonly Kept[], keep: BackupSettings['keep']): string[] {
  return (['logical', 'physical'] as const).flatMap((kind) =>
    thinOutKind(
      backups.filter((one) => one.kind === kind),
      keep,
    ),
  );
}

function thinOutKind(backups: readonly Kept[], keep: BackupSettings['keep']): string[] {
  const newestFirst = backups.toSorted((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
  const stays = new Set<string>();
  const newest = newestFirst[0];
  const proven = newestFirst.find(({ isProven }) => isProven);
  for (const one of [newest, proven]) if (one !== undefined) stays.add(one.id);
  const rules: readonly [number, (atMs: number) => number | string][] = [
    [keep.daily, (at) => Math.floor(at / DAY_MS)],
    [keep.weekly, (at) => Math.floor((at + WEEK_OFFSET_MS) / (7 * DAY_MS))],
    [keep.monthly, (at) => new Date(at).toISOString().slice(0, 7)],
  ];
  for (const [count, periodOf] of rules) {
    const seen = new Set<number | string>();
    for (const { id, createdAtMs } of newestFirst) {
      const period = periodOf(createdAtMs);
      if (seen.has(period) || seen.size >= count) continue;
      seen.add(period);
      stays.add(id);
    }
  }
  return newestFirst.filter(({ id }) => !stays.has(id)).map(({ id }) => id);
}
