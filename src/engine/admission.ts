/** Limits of a workflow: how many of its instances run at once, and how many start in a while, in all or per key. One more waits as `pending`,
 *  is cancelled, or makes the oldest give way. The database decides (store/admissions.ts), so several processes agree.
 *  One thing to know: places are freed by whoever ran the instance, by who is refused for one that has ended, and by a sweep for what crashed. */
import { createHash } from 'node:crypto';
import type { Json } from '../contract/endpoint.ts';
import { isTerminalInstance } from '../contract/values.ts';
import { isConnectionLoss } from '../store/client.ts';
import { messageOf } from '../kernel/fail.ts';
import type { AdmissionRequest } from '../store/admissions.ts';
import { endInstance, goOn, stageSkips } from './advance.ts';
import { failure, type Core, type LoadedVersion } from './core.ts';
import { walled } from './fault.ts';
import { compileCondition } from './graph.ts';
import { jsonText } from './expression-text.ts';
import type { Live } from './live.ts';
import { patiently } from './patient.ts';
import type { Advance } from './plan.ts';
import { rebuildPlan } from './rebuild.ts';
import { evaluate, type ExpressionScope } from './resolve.ts';
import { durable, stageInstance } from './stage.ts';
import { loadVersion } from './versions.ts';

/** What an instance counts under; null: no such limit. */
export interface LimitKeys {
  readonly limitKey: string | null;
  readonly rateKey: string | null;
}

/** Longest key that is kept as it is. */
const MAX_KEY_CHARS = 200;
const LOOK_MS = 1_000;
const SWEEP_MS = 60_000;
/** The longest window of a rate. */
const FORGET_MS = 31 * 86_400_000;

export function hasLimits(version: LoadedVersion): boolean {
  const { concurrency, rateLimit } = version.definition.settings ?? {};
  return concurrency !== undefined || rateLimit !== undefined;
}

/** The keys of one more instance; undefined when the workflow has no limits. @throws NodeError when a key's expression fails */
export async function limitKeysOf(
  core: Core,
  version: LoadedVersion,
  of: { readonly input: Json; readonly labels: Readonly<Record<string, string>> },
): Promise<LimitKeys | undefined> {
  const { concurrency, rateLimit } = version.definition.settings ?? {};
  if (!hasLimits(version)) return undefined;
  const keyOf = async (limit: { readonly key?: string | undefined } | undefined): Promise<string | null> => {
    if (limit === undefined) return null;
    if (limit.key === undefined) return '';
    const scope = { input: of.input, steps: {}, instance: { labels: of.labels }, workflow: {} } satisfies ExpressionScope;
    const text = jsonText(await evaluate(compileCondition(limit.key), scope, core.evaluator));
    return text.length <= MAX_KEY_CHARS ? text : createHash('sha256').update(text).digest('hex');
  };
  return { limitKey: await keyOf(concurrency), rateKey: await keyOf(rateLimit) };
}

/** What a pending instance is told. */
export function limitWait(version: LoadedVersion, keys: LimitKeys): { readonly kind: 'limit'; readonly message: string } {
  const { concurrency, rateLimit } = version.definition.settings ?? {};
  const of = (key: string | null): string => (key === null || key === '' ? '' : ` for "${key}"`);
  const parts = [
    ...(concurrency === undefined ? [] : [`at most ${concurrency.limit} run at once${of(keys.limitKey)}`]),
    ...(rateLimit === undefined ? [] : [`at most ${rateLimit.limit} start in ${rateLimit.perS} s${of(keys.rateKey)}`]),
  ];
  return { kind: 'limit', message: `waits for its turn: ${parts.join(', and ')}` };
}

async function requestOf(core: Core, live: Live): Promise<AdmissionRequest & { readonly policy: 'queue' | 'cancel-new' | 'cancel-old' }> {
  const { definition } = await loadVersion(core, live);
  const { concurrency, rateLimit } = definition.settings ?? {};
  return {
    instanceId: live.id,
    orgId: live.orgId,
    workflowId: live.workflowId,
    limit: concurrency === undefined || live.limitKey === null ? undefined : { key: live.limitKey, max: concurrency.limit },
    rate: rateLimit === undefined || live.rateKey === null ? undefined : { key: live.rateKey, max: rateLimit.limit, perMs: rateLimit.perS * 1_000 },
    policy: concurrency?.policy ?? 'queue',
    nowMs: core.clock.now(),
  };
}

/** Asks for a place, and starts the instance when it gets one. @returns false: it waits on */
async function tryOne(core: Core, live: Live): Promise<boolean> {
  if (live.isGone || live.status !== 'pending') return core.pending.delete(live.id);
  const request = await requestOf(core, live);
  const answer = await core.store.admit(request);
  if (live.isGone || live.status !== 'pending') {
    core.pending.delete(live.id);
    if (answer.isAdmitted) await releaseIfEnded(core, live);
    return true;
  }
  if (answer.isAdmitted) {
    await begin(core, live);
    core.pending.delete(live.id);
    return true;
  }
  placeless.add(live);
  if (request.policy === 'queue' || answer.untilMs !== undefined) return false;
  if (request.policy === 'cancel-new') {
    core.pending.delete(live.id);
    const error = failure('limit_reached', `the workflow lets ${request.limit?.max ?? 0} run at once, and cancels one more`);
    walled(core, live, () => endInstance(core, live, { status: 'cancelled', error, reason: 'the instance was one too many' }));
    return true;
  }
  if (answer.oldest !== undefined) makeWay(core, live, answer.oldest);
  return false;
}

/** Those that were asked to make way for a newer one, until they answer. */
const makingWay = new WeakMap<Core, Set<string>>();

/** Cancels the oldest. Its owner may be another process, which may take its time or be dead: nobody waits for it, and the next look asks again. */
function makeWay(core: Core, live: Live, oldest: string): void {
  const asked = makingWay.get(core) ?? new Set();
  makingWay.set(core, asked);
  if (asked.has(oldest)) return;
  asked.add(oldest);
  core
    .cancelChild(live.orgId, oldest, { code: 'gave_way', message: `a newer instance, ${live.id}, took its place: the workflow cancels the oldest` })
    .catch((error: unknown) =>
      core.log.warn({ instanceId: oldest, newer: live.id, cause: messageOf(error) }, 'the oldest could not make way yet; it is asked again'),
    )
    .finally(() => asked.delete(oldest));
}

/** A place that was given to it is free again only when it has ended meanwhile: it may run by now, here or elsewhere. */
async function releaseIfEnded(core: Core, live: Live): Promise<void> {
  if (isTerminalInstance(live.status)) await patiently(core, () => core.store.releaseAdmission(live.id, core.clock.now()));
}

/** Starts a pending instance. */
async function begin(core: Core, live: Live): Promise<void> {
  let plan: Advance;
  try {
    plan = await rebuildPlan(core, live.top);
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    // Results taken over from another instance may not be what conditions expect: that is its failure, and nobody else's.
    return walled(core, live, () => {
      throw error;
    });
  }
  const { ready, skipped } = plan;
  if (live.isGone || live.status !== 'pending') return;
  live.startedAt = core.clock.now();
  walled(core, live, () => {
    stageInstance(core, live, { status: 'running' }, 'engine:instance:started');
    stageSkips(core, live.top, skipped);
    goOn(core, live.top, ready, false);
  });
}

/** A new pending instance, durable already: asked for at once, in the order of those that wait. */
export async function enqueue(core: Core, live: Live): Promise<void> {
  placeless.add(live);
  core.pending.set(live.id, live);
  await admitPending(core);
  // What follows at once is part of the answer: it began, or it waits.
  if (core.lives.get(live.id) === live) await durable(core, live);
}

/** Starts a pending instance by hand, whatever the limits say: it counts all the same. */
export async function startAnyway(core: Core, live: Live): Promise<void> {
  placeless.delete(live);
  await core.store.admitAnyway(await requestOf(core, live));
  await releaseIfEnded(core, live);
  await begin(core, live);
  core.pending.delete(live.id);
}

/** An instance that had ended runs again, by hand: whatever the limits say, but it counts. */
export async function countAgain(core: Core, live: Live): Promise<void> {
  if (live.limitKey === null && live.rateKey === null) return;
  await patiently(core, async () => core.store.admitAnyway(await requestOf(core, live)));
  await releaseIfEnded(core, live);
}

/** Those known to hold no place: new, or refused. Of the others a crash or a lost answer may have hidden that one was given to them. */
const placeless = new WeakSet<Live>();

/** Asks for places for those that wait, the important and the old first; of each key until one is refused. Never rejects. */
export async function admitPending(core: Core): Promise<void> {
  core.admitting = (core.admitting ?? Promise.resolve()).then(() => admitAll(core));
  await core.admitting;
}

async function admitAll(core: Core): Promise<void> {
  const refused = new Set<string>();
  for (const live of await inTurn(core)) {
    const key = `${live.workflowId} ${live.limitKey} ${live.rateKey}`;
    if (refused.has(key) || core.state !== 'running') continue;
    try {
      // Serial: each decides about the next.
      if (!(await tryOne(core, live))) refused.add(key);
    } catch (error) {
      refused.add(key);
      placeless.delete(live);
      if (!isConnectionLoss(error))
        core.log.error({ instanceId: live.id, cause: messageOf(error) }, 'a pending instance could not be let in; it is tried again');
    }
  }
}

/** Those that hold a place first: it is theirs, and in the way of all others. */
async function inTurn(core: Core): Promise<readonly Live[]> {
  const waiting = [...core.pending.values()].toSorted((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : 1));
  const unsure = waiting.filter((live) => !placeless.has(live));
  if (unsure.length === 0) return waiting;
  try {
    const holding = new Set(await core.store.listAdmitted(unsure.map(({ id }) => id)));
    for (const live of unsure) if (!holding.has(live.id)) placeless.add(live);
    return [...waiting.filter(({ id }) => holding.has(id)), ...waiting.filter(({ id }) => !holding.has(id))];
  } catch (error) {
    core.log.debug({ cause: messageOf(error) }, 'who holds a place could not be read; tried again');
    return [];
  }
}

/** An instance has ended, durably: its place goes to the next. */
export function onEnded(core: Core, live: Live): void {
  core.pending.delete(live.id);
  if (live.limitKey === null && live.rateKey === null) return;
  patiently(core, () => core.store.releaseAdmission(live.id, core.clock.now()))
    .then(() => admitPending(core))
    .catch((error: unknown) => core.log.debug({ instanceId: live.id, cause: messageOf(error) }, 'a place could not be given back at once; the sweep does it'));
}

/** Looks again and again: for rates that allow the next, for places that another process gave back, for what a crash left. */
export function watchAdmission(core: Core): { stop(): void } {
  let cancel = (): void => {};
  let isStopped = false;
  let sweptAt = -Infinity;
  const look = async (): Promise<void> => {
    const nowMs = core.clock.now();
    if (nowMs - sweptAt >= SWEEP_MS) {
      sweptAt = nowMs;
      await core.store.sweepAdmissions({ nowMs, forgetBeforeMs: nowMs - FORGET_MS });
    }
    if (core.pending.size > 0) await admitPending(core);
  };
  const again = (): void => {
    cancel = core.clock.after(LOOK_MS, () => {
      look()
        .catch((error: unknown) => core.log.debug({ cause: messageOf(error) }, 'the look for places failed; tried again'))
        .finally(() => isStopped || again());
    });
  };
  again();
  return {
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
