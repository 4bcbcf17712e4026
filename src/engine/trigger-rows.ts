/** From a definition's triggers to their rows: what publishing and switching write. Never fires anything. */
import { randomBytes } from 'node:crypto';
import type { Trigger } from '../contract/graph.ts';
import { cronParams, formParams, webhookParams, type CronParams } from '../contract/trigger-params.ts';
import type { Sql } from '../store/client.ts';
import { readSecret } from '../store/secrets.ts';
import { beginListening } from '../store/trigger-fires.ts';
import { deleteOtherTriggers, lockTriggers, writeTrigger, type TriggerRow, type TriggerSetting } from '../store/triggers.ts';
import { nextFire } from './cron.ts';
import { placeOf } from './schedule.ts';

/** 256 bits: the URL alone is a secret where nothing else is asked. */
export function newTriggerToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether a trigger is reached by a URL of its own. */
export function hasToken(trigger: Pick<Trigger, 'type' | 'params'>): boolean {
  return trigger.type === 'webhook' || (trigger.type === 'form' && formParams.parse(trigger.params).access === 'public');
}

/** Makes the rows of a workflow's triggers say what its definition says. Call it in the transaction that publishes.
 *  A URL is kept, a trigger switched off by hand stays off, one whose secret is missing is switched off and says so. */
export async function syncTriggers(
  sql: Sql,
  options: { readonly orgId: string; readonly workflowId: string; readonly triggers: readonly Trigger[]; readonly nowMs: number },
): Promise<void> {
  const { orgId, workflowId, triggers } = options;
  const present = new Map((await lockTriggers(sql, { orgId, workflowId })).map((row) => [row.key, row]));
  await deleteOtherTriggers(sql, { workflowId, keep: triggers.map((trigger) => trigger.key) });
  // Serial: one connection.
  for (const trigger of triggers) {
    const old = present.get(trigger.key);
    const known = old?.type === trigger.type ? old : undefined;
    const wanted = known !== undefined && known.declaredEnabled === trigger.enabled ? known.enabled : trigger.enabled;
    const lacking = await lackingSecret(sql, orgId, trigger);
    const enabled = wanted && lacking === undefined;
    await writeTrigger(sql, {
      workflowId,
      key: trigger.key,
      orgId,
      type: trigger.type,
      params: trigger.params,
      declaredEnabled: trigger.enabled,
      token: hasToken(trigger) ? (known?.token ?? newTriggerToken()) : null,
      lastError: lacking ?? known?.lastError ?? null,
      ...(enabled ? await onFields(sql, trigger, known, options.nowMs) : offFields),
    });
  }
}

type Switched = Pick<TriggerSetting, 'enabled' | 'dueAt' | 'nextFireAt' | 'plannedAt' | 'queuedAt' | 'sinceXid'>;

/** What a trigger that is off keeps of its place: nothing. */
export const offFields: Switched = { enabled: false, dueAt: null, nextFireAt: null, plannedAt: null, queuedAt: [], sinceXid: null };

/** Where a trigger that is on stands.
 *  @param known as it was: a schedule that did not change keeps its place, a listener what it has not heard yet */
export async function onFields(sql: Sql, trigger: Pick<Trigger, 'type' | 'params'>, known: TriggerRow | undefined, nowMs: number): Promise<Switched> {
  if (trigger.type === 'cron') {
    const cron = cronParams.parse(trigger.params);
    if (known?.enabled !== true || known.dueAt === null || !isSameSchedule(known, cron))
      return { ...offFields, enabled: true, ...placeOf(cron, nextFire(cron, nowMs), nowMs) };
    const { dueAt, plannedAt } = known;
    return { enabled: true, dueAt, plannedAt, nextFireAt: placeOf(cron, dueAt.getTime(), nowMs).nextFireAt, queuedAt: known.queuedAt, sinceXid: null };
  }
  if (trigger.type !== 'event' && trigger.type !== 'file') return { ...offFields, enabled: true };
  const sinceXid = known?.enabled === true && known.sinceXid !== null ? known.sinceXid : await beginListening(sql);
  return { ...offFields, enabled: true, sinceXid };
}

/** Why a webhook may not be switched on: its secret is not there. */
export async function lackingSecret(sql: Sql, orgId: string, trigger: Pick<Trigger, 'type' | 'params'>): Promise<string | undefined> {
  if (trigger.type !== 'webhook') return undefined;
  const { auth, secret } = webhookParams.parse(trigger.params);
  if (auth === 'none') return undefined;
  if (secret !== undefined && secret !== '' && (await readSecret(sql, { orgId, name: secret })) !== undefined) return undefined;
  return `The secret "${secret ?? ''}" does not exist; set it (PUT /api/v1/secrets/${secret ?? 'NAME'}), then switch the trigger on.`;
}

function isSameSchedule(known: TriggerRow, cron: CronParams): boolean {
  const old = cronParams.safeParse(known.params);
  return old.success && old.data.expression === cron.expression && old.data.timezone === cron.timezone;
}
