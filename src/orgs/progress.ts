/** How far an org is on its way out, in or away: told while it goes on, to whoever asked for it and over the events of the machine. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { createProgress, type Progress, type ProgressState } from '../kernel/progress.ts';
import type { Database } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';

export interface OrgWork {
  readonly work: 'purge' | 'export' | 'import';
  readonly org: string;
  /** Who asked for it. */
  readonly actor: string;
  /** Null: it is over, well or not. */
  readonly progress: ProgressState | null;
}

export interface OrgWorkParts {
  readonly clock: Clock;
  readonly onProgress: (work: OrgWork) => void | Promise<void>;
}

/** Does a piece of work that tells its progress. Its end is told when this resolves: who deletes the org then deletes what was told, too. */
export async function tellWork<T>(
  { clock, onProgress }: OrgWorkParts,
  about: Pick<OrgWork, 'work' | 'org' | 'actor'>,
  act: (progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = createProgress(clock, (state) => void onProgress({ ...about, progress: state }));
  try {
    return await act(progress);
  } finally {
    await onProgress({ ...about, progress: null });
  }
}

/** Writes it as events that the org hears, and who asked for it, wherever he is at home. */
export function announceOrgWork({ database, log }: { readonly database: Database; readonly log: Logger }): (work: OrgWork) => Promise<void> {
  // One after the other: the end comes last.
  let before = Promise.resolve();
  return ({ work, org, actor, progress }) => {
    const payload = { work, org, progress: progress === null ? null : { ...progress } };
    before = before.then(async () => {
      try {
        await database.engine.transaction(async (sql) => {
          const sequence = await nextSequence(sql, 'system', 'orgs');
          await writeEvents(sql, [{ kind: 'system', id: 'orgs', sequence, type: 'ops:org:progress', orgId: org, parent: `user:${actor}`, payload }]);
        });
        database.announce();
      } catch (error) {
        log.warn({ cause: messageOf(error) }, 'the progress of an org was not announced');
      }
    });
    return before;
  };
}
