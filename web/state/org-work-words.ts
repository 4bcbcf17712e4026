/** How far an org is on its way out, in or away, in words and after an event. Pure. */
import type { BackupProgress } from '../../src/contract/backups.ts';
import type { Envelope } from '../../src/contract/events.ts';

export interface OrgWork {
  readonly work: string;
  readonly org: string;
  readonly progress: BackupProgress;
}

/** By org. */
export type OrgWorks = Readonly<Record<string, OrgWork | undefined>>;

/** What goes on after an event. */
export function applyOrgEvent(works: OrgWorks, { event_type, payload }: Pick<Envelope, 'event_type' | 'payload'>): OrgWorks {
  if (event_type !== 'ops:org:progress') return works;
  const { work, org } = payload;
  if (typeof org !== 'string' || typeof work !== 'string') return works;
  const progress = payload['progress'] as BackupProgress | null;
  return { ...works, [org]: progress === null ? undefined : { work, org, progress } };
}

const PHASES: Readonly<Record<string, string>> = {
  starting: 'Begins',
  stop: 'Stopping what runs',
  count: 'Counting what there is',
  weigh: 'Weighing its files',
};

const VERBS: Readonly<Record<string, string>> = { purge: 'Deleting', export: 'Writing', import: 'Reading' };

export function orgWorkWords({ work, progress: { phase } }: OrgWork): string {
  return PHASES[phase] ?? `${VERBS[work] ?? 'Working on'} ${phase}`;
}
