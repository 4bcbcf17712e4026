/** When the next backup and the next proof are due, and beginning them. A time that passed while Studio was off is made up for once. Does nothing itself. */
import { Cron } from 'croner';
import type { BackupSettings } from '../contract/backups.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Listed } from './catalogue.ts';

export interface Schedule {
  start(): void;
  stop(): void;
  /** The settings changed: looks again. */
  nudge(): void;
  /** ISO; null: it is off. */
  nextAt(): string | null;
  /** Whether a backup of this age is older than the schedule and a night's grace would have it. */
  isOverdue(ageMs: number): boolean;
  /** @throws AppError invalid_body when a schedule can't be read or never comes */
  require(settings: BackupSettings): void;
}

interface Parts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: () => BackupSettings;
  readonly newest: () => Listed | undefined;
  readonly isBusy: () => boolean;
  readonly create: () => Promise<unknown>;
  readonly verify: (id: string) => Promise<unknown>;
}

const LOOK_MS = 60_000;
const DAY_MS = 86_400_000;
/** After a failure it is tried again so much later, not at each look. */
const AGAIN_MS = 3_600_000;

export function createSchedule({ clock, log, settings, newest, isBusy, create, verify }: Parts): Schedule {
  let cancel = (): void => undefined;
  let triedMs = Number.NEGATIVE_INFINITY;
  let triedFor: number | undefined;
  let isRunning = false;

  function look(): void {
    cancel();
    if (!isRunning) return;
    void act()
      .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the schedule of backups could not begin its work; tried again in an hour'))
      .finally(() => {
        if (isRunning) cancel = clock.after(LOOK_MS, look);
      });
  }

  async function act(): Promise<void> {
    const wanted = settings();
    if (!wanted.enabled || isBusy()) return;
    const isAgain = clock.monotonic() - triedMs < AGAIN_MS;
    const found = newest();
    const now = clock.now();
    const due = nextRun(wanted, found?.manifest === undefined ? now - AGAIN_MS * 24 : Date.parse(found.manifest.createdAt));
    if (due !== undefined && due <= now) {
      // The same time as before: what was begun for it came to nothing.
      if (isAgain && due === triedFor) return;
      triedMs = clock.monotonic();
      triedFor = due;
      await create();
      return;
    }
    if (isAgain) return;
    const provedMs = found?.proof === undefined ? 0 : Date.parse(found.proof.at);
    if (found === undefined || wanted.verifyEveryDays === 0 || now - provedMs < wanted.verifyEveryDays * DAY_MS) return;
    triedMs = clock.monotonic();
    await verify(found.id);
  }

  return {
    start() {
      isRunning = true;
      look();
    },
    stop() {
      isRunning = false;
      cancel();
    },
    nudge() {
      triedMs = Number.NEGATIVE_INFINITY;
      look();
    },
    nextAt() {
      const wanted = settings();
      const at = wanted.enabled ? nextRun(wanted, clock.now()) : undefined;
      return at === undefined ? null : new Date(at).toISOString();
    },
    isOverdue(ageMs) {
      const wanted = settings();
      const due = nextRun(wanted, clock.now() - ageMs);
      return due !== undefined && clock.now() - due > DAY_MS / 4;
    },
    require(wanted) {
      try {
        if (nextRun(wanted, clock.now()) !== undefined) return;
      } catch (error) {
        fail('invalid_body', {
          message: `"${wanted.cron}" in ${wanted.timezone} is no schedule: ${messageOf(error)}. Use five fields, as in "0 3 * * *", and a zone like Europe/Berlin.`,
          details: { path: 'cron' },
        });
      }
      fail('invalid_body', { message: `"${wanted.cron}" never comes.`, details: { path: 'cron' } });
    },
  };
}

function nextRun({ cron, timezone }: BackupSettings, afterMs: number): number | undefined {
  return new Cron(cron, { timezone, mode: '5-part', paused: true }).nextRun(new Date(afterMs))?.getTime();
}
