/** Looks whether the machine idles, and does what its policy says: warns, runs the hook, stops the pod. Decides nothing itself (idle.ts does).
 *  One thing to know: it stops only what comes back whole. Without a persistent volume below the workspace it refuses, and says so. */
import type { Json } from '../contract/endpoint.ts';
import type { EventType } from '../contract/events.ts';
import { idlePolicy, type IdlePolicy, type IdleState } from '../contract/idle.ts';
import type { Devices } from '../gpu/device.ts';
import { runToEnd } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { createTurns } from '../kernel/turns.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database, Sql } from '../store/client.ts';
import { readActivity, readMachineSetting, writeMachineSetting } from '../store/machine.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import type { StorageVerdict } from '../supervise/storage.ts';
import { decideIdle, freshMemory, type IdleDecision, type IdleFacts, type IdleMemory } from './idle.ts';
import type { Runpod } from './runpod.ts';

export interface IdleWatchParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly devices: Pick<Devices, 'list'>;
  readonly storage: StorageVerdict;
  readonly workspacePath: string;
  readonly runpod: Runpod | undefined;
  /** When anybody used a service last, ms since 1970; undefined: never. */
  readonly lastUsedMs: () => number | undefined;
  /** Tells the administrators. @param key the same for every try to tell it */
  readonly tell: (message: { readonly key: string; readonly title: string; readonly body: string }) => Promise<unknown>;
}

/** Who sets the policy. */
export interface IdleAuthor {
  readonly actor: string;
  readonly orgId: string;
  readonly address: string;
  readonly requestId: string;
}

export interface IdleWatch {
  start(): Promise<void>;
  stop(): Promise<void>;
  read(): Promise<IdleState>;
  setPolicy(policy: IdlePolicy, author: IdleAuthor): Promise<IdleState>;
  keepAwake(ms: number, author: IdleAuthor): Promise<IdleState>;
  /** One look, as the timer does it. */
  look(): Promise<void>;
}

const LOOK_MS = 15_000;
const SETTING = 'idle';
const CAN_STOP_KEPT_MS = 5 * 60_000;

export function createIdleWatch(parts: IdleWatchParts): IdleWatch {
  const { database, clock, log } = parts;
  const startedMs = clock.now();
  let memory: IdleMemory = freshMemory;
  let policy: IdlePolicy = idlePolicy.parse({});
  let last: IdleState['last'] = null;
  let decision: IdleDecision = { memory, act: 'none', actsAtMs: null };
  let facts: IdleFacts = { nowMs: startedMs, busy: [], lastActivityMs: startedMs };
  let lookedMs = startedMs;
  let activityMs = startedMs;
  let modelRequests: number | undefined;
  let canStop: { readonly atMs: number; readonly value: IdleState['canStop'] } | undefined;
  let cancel = (): void => undefined;
  let isStopped = false;
  const turns = createTurns();

  async function gather(): Promise<IdleFacts> {
    const nowMs = clock.now();
    const [activity, gpus] = await Promise.all([readActivity(database.engine, lookedMs), parts.devices.list()]);
    lookedMs = nowMs;
    const busy: { what: string; message: string }[] = [];
    const add = (count: number, what: string, one: string, many: string): void => {
      if (count > 0) busy.push({ what, message: count === 1 ? one : `${count} ${many}` });
    };
    add(activity.liveInstances, 'instances', 'one instance runs', 'instances run');
    if (policy.countWaiting) add(activity.waitingInstances, 'waiting', 'one instance waits', 'instances wait');
    add(activity.runningJobs, 'jobs', 'one job runs', 'jobs run');
    add(activity.queuedJobs, 'jobs', 'one job is queued', 'jobs are queued');
    add(activity.modelsInUse, 'models', 'one model is used', 'models are used');
    add(activity.openDownloads, 'downloads', 'one download is on its way', 'downloads are on their way');
    add(activity.openUploads, 'uploads', 'one upload is on its way', 'uploads are on their way');
    for (const { index, utilizationPercent } of gpus) {
      if (utilizationPercent !== null && utilizationPercent > policy.gpuPercent)
        busy.push({ what: 'gpu', message: `GPU ${index} computes at ${Math.round(utilizationPercent)} %` });
    }
    if (activity.isFresh || (modelRequests !== undefined && activity.modelRequests > modelRequests)) activityMs = nowMs;
    modelRequests = activity.modelRequests;
    const seenMs = policy.countSessions ? (activity.lastSeenAt?.getTime() ?? 0) : 0;
    return { nowMs, busy, lastActivityMs: Math.max(startedMs, activityMs, seenMs, parts.lastUsedMs() ?? 0) };
  }

  async function look(): Promise<void> {
    facts = await gather();
    decision = decideIdle(policy, facts, memory);
    memory = decision.memory;
    if (decision.act === 'warn') await warn(decision.actsAtMs ?? facts.nowMs);
    else if (decision.act === 'calm') await announce('ops:idle:calmed', { busy: facts.busy.map(({ message }) => message) });
    else if (decision.act === 'act') await act();
  }

  async function warn(actsAtMs: number): Promise<void> {
    const minutes = Math.max(1, Math.round((actsAtMs - facts.nowMs) / 60_000));
    const what = policy.stop === 'pod' ? 'stops itself' : 'runs its hook';
    const title = `This machine idles and ${what} in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
    log.warn({ actsAt: new Date(actsAtMs).toISOString() }, 'the machine idles');
    await announce('ops:idle:warned', { actsAt: new Date(actsAtMs).toISOString(), stop: policy.stop });
    await parts
      .tell({ key: `idle:${facts.nowMs}`, title, body: 'Nothing runs. Any work keeps it awake, and so does "Keep awake" under Services, Idle.' })
      .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'nobody could be told that the machine idles'));
  }

  /** Hook, then stop. What came of it is kept, told and tried again later. */
  async function act(): Promise<void> {
    const done = await runAct().catch((error: unknown) => ({ ok: false, message: messageOf(error) }));
    last = { at: new Date(clock.now()).toISOString(), ...done };
    log[done.ok ? 'info' : 'warn']({ message: done.message }, 'the idle machine acted');
    await announce(done.ok ? 'ops:idle:acted' : 'ops:idle:failed', { message: done.message });
  }

  async function runAct(): Promise<{ readonly ok: boolean; readonly message: string }> {
    if (policy.stop === 'pod') {
      // Asked before the hook, which may undo things: nothing is begun that can't be ended.
      canStop = undefined;
      const { ok, message } = await askCanStop();
      if (!ok) return { ok, message };
    }
    if (policy.hook !== null) {
      const [command = '', ...args] = policy.hook.command;
      const env = { STUDIO_IDLE_SINCE: new Date(memory.idleSinceMs ?? clock.now()).toISOString() };
      const { code, lines } = await runToEnd({ command, args, env, cwd: parts.workspacePath, timeoutMs: policy.hook.timeoutMs }, clock);
      if (code !== 0) return { ok: false, message: `The hook kept it awake: it ended with code ${code}. ${lines.at(-1) ?? ''}`.trim() };
    }
    if (policy.stop === 'none' || parts.runpod === undefined) return { ok: true, message: 'The hook ran.' };
    // Work that began meanwhile stands above the plan.
    const again = await gather();
    if (again.busy.length > 0) return { ok: false, message: `It stays: ${again.busy.map(({ message }) => message).join(', ')}.` };
    await announce('ops:idle:stopping', { podId: parts.runpod.podId });
    await parts.runpod.stop();
    return { ok: true, message: `RunPod was asked to stop the pod ${parts.runpod.podId}.` };
  }

  async function askCanStop(): Promise<IdleState['canStop']> {
    if (canStop !== undefined && clock.monotonic() - canStop.atMs < CAN_STOP_KEPT_MS) return canStop.value;
    const value = await whyNot().then(
      (fault) => (fault === undefined ? { ok: true, message: `It can stop the pod ${parts.runpod?.podId ?? ''}.` } : { ok: false, message: fault }),
      (error: unknown) => ({ ok: false, message: messageOf(error) }),
    );
    canStop = { atMs: clock.monotonic(), value };
    return value;
  }

  /** Why it may not be stopped; undefined: it may. */
  async function whyNot(): Promise<string | undefined> {
    const { runpod, storage, workspacePath } = parts;
    if (runpod === undefined) return 'This is no RunPod pod with a key: RUNPOD_POD_ID and RUNPOD_API_KEY are set by RunPod. A hook can stop other machines.';
    if (storage.plan === 'ephemeral' || storage.banner !== null)
      return `What stands in ${workspacePath} would be lost: ${storage.banner ?? 'its file system does not outlive this container'}.`;
    const { volume } = await runpod.read();
    if (volume === null) return `The pod ${runpod.podId} has no persistent volume: stopping it would lose the workspace. Attach one, or let a hook decide.`;
    const mount = volume.mountPath.replace(/\/$/, '');
    if (workspacePath !== mount && !workspacePath.startsWith(`${mount}/`))
      return `The workspace ${workspacePath} does not lie on the pod's volume, which is mounted at ${volume.mountPath}: stopping would lose it. Set WORKSPACE_PATH below ${volume.mountPath}.`;
    return undefined;
  }

  async function announce(type: EventType, payload: Record<string, Json>): Promise<void> {
    await database.engine
      .transaction((sql) => writeEvent(sql, type, payload))
      .catch((error: unknown) => log.warn({ cause: messageOf(error), type }, 'what the idle machine does was not announced'));
    database.announce();
  }

  async function writeEvent(sql: Sql, type: EventType, payload: Record<string, Json>, requestId?: string): Promise<void> {
    const sequence = await nextSequence(sql, 'system', 'idle');
    await writeEvents(sql, [{ kind: 'system', id: 'idle', sequence, type, orgId: null, payload, ...(requestId === undefined ? {} : { requestId }) }]);
  }

  function arm(): void {
    cancel = clock.after(LOOK_MS, () => {
      turns
        .take(look)
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'it could not be looked whether the machine idles; looked again'))
        .finally(() => void (isStopped || arm()));
    });
  }

  function describe(stoppable: IdleState['canStop']): IdleState {
    const at = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
    const phase = !policy.enabled ? 'off' : memory.actedAtMs !== null ? 'acted' : memory.warnedAtMs !== null ? 'warned' : 'awake';
    return {
      policy,
      phase,
      idleSince: at(memory.idleSinceMs),
      actsAt: policy.enabled ? at(decision.actsAtMs) : null,
      busy: facts.busy.map((one) => ({ ...one })),
      keptAwakeUntil: at(memory.keepAwakeUntilMs),
      last,
      canStop: stoppable,
    };
  }

  async function change(author: IdleAuthor, action: string, details: Record<string, Json>, work: (sql: Sql, now: Date) => Promise<void>): Promise<IdleState> {
    await turns.take(async () => {
      const now = new Date(clock.now());
      await database.engine.transaction(async (sql) => {
        await work(sql, now);
        await insertAudit(sql, { id: newId('aud', clock), orgId: author.orgId, at: now, actor: author.actor, action, address: author.address, details });
        await writeEvent(sql, 'ops:idle:changed', {}, author.requestId);
      });
      database.announce();
      await look();
    });
    return describe(await askCanStop());
  }

  return {
    async start() {
      const kept = idlePolicy.safeParse(await readMachineSetting(database.engine, SETTING));
      if (kept.success) policy = kept.data;
      arm();
    },
    async stop() {
      isStopped = true;
      cancel();
      await turns.over();
    },
    read: async () => describe(await askCanStop()),
    setPolicy: (wanted, author) =>
      change(author, 'idle.policy_set', { enabled: wanted.enabled, stop: wanted.stop }, async (sql, now) => {
        await writeMachineSetting(sql, { key: SETTING, value: wanted as Json, now });
        policy = wanted;
        memory = { ...freshMemory, keepAwakeUntilMs: memory.keepAwakeUntilMs };
      }),
    keepAwake: (ms, author) =>
      change(author, 'idle.kept_awake', { ms }, async () => {
        memory = { ...memory, keepAwakeUntilMs: ms === 0 ? null : clock.now() + ms };
      }),
    look: () => turns.take(look),
  };
}
