/** A call from outside that starts an instance, once however often it comes: rate, delivery, start, and what became of it. Of webhooks and forms. */
import { AppError, fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { dropDelivery, markDelivered, readDelivery, takeDelivery } from '../store/deliveries.ts';
import { noteResult, takeRate, type ArmedTrigger } from '../store/triggers.ts';
import type { ScheduleParts, StartTriggered, TriggeredStart } from './schedule.ts';

export type TakenParts = Pick<ScheduleParts, 'database' | 'clock' | 'start'>;

export interface TakenCall {
  readonly trigger: ArmedTrigger;
  /** What makes the call this one. Undefined: every call counts as its own. */
  readonly hash: Buffer | undefined;
  /** Of all callers together. */
  readonly rate: { readonly limit: number; readonly perS: number } | undefined;
  readonly start: Pick<TriggeredStart, 'input' | 'requestId'> & {
    /** Of what it starts: the same for every try of one request. */ readonly id?: string | undefined;
  };
}

/** @throws AppError conflict (paused), rate_limited, and what starting the instance refuses */
export async function takeCall(parts: TakenParts, call: TakenCall): Promise<{ readonly instanceId: string }> {
  const { trigger, hash } = call;
  const sql = parts.database.engine;
  if (trigger.isPaused) fail('conflict', 'All triggers of this organisation are paused (setting triggersPaused); send again later.');
  const now = new Date(parts.clock.now());
  const delivery = { workflowId: trigger.workflowId, key: trigger.key };
  if (call.rate !== undefined) {
    // A copy of what was started is told so, whatever the rate; one that would be turned away leaves nothing behind.
    const known = hash === undefined ? undefined : await readDelivery(sql, { ...delivery, hash });
    if (known?.isStarted === true) return { instanceId: known.instanceId };
    const waitMs = await takeRate(sql, trigger, { now, limit: call.rate.limit, periodMs: call.rate.perS * 1_000 });
    if (waitMs > 0) refuseRate(waitMs, `${call.rate.limit} in ${call.rate.perS} s`);
  }
  const instanceId = call.start.id ?? newId('inst', parts.clock);
  const taken = hash === undefined ? { instanceId, isStarted: false } : await takeDelivery(sql, { ...delivery, hash, orgId: trigger.orgId, instanceId, now });
  if (taken.isStarted) return { instanceId: taken.instanceId };
  try {
    // Copies that come at once all ask for the same id, so one instance stands whoever is first, or dies in between.
    await parts.start({
      ...call.start,
      id: taken.instanceId,
      orgId: trigger.orgId,
      workflowId: trigger.workflowId,
      startedBy: `${trigger.type}:${trigger.key}`,
    });
  } catch (error) {
    // A reason of the workflow's: the owner sees it, and the sender may send the same again.
    if (error instanceof AppError && error.status < 500) {
      if (hash !== undefined) await dropDelivery(sql, { ...delivery, hash });
      await noteResult(sql, trigger, { outcome: 'refused', at: now.toISOString(), reason: error.message.slice(0, 1_000) });
    }
    throw error;
  }
  if (hash !== undefined) await markDelivered(sql, { ...delivery, hash, now });
  await noteResult(sql, trigger, { outcome: 'started', at: now.toISOString(), instanceId: taken.instanceId });
  return { instanceId: taken.instanceId };
}

/** @throws AppError rate_limited */
export function refuseRate(waitMs: number, limit: string): never {
  const retryAfterS = Math.max(1, Math.ceil(waitMs / 1_000));
  fail('rate_limited', { message: `Too many calls: the limit is ${limit}. Send again in ${retryAfterS} s.`, retryAfterS });
}

/** Copies of a call that this process takes at the same moment share one start. */
export function onceAtATime(start: StartTriggered): StartTriggered {
  const running = new Map<string, Promise<void>>();
  return (request) => {
    const present = running.get(request.id);
    if (present !== undefined) return present;
    const started = start(request).finally(() => running.delete(request.id));
    running.set(request.id, started);
    return started;
  };
}
