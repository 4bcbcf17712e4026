/** Fires cron triggers: one process at a time (store/leader), some starts at once. An instance's id derives from the trigger and its time, and the row
 *  moves on, from where it was read, after the instance stands: neither a crash between nor a process that lost the lead starts anything twice.
 *  What a time that was missed or overlaps comes to is due.ts's and the trigger's to say. Never fires a trigger that is off, paused or archived. */
import type { Json } from '../contract/endpoint.ts';
import type { TriggerResult } from '../contract/triggers.ts';
import { cronParams, type CronParams } from '../contract/trigger-params.ts';
import { isTerminalInstance } from '../contract/values.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { derivedId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss, type Database, type Sql } from '../store/client.ts';
import { readStatus } from '../store/instances.ts';
import { asLeader, LEADER_LOCKS } from '../store/leader.ts';
import { listDueTriggers, listMisplanned, moveSchedule, readNextDue, writeTriggerEvent, type ArmedTrigger, type ScheduleMove } from '../store/triggers.ts';
import { nextFire } from './cron.ts';
import { dueNow, jitterMs, type Due } from './due.ts';
import { inFlight } from './in-flight.ts';
import { createLooking, type Looking } from './looking.ts';

/** What a trigger asks of the engine. */
export interface TriggeredStart {
  /** When an instance of this id stands already, nothing is to be started. */
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly input: Json;
  readonly labels?: Readonly<Record<string, string>>;
  /** `<type>:<key>`. */
  readonly startedBy: string;
  readonly requestId: string;
}

export type StartTriggered = (start: TriggeredStart) => Promise<void>;

export interface ScheduleParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly start: StartTriggered;
  readonly cancel: (instance: { readonly orgId: string; readonly id: string; readonly requestId: string }) => Promise<void>;
}

/** Other processes publish, clocks jump: the bound on not noticing. */
const LOOK_EVERY_MS = 5_000;
const RETRY_MS = 1_000;
/** How often a time that waits for an instance to end looks whether it has. */
const QUEUE_LOOK_MS = 1_000;
const BITE = 64;
/** Starts at once: as many as a batch of the journal likes. */
export const STARTS_AT_ONCE = 16;
/** Times that wait; beyond it the new one is skipped. */
const MAX_QUEUED = 100;
/** A schedule worked out so far ahead of now is of a clock that was set back since. Less: it waits, and fires nothing a second time. */
const SET_BACK_MS = 86_400_000;

export function createSchedule(parts: ScheduleParts): Looking {
  const { database, clock, log } = parts;
  return createLooking(clock, async (isRunning) => {
    try {
      const isClear = await asLeader(database.engine, LEADER_LOCKS.schedule, (stillLeads) => fireAll(parts, isRunning, stillLeads));
      // Another process leads, or something that is due could not be started just now.
      if (isClear !== true) return RETRY_MS;
      const due = await readNextDue(database.engine);
      return due === undefined ? LOOK_EVERY_MS : Math.min(Math.max(due.getTime() - clock.now(), 1), LOOK_EVERY_MS);
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'the schedule could not be looked at; tried again in a second');
      return RETRY_MS;
    }
  });
}

/** @returns whether nothing is due any more */
async function fireAll(parts: ScheduleParts, isRunning: () => boolean, stillLeads: () => Promise<void>): Promise<boolean> {
  await planAnew(parts);
  while (isRunning()) {
    await stillLeads();
    const due = await listDueTriggers(parts.database.engine, { now: new Date(parts.clock.now()), limit: BITE });
    if (due.length === 0) return true;
    await inFlight(due, STARTS_AT_ONCE, (trigger) => fireOne(parts, trigger));
  }
  return false;
}

/** After the clock was set back by more than a day: schedules go by the new time. */
async function planAnew({ database, clock, log }: ScheduleParts): Promise<void> {
  const now = clock.now();
  for (const from of await listMisplanned(database.engine, new Date(now + SET_BACK_MS))) {
    const cron = cronParams.parse(from.params);
    log.warn({ workflowId: from.workflowId, trigger: from.key, was: from.dueAt }, 'the clock was set back: the schedule is worked out anew');
    await moveSchedule(database.engine, { from, queuedAt: from.queuedAt, ...placeOf(cron, nextFire(cron, now), now) });
  }
}

/** Where a schedule stands whose next time is `next`. */
export function placeOf(cron: CronParams, next: number | undefined, now: number): Pick<ScheduleMove, 'dueAt' | 'nextFireAt' | 'plannedAt'> {
  const plannedAt = new Date(now);
  return next === undefined
    ? { dueAt: null, nextFireAt: null, plannedAt }
    : { dueAt: new Date(next), nextFireAt: new Date(next + jitterMs(cron, next)), plannedAt };
}

/** What one look at one trigger came to. */
interface Outcome {
  readonly queuedAt: readonly Date[];
  readonly result?: TriggerResult;
  readonly instanceId?: string;
  readonly firedAt?: Date;
}

/** @throws what may pass: a database that is away, an engine that takes nothing now. The row then stays due. */
async function fireOne(parts: ScheduleParts, trigger: ArmedTrigger): Promise<void> {
  const { clock, database } = parts;
  const cron = cronParams.parse(trigger.params);
  const now = clock.now();
  if (trigger.isArchived) return void (await moveSchedule(database.engine, { from: trigger, queuedAt: [], ...placeOf(cron, undefined, now) }));
  const due: Due = trigger.dueAt === null ? { next: undefined } : dueNow(cron, { due: trigger.dueAt.getTime(), now });
  const outcome = await outcomeOf(parts, trigger, cron, due);
  const place = placeOf(cron, due.next, now);
  const nextLook = outcome.queuedAt.length === 0 ? place.nextFireAt : earlier(place.nextFireAt, new Date(now + QUEUE_LOOK_MS));
  const result = outcome.result ?? missedResult(due, now);
  await database.engine.transaction(async (sql) => {
    const hasMoved = await moveSchedule(sql, { from: trigger, ...place, ...outcome, nextFireAt: nextLook, result });
    if (hasMoved) await tell(sql, trigger, due, result);
  });
  if (due.missed !== undefined || (result !== undefined && result.outcome !== 'started')) database.announce();
}

async function outcomeOf(parts: ScheduleParts, trigger: ArmedTrigger, cron: CronParams, due: Due): Promise<Outcome> {
  const waiting = [...trigger.queuedAt];
  if (due.fire === undefined && waiting.length === 0) return { queuedAt: [] };
  const asked = due.fire === undefined ? undefined : new Date(due.fire);
  const running = cron.overlap === 'allow' ? undefined : await runningOf(parts.database.engine, trigger, waiting[0] ?? asked);
  const at = new Date(parts.clock.now()).toISOString();
  if (cron.overlap === 'queue' && (running !== undefined || waiting.length > 0)) {
    const isFull = waiting.length >= MAX_QUEUED;
    const queue = asked === undefined || isFull ? waiting : [...waiting, asked];
    const reason = isFull ? `${MAX_QUEUED} times wait already` : `waits for ${running ?? 'those before it'}`;
    const result = asked === undefined ? {} : { result: { outcome: isFull ? 'skipped' : 'queued', at, dueAt: asked.toISOString(), reason } as const };
    if (running !== undefined) return { queuedAt: queue, ...result };
    const [first, ...rest] = queue;
    return first === undefined ? { queuedAt: queue } : { queuedAt: rest, ...(await start(parts, trigger, cron, first, due)) };
  }
  const fire = asked ?? waiting[0];
  const queuedAt = asked === undefined ? waiting.slice(1) : waiting;
  if (fire === undefined) return { queuedAt };
  if (running !== undefined && cron.overlap === 'skip')
    return { queuedAt, result: { outcome: 'skipped', at, dueAt: fire.toISOString(), reason: `instance ${running} of the time before still runs` } };
  if (running !== undefined) await cancelRunning(parts, trigger, running);
  return { queuedAt, ...(await start(parts, trigger, cron, fire, due)) };
}

/** The instance of the time before, when it still runs. Undefined when it is that of `asked` itself: it was started, and the row did not move. */
async function runningOf(sql: Sql, trigger: ArmedTrigger, asked: Date | undefined): Promise<string | undefined> {
  const id = trigger.lastInstanceId;
  if (id === null || (asked !== undefined && id === idsOf(trigger, asked).id)) return undefined;
  const status = await readStatus(sql, id);
  return status === undefined || isTerminalInstance(status) ? undefined : id;
}

async function cancelRunning({ cancel, database }: ScheduleParts, trigger: ArmedTrigger, id: string): Promise<void> {
  try {
    await cancel({ orgId: trigger.orgId, id, requestId: `cancel-${id}`.slice(0, 128) });
  } catch (error) {
    // It may have ended by itself meanwhile.
    const status = await readStatus(database.engine, id);
    if (status !== undefined && !isTerminalInstance(status)) throw error;
  }
}

async function start(
  { start: startInstance, clock, log }: ScheduleParts,
  trigger: ArmedTrigger,
  cron: CronParams,
  time: Date,
  due: Due,
): Promise<Omit<Outcome, 'queuedAt'>> {
  const { id, requestId } = idsOf(trigger, time);
  const dueAt = time.toISOString();
  try {
    await startInstance({
      id,
      requestId,
      orgId: trigger.orgId,
      workflowId: trigger.workflowId,
      input: cron.input ?? { scheduledAt: dueAt },
      startedBy: `cron:${trigger.key}`,
    });
  } catch (error) {
    if (isPassing(error)) throw error;
    // One workflow that can't start must not hold back the others: it says why, and is tried at its next time.
    log.warn({ workflowId: trigger.workflowId, trigger: trigger.key, cause: messageOf(error) }, 'a schedule could not start its workflow');
    return { result: { outcome: 'refused', at: new Date(clock.now()).toISOString(), dueAt, reason: messageOf(error).slice(0, 1_000) } };
  }
  const firedAt = new Date(clock.now());
  const late = due.isLate === true && due.fire === time.getTime() ? { reason: 'late: its time was missed' } : {};
  return { instanceId: id, firedAt, result: { outcome: 'started', at: firedAt.toISOString(), dueAt, instanceId: id, ...late } };
}

/** A fault of the moment: what was asked for is tried again. */
export function isPassing(error: unknown): boolean {
  return isConnectionLoss(error) || (error instanceof AppError && (error.status === 503 || error.status === 429));
}

function idsOf(trigger: ArmedTrigger, time: Date): { readonly id: string; readonly requestId: string } {
  const seed = `cron ${trigger.workflowId} ${trigger.key} ${time.toISOString()}`;
  return { id: derivedId('inst', time.getTime(), seed), requestId: derivedId('req', time.getTime(), seed) };
}

function earlier(a: Date | null, b: Date): Date {
  return a !== null && a.getTime() < b.getTime() ? a : b;
}

function missedResult(due: Due, now: number): TriggerResult | undefined {
  if (due.missed === undefined) return undefined;
  return { outcome: 'skipped', at: new Date(now).toISOString(), dueAt: new Date(due.missed.last).toISOString(), reason: due.missed.why };
}

/** Whoever listens hears of times that did not fire, fired late, or wait. */
async function tell(sql: Sql, trigger: ArmedTrigger, due: Due, result: TriggerResult | undefined): Promise<void> {
  const event = { workflowId: trigger.workflowId, key: trigger.key, orgId: trigger.orgId, type: 'workflows:trigger:skipped' } as const;
  const { missed } = due;
  if (missed !== undefined) {
    const payload = { outcome: 'skipped', dueAt: new Date(missed.last).toISOString(), firstDueAt: new Date(missed.first).toISOString(), reason: missed.why };
    await writeTriggerEvent(sql, { ...event, payload, requestId: idsOf(trigger, new Date(missed.last)).requestId });
  }
  if (result?.dueAt === undefined || result.reason === undefined || result.reason === missed?.why) return;
  const payload = {
    outcome: result.outcome,
    dueAt: result.dueAt,
    reason: result.reason,
    ...(result.instanceId === undefined ? {} : { instanceId: result.instanceId }),
  };
  await writeTriggerEvent(sql, { ...event, payload, requestId: idsOf(trigger, new Date(result.dueAt)).requestId });
}
