/** One model of this machine through its life: unloaded, waiting for memory, loading, loaded, draining, failed. One load at a time serves all who wait;
 *  whoever comes while it gives its memory back waits, and loads it again. Never decides that it has to go: its ttl, the ledger and people do. */
import type { ModelRuntime } from '../contract/models.ts';
import { describeExit, type ExitStatus } from '../kernel/child.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import type { ModelRecord } from '../store/models.ts';
import type { ModelEngine, ModelUse } from './engine.ts';
import { createFailures, type Failures } from './failures.ts';
import { counted, createCounts, type Counts } from './model-counts.ts';
import { isLess } from './load-words.ts';
import { explainExit, EngineEnded } from './running.ts';
import { createLoading, type Loading, type Asker } from './slot-loading.ts';
import { describe, type Closing, type ModelExit, type Run } from './slot-run.ts';
import { hasRoomForAll, type Loaded, type LoadParts } from './slot-load.ts';
import { UpstreamError } from './upstream.ts';

export interface SlotParts extends LoadParts {
  /** An event of the model, written in order. */
  tell(type: 'loading' | 'loaded' | 'unloaded' | 'failed', payload: Readonly<Record<string, string | number>>): void;
}

export interface Slot {
  readonly counts: Counts;
  /** Runs `work` with the model, loaded first where it is not. */
  use<T>(model: ModelRecord, use: ModelUse, work: (engine: ModelEngine) => Promise<T>): Promise<T>;
  /** Loads it although nobody uses it. Earlier failures do not count. */
  load(model: ModelRecord, use: Omit<ModelUse, 'orgId'>): Promise<void>;
  /** Ends a load, or drains and unloads. Resolves when nothing of it is left; at once when it is not loaded. */
  close(closing: Closing): Promise<void>;
  setPinned(isPinned: boolean): void;
  /** @param viewer the org that asks: tenants of others that it waits for have no name; default: nobody in particular */
  runtime(viewer?: string): ModelRuntime;
}

/** How long nobody uses a model until it is unloaded. */
const DEFAULT_TTL_S = 600;
/** One that a person loaded waits for its first request at least this long, whatever its ttl. */
const FIRST_USE_MS = 60_000;
/** Who waits for one load holds memory for its request. */
const MAX_WAITING = 2_000;
const KEPT_EXITS = 10;
/** How often one that runs with less than it wants looks for room while it idles. */
const LOOK_MS = 15_000;
const RELOAD_PRIORITY = 50;

export function createSlot(parts: SlotParts, first: ModelRecord): Slot {
  const { clock, ledger, log } = parts;
  const counts = createCounts();
  const failures: Failures = createFailures(clock);
  let model = first;
  let run: Run | undefined;
  let loading: Loading<Run> | undefined;
  let waiting = 0;
  let exits: readonly ModelExit[] = [];

  function begin(priority: number): Loading<Run> {
    const startedAt = clock.monotonic();
    const made = createLoading<Run>(parts, model, { priority, onStart: (lease) => parts.tell('loading', { devices: lease.devices.length, name: model.name }) });
    loading = made;
    made.settle(
      (loaded) => {
        const { running, fitted } = loaded;
        counts.loads += 1;
        counts.loadMs += clock.monotonic() - startedAt;
        loading = undefined;
        run = adopt(loaded);
        log.info(
          {
            modelId: model.id,
            name: model.name,
            pid: running.pid,
            ms: Math.round(clock.monotonic() - startedAt),
            ...running.facts,
            isFull: fitted === undefined || !isLess(fitted.size),
          },
          'model loaded',
        );
        parts.tell('loaded', { ms: Math.round(clock.monotonic() - startedAt), pid: running.pid });
        return run;
      },
      (error) => {
        loading = undefined;
        if (made.isCancelled()) return parts.tell('unloaded', { reason: messageOf(error) });
        counts.failedLoads += 1;
        failures.add(messageOf(error), model);
        log.warn({ modelId: model.id, name: model.name, cause: messageOf(error) }, 'model could not be loaded');
        parts.tell('failed', { error: messageOf(error) });
      },
    );
    return made;
  }

  function adopt({ running, lease, fitted }: Loaded): Run {
    const made: Run = {
      ...{ running, lease, fitted },
      engine: counted(running.engine, counts),
      loadedAtMs: clock.now(),
      gone: running.exited.then((status) => onExit(made, status)),
      users: 0,
      idleSinceMs: clock.now(),
      unloadsAtMs: Infinity,
      closing: undefined,
      closed: undefined,
      cancelTtl: () => undefined,
      cancelLook: () => undefined,
      onIdle: () => undefined,
    };
    rest(made, FIRST_USE_MS);
    return made;
  }

  async function onExit(ended: Run, status: ExitStatus): Promise<void> {
    disarm(ended);
    const { closing } = ended;
    if (closing === undefined) {
      const how = explainExit(model.name, status, ended.running.lines());
      counts.crashes += 1;
      exits = [{ at: new Date(clock.now()).toISOString(), how: describeExit(status), uptimeMs: status.uptimeMs }, ...exits].slice(0, KEPT_EXITS);
      failures.add(how, model);
      log.warn({ modelId: model.id, name: model.name, cause: how }, 'the engine of a model ended by itself');
    }
    try {
      await parts.records.clear(model.id);
      if (closing?.isEvicted !== true) await ledger.release(ended.lease.id);
    } catch (error) {
      log.error({ modelId: model.id, cause: messageOf(error) }, 'what a model held could not be given back');
    }
    if (run === ended) run = undefined;
    if (closing === undefined) parts.tell('failed', { error: failures.last() ?? '' });
    else parts.tell('unloaded', { reason: closing.reason });
  }

  /** Nobody uses it: it gives way before anyone waits, and goes when its time is over. */
  function rest(of: Run, atLeastMs = 0): void {
    of.idleSinceMs = clock.now();
    ledger.setIdle(of.lease.id, of.idleSinceMs);
    disarm(of);
    of.unloadsAtMs = Infinity;
    if (of.fitted !== undefined && isLess(of.fitted.size)) of.cancelLook = clock.after(LOOK_MS, () => void lookForRoom(of));
    if (model.pinned) return;
    const ttlMs = Math.max((model.ttlS ?? DEFAULT_TTL_S) * 1_000, atLeastMs);
    of.unloadsAtMs = of.idleSinceMs + ttlMs;
    of.cancelTtl = clock.after(ttlMs, () => void closeRun(of, { reason: `nobody asked for it in ${Math.round(ttlMs / 1_000)} s`, drainMs: 0 }));
  }

  function disarm(of: Run): void {
    of.cancelTtl();
    of.cancelLook();
  }

  /** One that runs with less than it wants and idles is loaded anew when there is room for all of it. */
  async function lookForRoom(of: Run): Promise<void> {
    const isResting = (): boolean => run === of && of.users === 0 && of.closing === undefined && !of.running.hasEnded();
    const hasRoom = await hasRoomForAll(parts, model, of).catch((error: unknown) => {
      log.warn({ modelId: model.id, cause: messageOf(error) }, 'it could not be looked whether there is room for all of a model');
      return false;
    });
    if (!isResting()) return;
    if (!hasRoom) {
      of.cancelLook = clock.after(LOOK_MS, () => void lookForRoom(of));
      return;
    }
    await closeRun(of, { reason: 'it is loaded again in full: there is room for all of it now', drainMs: 0 });
    if (run === undefined) loading ??= begin(RELOAD_PRIORITY);
  }

  function closeRun(of: Run, closing: Closing): Promise<void> {
    disarm(of);
    // Who asks again while it drains waits for the same end; that of the ledger counts, for it gives the lease back.
    of.closing = of.closing === undefined || closing.isEvicted === true ? closing : of.closing;
    if (closing.isEvicted === true) counts.evictions += 1;
    of.closed ??= (async () => {
      const over = new AbortController();
      const drained = new Promise<void>((resolve) => (of.onIdle = resolve));
      if (of.users > 0) await Promise.race([drained, of.gone, clock.sleep(closing.drainMs, over.signal).catch(() => undefined)]);
      over.abort();
      await of.running.stop();
      await of.gone;
    })();
    return of.closed;
  }

  /** A loaded model, taken: its user is counted before anybody can unload it. */
  async function take(use: Asker): Promise<Run> {
    for (;;) {
      use.signal.throwIfAborted();
      if (run !== undefined && run.closing === undefined && !run.running.hasEnded()) {
        run.users += 1;
        disarm(run);
        if (run.users === 1) ledger.setIdle(run.lease.id, null);
        return run;
      }
      if (run !== undefined) {
        use.onWait?.({ message: `${model.name} is being unloaded (${run.closing?.reason ?? 'its engine ended'}); it is loaded again then` });
        await withSignal(run.closed ?? run.gone, use.signal);
      } else {
        if (loading === undefined) failures.refuse(model);
        const joined = (loading ??= begin(use.priority));
        // Given up a moment ago: what it holds is given back first.
        if (joined.isCancelled()) await withSignal(joined.ended(), use.signal);
        else {
          await joined.join(use).catch((error: unknown) => {
            if (!joined.isEvicted()) throw error;
          });
        }
      }
    }
  }

  function leave(of: Run): void {
    of.users -= 1;
    if (of.users > 0) return;
    if (of.closing !== undefined) of.onIdle();
    else if (!of.running.hasEnded()) rest(of);
  }

  return {
    counts,
    async use(fresh, use, work) {
      model = fresh;
      if (waiting >= MAX_WAITING) throw new AppError('queue_full', { message: `${waiting} requests wait for ${model.name} already`, retryAfterS: 5 });
      waiting += 1;
      const taken = await take(use).finally(() => (waiting -= 1));
      try {
        const result = await work(taken.engine);
        failures.clear();
        return result;
      } catch (error) {
        throw await explained(taken, error);
      } finally {
        leave(taken);
      }
    },
    async load(fresh, use) {
      model = fresh;
      failures.clear();
      waiting += 1;
      const taken = await take(use).finally(() => (waiting -= 1));
      taken.users -= 1;
      if (taken.users === 0 && taken.closing === undefined && !taken.running.hasEnded()) rest(taken, FIRST_USE_MS);
      else if (taken.users === 0) taken.onIdle();
    },
    async close(closing) {
      loading?.cancel(closing.reason, closing.isEvicted === true);
      if (loading !== undefined) await loading.ended();
      if (run !== undefined) await closeRun(run, closing);
    },
    setPinned(isPinned) {
      model = { ...model, pinned: isPinned };
      if (run === undefined) return;
      ledger.setPinned(run.lease.id, isPinned);
      if (run.users === 0 && run.closing === undefined && !run.running.hasEnded()) rest(run);
    },
    runtime: (viewer) => describe({ run, loading, waiting, failures, exits }, viewer),
  };

  /** What a caller hears when the model went away under its request. */
  async function explained(of: Run, error: unknown): Promise<unknown> {
    const isLost = error instanceof EngineEnded || (error instanceof UpstreamError && (error.fault === 'unreachable' || error.fault === 'broken'));
    if (!isLost) return error;
    // A server's connection breaks a moment before its end is known.
    const hasEnded = error instanceof EngineEnded || (await Promise.race([of.gone.then(() => true), clock.sleep(200).then(() => of.running.hasEnded())]));
    if (!hasEnded) return error;
    const { closing } = of;
    const message = closing === undefined ? (failures.last() ?? messageOf(error)) : `${model.name} was unloaded while it answered: ${closing.reason}`;
    return new AppError('model_unavailable', { message: `${message} Ask again: it is loaded anew.`, cause: error, retryAfterS: 1 });
  }
}

function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
