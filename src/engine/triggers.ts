/** Triggers: the schedule, webhooks, and the switches of each. Whatever is unclear does not fire: unknown, off, archived, paused,
 *  without its secret, wrongly signed, too old. Starting an instance is the engine's, handed in as `start`. */
import type { Caller } from '../contract/caller.ts';
import type { Json } from '../contract/endpoint.ts';
import { cronParams, webhookParams, type WebhookParams } from '../contract/graph.ts';
import type { triggerView } from '../contract/workflows.ts';
import type * as z from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database, Sql } from '../store/client.ts';
import {
  deleteOldDeliveries,
  dropDelivery,
  isWorkflowLive,
  lockTriggers,
  markDelivered,
  moveTrigger,
  readTriggerByToken,
  takeDelivery,
  writeTrigger,
  writeTriggerEvent,
  type ArmedTrigger,
  type TriggerRow,
} from '../store/triggers.ts';
import { createSchedule, type StartTriggered } from './schedule.ts';
import { lackingSecret, newWebhookToken, nextFireDate } from './trigger-rows.ts';
import { deliveryOf, webhookRefusal } from './webhook-auth.ts';
import { webhookInput } from './webhook-input.ts';

export type TriggerView = z.infer<typeof triggerView>;

export interface WebhookRequest {
  readonly token: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Headers;
  readonly query: URLSearchParams;
  /** As it came: signatures are over bytes. */
  readonly body: Buffer;
  readonly requestId: string;
}

/** Which trigger, and on whose behalf it is changed. */
export interface TriggerCommand {
  readonly caller: Caller;
  readonly workflowId: string;
  readonly key: string;
  readonly requestId: string;
}

export interface Triggers {
  start(): void;
  stop(): Promise<void>;
  /** After a publish: a schedule may have changed. */
  nudge(): void;
  /** @throws AppError not_found, unauthenticated, forbidden, conflict, and what starting the instance refuses */
  receive(request: WebhookRequest): Promise<{ readonly instanceId: string }>;
  /** @throws AppError not_found; conflict when its secret is missing or its workflow is archived */
  enable(command: TriggerCommand): Promise<TriggerView>;
  disable(command: TriggerCommand): Promise<TriggerView>;
  /** A new URL; the old one is gone at once. @throws AppError not_found; conflict when it is no webhook */
  rotate(command: TriggerCommand): Promise<TriggerView>;
}

export interface TriggersParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  readonly start: StartTriggered;
}

/** 32 bytes in base64url: anything else is not looked up. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
/** Senders try again for up to two days; the window of a signature is minutes. */
const DELIVERIES_KEPT_MS = 3 * 86_400_000;
const CLEAN_EVERY_MS = 3_600_000;
const CLEAN_BITE = 10_000;

export function createTriggers(parts: TriggersParts): Triggers {
  const { database, clock, log } = parts;
  const schedule = createSchedule(parts);
  const receiving = { ...parts, start: onceAtATime(parts.start) };
  let cancelClean = (): void => {};

  const clean = async (): Promise<void> => {
    const before = new Date(clock.now() - DELIVERIES_KEPT_MS);
    try {
      while ((await deleteOldDeliveries(database.engine, { before, limit: CLEAN_BITE })) >= CLEAN_BITE) continue;
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'old webhook deliveries could not be deleted; tried again in an hour');
    }
  };
  const cleanLater = (): void => {
    cancelClean = clock.after(CLEAN_EVERY_MS, () => {
      cleanLater();
      void clean();
    });
  };

  const change = async (command: TriggerCommand, work: (sql: Sql, row: TriggerRow) => Promise<TriggerRow>): Promise<TriggerView> => {
    const { caller, workflowId, key, requestId } = command;
    const row = await database.engine.transaction(async (sql) => {
      const rows = await lockTriggers(sql, { orgId: caller.orgId, workflowId });
      const found = rows.find((one) => one.key === key) ?? fail('not_found', `Workflow "${workflowId}" has no trigger "${key}".`);
      const changed = await work(sql, found);
      await writeTrigger(sql, changed);
      await writeTriggerEvent(sql, { orgId: caller.orgId, workflowId, key, enabled: changed.enabled, requestId });
      return changed;
    });
    database.announce();
    schedule.nudge();
    return viewOf(row);
  };

  return {
    start() {
      schedule.start();
      cleanLater();
    },
    async stop() {
      cancelClean();
      await schedule.stop();
    },
    nudge: schedule.nudge,
    enable: (command) =>
      change(command, async (sql, row) => {
        if (!(await isWorkflowLive(sql, row))) fail('conflict', `Workflow "${row.workflowId}" is archived; its triggers stay off.`);
        const lacking = await lackingSecret(sql, row.orgId, row);
        if (lacking !== undefined) fail('conflict', lacking);
        const nextFireAt = row.type === 'cron' ? nextFireDate(cronParams.parse(row.params), clock.now()) : null;
        return { ...row, enabled: true, nextFireAt, lastError: null };
      }),
    disable: (command) => change(command, async (_sql, row) => ({ ...row, enabled: false, nextFireAt: null })),
    rotate: (command) =>
      change(command, async (_sql, row) => {
        if (row.type !== 'webhook') fail('conflict', `Trigger "${row.key}" is a ${row.type} trigger and has no URL to rotate.`);
        return { ...row, token: newWebhookToken() };
      }),
    receive: (request) => receive(receiving, request),
  };
}

/** Copies of a delivery that this process takes at the same moment share one start. */
function onceAtATime(start: StartTriggered): StartTriggered {
  const running = new Map<string, Promise<void>>();
  return (request) => {
    const present = running.get(request.id);
    if (present !== undefined) return present;
    const started = start(request).finally(() => running.delete(request.id));
    running.set(request.id, started);
    return started;
  };
}

async function receive(parts: TriggersParts, request: WebhookRequest): Promise<{ readonly instanceId: string }> {
  const { trigger, params } = await admit(parts, request);
  if (trigger.isPaused) fail('conflict', 'All triggers of this organisation are paused (setting triggersPaused); send again later.');
  const hash = deliveryOf(params, request.headers);
  const now = new Date(parts.clock.now());
  const instanceId = newId('inst', parts.clock);
  const delivery = { workflowId: trigger.workflowId, key: trigger.key };
  const taken =
    hash === undefined
      ? { instanceId, isStarted: false }
      : await takeDelivery(parts.database.engine, { ...delivery, hash, orgId: trigger.orgId, instanceId, now });
  if (taken.isStarted) return { instanceId: taken.instanceId };
  try {
    // Copies that come at once all ask for the same id, so one instance stands whoever is first, or dies in between.
    await parts.start({
      id: taken.instanceId,
      orgId: trigger.orgId,
      workflowId: trigger.workflowId,
      input: webhookInput(request, params, now),
      startedBy: `webhook:${trigger.key}`,
      requestId: request.requestId,
    });
  } catch (error) {
    if (error instanceof AppError && error.status < 500) await refused(parts, trigger, hash, error);
    throw error;
  }
  if (hash !== undefined) await markDelivered(parts.database.engine, { ...delivery, hash, now });
  await moveTrigger(parts.database.engine, { ...delivery, nextFireAt: null, lastFiredAt: now, lastError: null });
  return { instanceId: taken.instanceId };
}

/** The trigger, when this call may use it. Everything before the signature says the same "no such webhook". */
async function admit(parts: TriggersParts, request: WebhookRequest): Promise<{ readonly trigger: ArmedTrigger; readonly params: WebhookParams }> {
  const trigger = TOKEN.test(request.token) ? await readTriggerByToken(parts.database.engine, request.token) : undefined;
  const params = webhookParams.safeParse(trigger?.params);
  if (trigger === undefined || !trigger.enabled || trigger.isArchived || !params.success || !params.data.methods.includes(request.method)) {
    fail('not_found', `There is no webhook here that takes ${request.method}, or it is switched off.`);
  }
  if (params.data.auth === 'none') return { trigger, params: params.data };
  const secret = params.data.secret === undefined ? undefined : await parts.secrets.read(trigger.orgId, params.data.secret);
  if (secret === undefined || secret === '') {
    await moveTrigger(parts.database.engine, {
      workflowId: trigger.workflowId,
      key: trigger.key,
      nextFireAt: null,
      lastError: `The secret "${params.data.secret ?? ''}" is missing, so every call was refused.`,
    });
    fail('forbidden', 'This webhook refuses every call: its secret is missing. Its owner has to set it.');
  }
  const refusal = webhookRefusal(params.data, secret, { headers: request.headers, body: request.body, nowMs: parts.clock.now() });
  if (refusal !== undefined) fail('unauthenticated', `The call was refused: ${refusal}.`);
  return { trigger, params: params.data };
}

/** A refusal for a reason of the workflow's: the owner sees it, and the sender may send the same delivery again. */
async function refused(parts: TriggersParts, trigger: ArmedTrigger, hash: Buffer | undefined, error: AppError): Promise<void> {
  const sql = parts.database.engine;
  if (hash !== undefined) await dropDelivery(sql, { workflowId: trigger.workflowId, key: trigger.key, hash });
  await moveTrigger(sql, { workflowId: trigger.workflowId, key: trigger.key, nextFireAt: null, lastError: error.message.slice(0, 1_000) });
}

function viewOf(row: TriggerRow): TriggerView {
  return {
    key: row.key,
    type: row.type,
    params: row.params satisfies Record<string, Json>,
    enabled: row.enabled,
    ...(row.token === null ? {} : { url: `/webhooks/${row.token}` }),
    nextFireAt: row.nextFireAt?.toISOString() ?? null,
    lastFiredAt: row.lastFiredAt?.toISOString() ?? null,
    lastError: row.lastError,
  };
}
