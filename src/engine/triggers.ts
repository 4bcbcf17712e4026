/** Triggers: what starts instances by itself, joined: schedules, webhooks, forms, events, files; and the switches of each. Whatever is unclear does not
 *  fire: unknown, off, archived, paused. Starting an instance is the engine's, handed in as `start`. */
import type { Caller } from '../contract/caller.ts';
import type { TriggerView } from '../contract/triggers.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { systemClock } from '../kernel/clock.ts';
import { insertAudit } from '../store/audit.ts';
import type { Sql } from '../store/client.ts';
import { deleteOldDeliveries } from '../store/deliveries.ts';
import { isWorkflowLive, lockTriggers, toTriggerView, writeTrigger, writeTriggerEvent, type TriggerRow } from '../store/triggers.ts';
import { createEvaluator } from './evaluator.ts';
import { createForms, type Forms } from './forms.ts';
import { createHearing, type HearingParts } from './hearing.ts';
import { createSchedule, type ScheduleParts } from './schedule.ts';
import { onceAtATime } from './taken.ts';
import { hasToken, lackingSecret, newTriggerToken, offFields, onFields } from './trigger-rows.ts';
import { receiveWebhook, type WebhookParts, type WebhookRequest } from './webhooks.ts';

/** Which triggers, and on whose behalf they are changed. */
export interface TriggerCommand {
  readonly caller: Caller;
  readonly address: string;
  readonly workflowId: string;
  readonly key: string;
  readonly requestId: string;
}

export interface Triggers {
  start(): void;
  stop(): Promise<void>;
  /** After a publish or a switch: what fires may have changed. */
  nudge(): void;
  /** @throws AppError not_found, unauthenticated, forbidden, conflict, rate_limited, and what starting the instance refuses */
  receive(request: WebhookRequest): Promise<{ readonly instanceId: string }>;
  readonly forms: Forms;
  /** @throws AppError not_found; conflict when its secret is missing or its workflow is archived */
  enable(command: TriggerCommand): Promise<TriggerView>;
  disable(command: TriggerCommand): Promise<TriggerView>;
  /** All triggers of a workflow, or none. @throws AppError as above */
  switchAll(command: Omit<TriggerCommand, 'key'>, on: boolean): Promise<TriggerView[]>;
  /** A new URL; the old one is gone at once. @throws AppError not_found; conflict when it has none */
  rotate(command: TriggerCommand): Promise<TriggerView>;
}

export type TriggersParts = ScheduleParts & WebhookParts & Pick<HearingParts, 'envelopeOf'>;

/** Senders try again for up to two days; the window of a signature is minutes. */
const DELIVERIES_KEPT_MS = 3 * 86_400_000;
const CLEAN_EVERY_MS = 3_600_000;
const CLEAN_BITE = 10_000;

export function createTriggers(parts: TriggersParts): Triggers {
  const { database, clock, log } = parts;
  // Of real time, and a process of its own: started by the first filter that needs it, ended when idle.
  const evaluator = createEvaluator({ clock: systemClock, log });
  const schedule = createSchedule(parts);
  const hearing = createHearing({ ...parts, evaluator });
  const receiving = { ...parts, start: onceAtATime(parts.start) };
  let cancelClean = (): void => {};

  const clean = async (): Promise<void> => {
    const before = new Date(clock.now() - DELIVERIES_KEPT_MS);
    try {
      while ((await deleteOldDeliveries(database.engine, { before, limit: CLEAN_BITE })) >= CLEAN_BITE) continue;
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'old deliveries could not be deleted; tried again in an hour');
    }
  };
  const cleanLater = (): void => {
    cancelClean = clock.after(CLEAN_EVERY_MS, () => {
      cleanLater();
      void clean();
    });
  };
  const nudge = (): void => {
    schedule.nudge();
    hearing.nudge();
  };
  const change = async (command: Omit<TriggerCommand, 'key'>, work: Change): Promise<TriggerView[]> => {
    const changed = await database.engine.transaction((sql) => changeRows(sql, parts, command, work));
    database.announce();
    nudge();
    return changed.map(toTriggerView);
  };
  const changeOne = async (command: TriggerCommand, work: Pick<Change, 'action' | 'to'>): Promise<TriggerView> => {
    const [view] = await change(command, { ...work, key: command.key });
    return view ?? fail('not_found', `Workflow "${command.workflowId}" has no trigger "${command.key}".`);
  };
  const on = (sql: Sql, row: TriggerRow): Promise<TriggerRow> => switchedOn(sql, row, clock.now());
  const off = async (_sql: Sql, row: TriggerRow): Promise<TriggerRow> => ({ ...row, ...offFields });

  return {
    start() {
      schedule.start();
      hearing.start();
      cleanLater();
    },
    async stop() {
      cancelClean();
      await Promise.all([schedule.stop(), hearing.stop()]);
      await evaluator.stop();
    },
    nudge,
    receive: (request) => receiveWebhook(receiving, request),
    forms: createForms(receiving),
    enable: (command) => changeOne(command, { action: 'trigger.enabled', to: on }),
    disable: (command) => changeOne(command, { action: 'trigger.disabled', to: off }),
    switchAll: (command, isOn) => change(command, { action: isOn ? 'trigger.enabled' : 'trigger.disabled', to: isOn ? on : off }),
    rotate: (command) =>
      changeOne(command, {
        action: 'trigger.rotated',
        async to(_sql, row) {
          if (!hasToken(row)) fail('conflict', `Trigger "${row.key}" is a ${row.type} trigger and has no URL to rotate.`);
          return { ...row, token: newTriggerToken() };
        },
      }),
  };
}

/** What happens to the rows of a workflow's triggers. */
interface Change {
  readonly action: 'trigger.enabled' | 'trigger.disabled' | 'trigger.rotated';
  /** Undefined: all. */
  readonly key?: string;
  readonly to: (sql: Sql, row: TriggerRow) => Promise<TriggerRow>;
}

/** In one transaction: the rows, their events, and the trail. */
async function changeRows(sql: Sql, { clock }: Pick<TriggersParts, 'clock'>, command: Omit<TriggerCommand, 'key'>, change: Change): Promise<TriggerRow[]> {
  const { caller, workflowId, requestId } = command;
  const rows = await lockTriggers(sql, { orgId: caller.orgId, workflowId });
  if (change.key === undefined && rows.length === 0 && !(await isWorkflowLive(sql, { orgId: caller.orgId, workflowId })))
    fail('not_found', `There is no workflow "${workflowId}".`);
  const changed: TriggerRow[] = [];
  // Serial: one connection.
  for (const row of rows.filter((one) => change.key === undefined || one.key === change.key)) {
    const next = await change.to(sql, row);
    await writeTrigger(sql, next);
    const event = { workflowId, key: row.key, orgId: caller.orgId, type: 'workflows:trigger:changed', requestId } as const;
    await writeTriggerEvent(sql, { ...event, payload: { enabled: next.enabled } });
    await insertAudit(sql, {
      id: newId('aud', clock),
      orgId: caller.orgId,
      at: new Date(clock.now()),
      actor: caller.userId,
      action: change.action,
      target: `${workflowId}/${row.key}`,
      address: command.address,
    });
    changed.push(next);
  }
  return changed;
}

async function switchedOn(sql: Sql, row: TriggerRow, nowMs: number): Promise<TriggerRow> {
  if (!(await isWorkflowLive(sql, row))) fail('conflict', `Workflow "${row.workflowId}" is archived; its triggers stay off.`);
  const lacking = await lackingSecret(sql, row.orgId, row);
  if (lacking !== undefined) fail('conflict', lacking);
  return { ...row, ...(await onFields(sql, row, row.enabled ? row : undefined, nowMs)), lastError: null };
}
