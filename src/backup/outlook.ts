/** What lies at the place as it was last looked at, and what that means: why health is degraded, the figures of metrics and alerts. Never changes anything there. */
import type { BackupList, BackupSettings } from '../contract/backups.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { HealthBoard } from '../ops/health.ts';
import type { BackupFigures } from '../ops/watched.ts';
import { describe, type Catalogue, type Listed } from './catalogue.ts';
import type { Place } from './place.ts';

export interface Outlook {
  /** Newest first. */
  readonly all: readonly Listed[];
  newestWhole(): Listed | undefined;
  /** Looks again, and tells health. */
  refresh(): Promise<void>;
  /** Why health is degraded; null: it is not. */
  fault(): string | null;
  figures(): BackupFigures;
}

interface Parts {
  readonly place: Place;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly board: Pick<HealthBoard, 'report'>;
  readonly settings: () => BackupSettings;
  readonly last: () => BackupList['last'];
  readonly isOverdue: (ageMs: number) => boolean;
}

export function createOutlook({ place, catalogue, clock, board, settings, last, isOverdue }: Parts): Outlook {
  let all: readonly Listed[] = [];
  const outlook: Outlook = {
    get all() {
      return all;
    },
    newestWhole: () => all.find(({ manifest }) => manifest !== undefined),
    async refresh() {
      try {
        all = await catalogue.list();
        board.report('backups', outlook.fault(), false);
      } catch (error) {
        board.report('backups', `${place.label} can't be read: ${messageOf(error)}`, false);
      }
    },
    fault() {
      const [work, newest] = [last(), outlook.newestWhole()];
      if (work !== null && !work.ok && work.message !== 'cancelled') return `the last ${work.kind === 'verify' ? 'proof' : 'backup'} failed: ${work.message}`;
      if (newest?.proof?.ok === false) return `backup ${newest.id} is no good: ${newest.proof.message}`;
      const ageMs = newest?.manifest === undefined ? undefined : clock.now() - Date.parse(newest.manifest.createdAt);
      if (settings().enabled && ageMs !== undefined && isOverdue(ageMs))
        return `the newest backup is ${Math.round(ageMs / 3_600_000)} h old, although the schedule asks for more`;
      return null;
    },
    figures() {
      const whole = all.filter(({ manifest }) => manifest !== undefined);
      const [newest] = whole;
      const [proof] = whole.flatMap((one) => (one.proof === undefined ? [] : [one.proof])).toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at));
      const work = last();
      return {
        isWanted: settings().enabled || newest !== undefined,
        lastSuccessMs: newest?.manifest === undefined ? null : Date.parse(newest.manifest.endedAt),
        lastFailureMs: work !== null && !work.ok ? Date.parse(work.at) : null,
        fault: outlook.fault(),
        lastVerifiedMs: proof === undefined ? null : Date.parse(proof.at),
        isVerifiedOk: proof?.ok ?? null,
        bytes: newest === undefined ? null : describe(newest).bytes,
        kinds: {
          logical: whole.filter(({ manifest }) => manifest?.kind === 'logical').length,
          physical: whole.filter(({ manifest }) => manifest?.kind === 'physical').length,
        },
      };
    },
  };
  return outlook;
}
