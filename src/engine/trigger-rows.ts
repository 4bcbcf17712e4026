/** From a definition's triggers to their rows: what publishing writes, and what an editor is told is wrong. Never fires anything. */
import { randomBytes } from 'node:crypto';
import { cronParams, webhookParams, type Problem, type Trigger } from '../contract/graph.ts';
import type { Sql } from '../store/client.ts';
import { readSecret } from '../store/secrets.ts';
import { deleteOtherTriggers, lockTriggers, writeTrigger, type TriggerRow } from '../store/triggers.ts';
import { cronFault, nextFire } from './cron.ts';

/** 256 bits: the URL alone is a secret where auth is `none`. */
export function newWebhookToken(): string {
  return randomBytes(32).toString('base64url');
}

/** One problem per fault in the triggers of a definition. */
export function validateTriggers(triggers: readonly Trigger[], nowMs: number): Problem[] {
  const seen = new Set<string>();
  return triggers.flatMap((trigger, index) => {
    const path = `triggers[${index}]`;
    const twice = seen.has(trigger.key)
      ? [{ path: `${path}.key`, code: 'duplicate_trigger', message: `two triggers have the key "${trigger.key}"; keys are unique` }]
      : [];
    seen.add(trigger.key);
    return [...twice, ...paramProblems(trigger, `${path}.params`, nowMs)];
  });
}

function paramProblems(trigger: Trigger, path: string, nowMs: number): Problem[] {
  const schema = trigger.type === 'cron' ? cronParams : webhookParams;
  const parsed = schema.safeParse(trigger.params);
  if (!parsed.success) return parsed.error.issues.map((issue) => ({ path: [path, ...issue.path].join('.'), code: 'invalid_trigger', message: issue.message }));
  if ('expression' in parsed.data) {
    const fault = cronFault(parsed.data, nowMs);
    return fault === undefined ? [] : [{ path: `${path}.expression`, code: 'invalid_cron', message: fault }];
  }
  const lacksSecret = parsed.data.auth !== 'none' && (parsed.data.secret ?? '') === '';
  return lacksSecret
    ? [
        {
          path: `${path}.secret`,
          code: 'missing_secret',
          message: `auth "${parsed.data.auth}" needs the name of a secret; choose auth "none" only if anybody with the URL may start this`,
        },
      ]
    : [];
}

/** Makes the rows of a workflow's triggers say what its definition says. Call it in the transaction that publishes.
 *  A webhook keeps its URL, a trigger switched off by hand stays off, one whose secret is missing is switched off and says so. */
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
      enabled,
      declaredEnabled: trigger.enabled,
      token: trigger.type === 'webhook' ? (known?.token ?? newWebhookToken()) : null,
      nextFireAt: enabled ? nextFireAtOf(trigger, known, options.nowMs) : null,
      lastError: lacking ?? known?.lastError ?? null,
    });
  }
}

/** Why a webhook may not be switched on: its secret is not there. */
export async function lackingSecret(sql: Sql, orgId: string, trigger: Pick<Trigger, 'type' | 'params'>): Promise<string | undefined> {
  if (trigger.type !== 'webhook') return undefined;
  const { auth, secret } = webhookParams.parse(trigger.params);
  if (auth === 'none') return undefined;
  if (secret !== undefined && secret !== '' && (await readSecret(sql, { orgId, name: secret })) !== undefined) return undefined;
  return `The secret "${secret ?? ''}" does not exist; set it (PUT /api/v1/secrets/${secret ?? 'NAME'}), then switch the trigger on.`;
}

/** A schedule that did not change keeps its place: publishing skips no firing. */
function nextFireAtOf(trigger: Trigger, known: TriggerRow | undefined, nowMs: number): Date | null {
  if (trigger.type !== 'cron') return null;
  const cron = cronParams.parse(trigger.params);
  if (known?.nextFireAt !== undefined && known.nextFireAt !== null && isSameSchedule(known, cron)) return known.nextFireAt;
  return nextFireDate(cron, nowMs);
}

function isSameSchedule(known: TriggerRow, cron: { readonly expression: string; readonly timezone: string }): boolean {
  const old = cronParams.safeParse(known.params);
  return old.success && old.data.expression === cron.expression && old.data.timezone === cron.timezone;
}

export function nextFireDate(cron: { readonly expression: string; readonly timezone: string }, afterMs: number): Date | null {
  const next = nextFire(cron, afterMs);
  return next === undefined ? null : new Date(next);
}
