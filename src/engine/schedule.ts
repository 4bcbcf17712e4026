/** Fires cron triggers: one scheduler however many processes run it. A due row is claimed (`for update skip locked`); the instance's
 *  id derives from the trigger and its time, and the row moves on after the instance stands: a crash between starts nothing twice.
 *  What was missed while Studio was down fires once, late. Never fires a trigger that is off, paused or archived. */
import { cronParams } from '../contract/graph.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { derivedId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss, type Database, type Sql } from '../store/client.ts';
import { claimDueTrigger, moveTrigger, readNextDue, type ArmedTrigger } from '../store/triggers.ts';
import { nextFireDate } from './trigger-rows.ts';

/** What a trigger asks of the engine. */
export interface TriggeredStart {
  /** When an instance of this id stands already, nothing is to be started. */
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly input: Json;
  /** `cron:<key>` or `webhook:<key>`. */
  readonly startedBy: string;
  readonly requestId: string;
}

export type StartTriggered = (start: TriggeredStart) => Promise<void>;

export interface ScheduleParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly start: StartTriggered;
}

export interface Schedule {
  start(): void;
  /** Something changed: look at once. */
  nudge(): void;
  stop(): Promise<void>;
}

/** Other processes publish, clocks jump: the bound on not noticing. */
const LOOK_EVERY_MS = 5_000;
const RETRY_MS = 1_000;

export function createSchedule(parts: ScheduleParts): Schedule {
  const { database, clock, log } = parts;
  let cancelTimer = (): void => {};
  let isRunning = false;
  let isNudged = false;
  let looking = Promise.resolve();

  /** @returns how long until the next look */
  const look = async (): Promise<number> => {
    try {
      // Serial. LIMIT: some hundred firings a second; claim several at once when workflows by the thousand fire at the full hour.
      while (isRunning && (await database.engine.transaction((sql) => fireOne(parts, sql)))) continue;
      const due = await readNextDue(database.engine);
      return due === undefined ? LOOK_EVERY_MS : Math.min(Math.max(due.getTime() - clock.now(), 1), LOOK_EVERY_MS);
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'the schedule could not be looked at; tried again in a second');
      return RETRY_MS;
    }
  };

  const loop = async (): Promise<void> => {
    let nextMs = 0;
    do {
      isNudged = false;
      nextMs = await look();
    } while (isRunning && isNudged);
    if (!isRunning) return;
    cancelTimer = clock.after(nextMs, () => {
      looking = loop();
    });
  };

  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      looking = loop();
    },
    nudge() {
      isNudged = true;
      if (!isRunning) return;
      cancelTimer();
      // Behind a look that runs; that one sees the nudge, and this one then finds nothing due.
      looking = looking.then(() => (isNudged ? loop() : undefined));
    },
    async stop() {
      isRunning = false;
      cancelTimer();
      await looking;
    },
  };
}

/** @returns false when nothing is due */
async function fireOne(parts: ScheduleParts, sql: Sql): Promise<boolean> {
  const { clock, log } = parts;
  const trigger = await claimDueTrigger(sql, new Date(clock.now()));
  if (trigger?.nextFireAt === undefined || trigger.nextFireAt === null) return false;
  const scheduledAt = trigger.nextFireAt;
  const cron = cronParams.parse(trigger.params);
  const moved = {
    workflowId: trigger.workflowId,
    key: trigger.key,
    nextFireAt: trigger.isArchived ? null : nextFireDate(cron, Math.max(clock.now(), scheduledAt.getTime())),
  };
  if (trigger.isArchived || trigger.isPaused) {
    await moveTrigger(sql, moved);
    return true;
  }
  try {
    await parts.start(startOf(trigger, scheduledAt, cron.input));
    await moveTrigger(sql, { ...moved, lastFiredAt: new Date(clock.now()), lastError: null });
  } catch (error) {
    if (isConnectionLoss(error) || (error instanceof AppError && error.status === 503)) throw error;
    // One workflow that can't start must not hold back the others: it says why, and is tried at its next time.
    log.warn({ workflowId: trigger.workflowId, trigger: trigger.key, cause: messageOf(error) }, 'a schedule could not start its workflow');
    await moveTrigger(sql, { ...moved, lastError: messageOf(error).slice(0, 1_000) });
  }
  return true;
}

function startOf(trigger: ArmedTrigger, scheduledAt: Date, input: Json | undefined): TriggeredStart {
  const seed = `${trigger.workflowId} ${trigger.key} ${scheduledAt.toISOString()}`;
  return {
    id: derivedId('inst', scheduledAt.getTime(), `cron ${seed}`),
    orgId: trigger.orgId,
    workflowId: trigger.workflowId,
    input: input ?? { scheduledAt: scheduledAt.toISOString() },
    startedBy: `cron:${trigger.key}`,
    requestId: derivedId('req', scheduledAt.getTime(), `cron ${seed}`),
  };
}
