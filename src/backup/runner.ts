/** One piece of work with backups at a time, whoever begins it: under the database's lock, followed by its progress, cancelled on demand, told when it ends.
 *  Never knows what the work is. */
import type { ClientConfig } from 'pg';
import type { BackupList, BackupWork } from '../contract/backups.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { takeBackupLock, type BackupLock } from '../store/backup-lock.ts';
import { createProgress, type Progress } from '../kernel/progress.ts';
import type { BackupRecord } from './record.ts';

export interface Running {
  readonly id: string;
  readonly kind: BackupWork['kind'];
  readonly reason: BackupWork['reason'];
  readonly startedAt: string;
  readonly progress: Progress;
  readonly ending: AbortController;
  done: Promise<void>;
}

export interface Runner {
  readonly running: Running | undefined;
  /** What goes on, as the API shows it. */
  readonly work: BackupWork | null;
  /** What came of the last work. */
  readonly last: BackupList['last'];
  /** @param act resolves to the words of its success  @throws AppError draining, still_running */
  begin(about: Pick<Running, 'id' | 'kind' | 'reason'>, act: (running: Running) => Promise<string>): Promise<BackupWork>;
  /** For what is over in a moment. @throws AppError still_running */
  withLock<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

interface Parts {
  /** Of studio_engine. */
  readonly engine: ClientConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly record: BackupRecord;
  /** Before the lock is given back: clears up after work that failed, and looks at what there is now. */
  readonly settle: (ended: Pick<Running, 'id' | 'kind'> & { readonly ok: boolean }) => Promise<void>;
}

export function createRunner(parts: Parts): Runner {
  const { engine, clock, log, record } = parts;
  let running: Running | undefined;
  let last: BackupList['last'] = null;
  let isStopped = false;

  const refuseSecond = (): void => {
    if (running !== undefined) fail('still_running', `Backup ${running.id} is at work (${running.kind}). Wait for its end, or cancel it.`);
  };
  const lock = async (holdsContent: boolean): Promise<BackupLock> =>
    (await takeBackupLock(engine, { holdsContent })) ?? fail('still_running', 'Another process backs up, proves or restores at this moment. Wait for its end.');

  async function run(mine: Running, act: (running: Running) => Promise<string>, held: BackupLock): Promise<void> {
    const { id, kind } = mine;
    const startedMs = clock.monotonic();
    let [ok, message, isCancelled] = [false, '', false];
    try {
      message = await act(mine);
      ok = true;
    } catch (error) {
      isCancelled = mine.ending.signal.aborted;
      message = isCancelled ? 'cancelled' : messageOf(error);
    }
    const ms = Math.round(clock.monotonic() - startedMs);
    last = { id, kind, at: new Date(clock.now()).toISOString(), ok, message };
    if (ok) log.info({ id, kind, ms }, 'backup work ended');
    else if (!isCancelled) log.error({ id, kind, ms, cause: message }, 'backup work failed');
    await parts.settle({ id, kind, ok });
    await held.release();
    running = undefined;
    const type = isCancelled ? 'cancelled' : !ok ? 'failed' : kind === 'verify' ? 'verified' : 'completed';
    await record
      .tell(id, type, { kind, ok, message })
      .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the end of a backup was not announced'));
  }

  return {
    get running() {
      return running;
    },
    get work() {
      return running === undefined ? null : workOf(running);
    },
    get last() {
      return last;
    },
    async begin(about, act) {
      if (isStopped) fail('draining');
      refuseSecond();
      // A tick of progress that can't be told is told by the next.
      const progress = createProgress(
        clock,
        (state) => void record.tell(about.id, 'progress', { kind: about.kind, progress: { ...state } }).catch(() => undefined),
      );
      const startedAt = new Date(clock.now()).toISOString();
      const mine: Running = { ...about, startedAt, progress, ending: new AbortController(), done: Promise.resolve() };
      running = mine; // Before the first wait: nobody comes in between.
      try {
        const held = await lock(about.kind === 'create');
        await record.tell(about.id, 'started', { kind: about.kind, reason: about.reason });
        mine.done = run(mine, act, held);
      } catch (error) {
        running = undefined;
        throw error;
      }
      return workOf(mine);
    },
    async withLock(act) {
      refuseSecond();
      const held = await lock(false);
      try {
        return await act(new AbortController().signal);
      } finally {
        await held.release();
      }
    },
    async stop() {
      isStopped = true;
      running?.ending.abort(new Error('Studio stops'));
      await running?.done;
    },
  };
}

function workOf({ id, kind, reason, startedAt, progress }: Running): BackupWork {
  return { id, kind, reason, startedAt, progress: progress.state };
}
