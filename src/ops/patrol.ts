/** Reads through everything that is stored, slowly, once a week, so that what a disk has changed is found before somebody needs it: content of files against
 *  its hash, pages of the embedded PostgreSQL against their checksums. Tells health; repairs nothing.
 *  One thing to know: what readers and PostgreSQL themselves meet meanwhile is told here as well, within a minute. A page whose own place in the log (its first
 *  eight bytes) was changed upwards looks newer than the round to PostgreSQL, and is met only by who reads it. */
import type pg from 'pg';
import type { ContentStore } from '../files/content.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { takeBaseBackup } from '../store/base-backup.ts';
import { isCorruption, type Sql } from '../store/client.ts';
import { lastChecksumFailure } from '../store/health.ts';
import type { HealthBoard } from './health.ts';

export interface Patrol {
  start(): void;
  stop(): Promise<void>;
  /** Damage was met: health hears of it now. */
  look(): void;
}

export interface PatrolParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: Pick<HealthBoard, 'report'>;
  readonly content: Pick<ContentStore, 'walk' | 'verify' | 'listDamaged'>;
  readonly sql: Sql;
  /** How to read the embedded PostgreSQL as it lies on disk; undefined: somebody else looks after it. */
  readonly replication: pg.ClientConfig | undefined;
}

const FIRST_MS = 60_000;
const ROUND_MS = 7 * 86_400_000;
const LOOK_MS = 60_000;
/** Of a disk that does 500 MB a second this is little, and a terabyte is through within a day. */
const BYTES_A_SECOND = 16 * 1024 * 1024;

export function createPatrol({ clock, log, board, content, sql, replication }: PatrolParts): Patrol {
  const ended = new AbortController();
  const { signal } = ended;
  let cancelLook = (): void => undefined;
  let cancelRound = (): void => undefined;
  let looking: Promise<void> = Promise.resolve();
  let round: Promise<void> = Promise.resolve();
  /** Every page was well when this round began. */
  let wellSince: Date | undefined;
  /** The last round met a damaged page. (PostgreSQL counts what queries meet, not what a base backup does.) */
  let metAt: Date | undefined;

  async function tell(): Promise<void> {
    const damaged = await content.listDamaged();
    board.report('files', damaged.length === 0 ? null : filesFault(damaged.length), false);
    const last = await lastChecksumFailure(sql);
    const read = last === null || (wellSince !== undefined && last < wellSince) ? undefined : last;
    const at = metAt ?? read;
    board.report('database pages', at === undefined ? null : pagesFault(at), false);
  }

  function look(): void {
    cancelLook();
    if (signal.aborted) return;
    looking = tell()
      // The database is away: health says so already.
      .catch((error: unknown) => log.debug({ cause: messageOf(error) }, 'whether stored data is damaged could not be asked'))
      .finally(() => (cancelLook = signal.aborted ? cancelLook : clock.after(LOOK_MS, look)));
  }

  async function readFiles(): Promise<{ readonly contents: number; readonly damaged: number; readonly bytes: number }> {
    let [contents, damaged, bytes, unpaid] = [0, 0, 0, 0];
    const pace = async (read: number): Promise<void> => {
      bytes += read;
      unpaid += read;
      if (unpaid < BYTES_A_SECOND / 8) return;
      await clock.sleep((unpaid / BYTES_A_SECOND) * 1_000, signal);
      unpaid = 0;
    };
    for await (const { orgId, hashes } of content.walk()) {
      for (const sha256 of hashes) {
        signal.throwIfAborted();
        contents++;
        // Serial: slow on purpose.
        if (!(await content.verify({ orgId, sha256 }, { signal, pace }))) damaged++;
      }
    }
    return { contents, damaged, bytes };
  }

  /** @returns whether all pages are well  @throws what kept them from being read */
  async function readPages(connection: pg.ClientConfig): Promise<boolean> {
    const begun = new Date(clock.now());
    try {
      const backup = await takeBaseBackup({ connection, label: 'studio patrol', wal: 'none', maxRateKib: BYTES_A_SECOND / 1_024, signal });
      for await (const piece of backup.tar) void piece;
      await backup.facts;
      wellSince = begun;
      metAt = undefined;
      return true;
    } catch (error) {
      if (!isCorruption(error)) throw error;
      metAt = new Date(clock.now());
      return false;
    }
  }

  async function go(): Promise<void> {
    try {
      const files = await readFiles();
      const pages = replication === undefined ? undefined : await readPages(replication);
      log.info({ ...files, ...(pages === undefined ? {} : { pagesAreWell: pages }) }, 'what is stored was read through');
    } catch (error) {
      if (!signal.aborted) log.warn({ cause: messageOf(error) }, 'what is stored could not be read through; tried again in a week, or with the next start');
    }
    if (signal.aborted) return;
    look();
    begin(ROUND_MS);
  }

  function begin(afterMs: number): void {
    cancelRound = clock.after(afterMs, () => {
      round = go();
    });
  }

  return {
    look,
    start() {
      look();
      begin(FIRST_MS);
    },
    async stop() {
      ended.abort();
      cancelLook();
      cancelRound();
      await Promise.all([looking, round]);
    },
  };
}

function filesFault(count: number): string {
  const what = count === 1 ? 'One stored content is' : `${count} stored contents are`;
  return `${what} damaged on disk and set aside (files/.damaged; the log names them): upload the same files again, or restore a backup`;
}

function pagesFault(at: Date): string {
  return `pages of the database fail their checksums (met ${at.toISOString()}): the disk has changed them. The log of PostgreSQL names the file; restore a backup`;
}
