/** The models of this Studio by name: loaded on first use, kept for a while, given up for what needs the memory, loaded again. One slot a model does the
 *  work; here stands who is meant by a name, what the ledger and people ask for, and what an earlier Studio left.
 *  One thing to know: a lease follows its process. It is given back only when the process is proved gone. */
import type { Json } from '../contract/endpoint.ts';
import type { ModelRuntime } from '../contract/models.ts';
import type { ModelEngineKind } from '../contract/values.ts';
import type { Eviction, Lease, Ledger } from '../gpu/tenants.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { didYouMean } from '../kernel/nearest.ts';
import type { Database } from '../store/client.ts';
import { findModel, listModels, tellOfModel, updateModel, type ModelRecord } from '../store/models.ts';
import type { Driver, Rooms } from './driver.ts';
import type { ListedModel, Models, ModelUse } from './engine.ts';
import type { Counts } from './model-counts.ts';
import { remoteEngine, remoteNames, remoteRuntime, upstreamName } from './named-remote.ts';
import type { RemoteEngines } from './remote.ts';
import { createSlot, type Slot } from './slot.ts';
import type { ProcessRecords } from './slot-load.ts';

export interface LifecycleParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: Ledger;
  readonly records: ProcessRecords;
  readonly drivers: Readonly<Record<Exclude<ModelEngineKind, 'remote'>, Driver>>;
  /** Models that run elsewhere: nothing is loaded for them. */
  readonly remote: RemoteEngines;
  rooms(): Promise<Rooms>;
}

export interface ModelFigures extends Readonly<Counts> {
  readonly name: string;
  readonly isLoaded: boolean;
  readonly inUse: number;
  readonly waiting: number;
}

export interface ModelLife extends Models {
  /** Ends what an earlier Studio left, and loads what is pinned. Call it once the ledger runs. */
  start(): Promise<void>;
  /** Loads it, or waits for the load. @throws AppError conflict, unsatisfiable, model_unavailable */
  load(model: ModelRecord, use: Omit<ModelUse, 'orgId'>): Promise<void>;
  /** @param drainMs how long who uses it may go on  @returns once none of its processes is left */
  unload(modelId: string, options: { readonly reason: string; readonly drainMs: number }): Promise<void>;
  /** Pinned: never evicted, never unloaded by itself, loaded when Studio starts. @returns undefined when there is no such model */
  pin(modelId: string, isPinned: boolean, requestId: string): Promise<ModelRecord | undefined>;
  /** What it does right now. @param viewer the org that asks: tenants of others that it waits for have no name; default: nobody in particular */
  runtime(model: ModelRecord, viewer?: string): ModelRuntime;
  figures(): readonly ModelFigures[];
  /** Takes no new requests. */
  drain(): void;
  /** Unloads everything; who is being answered has a moment. */
  stop(): Promise<void>;
}

/** Requests that are being answered when memory is needed: most end by themselves in that time. */
const EVICT_DRAIN_MS = 30_000;
/** A faulty device answers nobody. */
const FAULT_DRAIN_MS = 2_000;
/** Within Studio's own time to stop. */
const STOP_DRAIN_MS = 10_000;
const PAGE = 200;

export function createModelLife(parts: LifecycleParts): ModelLife {
  const { database, ledger, log } = parts;
  const slots = new Map<string, { slot: Slot; name: string }>();
  let isDraining = false;
  let telling: Promise<void> = Promise.resolve();

  function slotOf(model: ModelRecord): Slot {
    const known = slots.get(model.id);
    if (known !== undefined) {
      known.name = model.name;
      return known.slot;
    }
    if (model.engine === 'remote') throw new Error(`${model.name} is remote: it has no slot`);
    const slot = createSlot({ ...parts, driver: parts.drivers[model.engine], tell: (type, payload) => tell(model.id, `models:model:${type}`, payload) }, model);
    slots.set(model.id, { slot, name: model.name });
    return slot;
  }

  /** In the order in which it happened; what can't be written is logged, for the state itself is asked from memory. */
  function tell(id: string, type: Parameters<typeof tellOfModel>[2], payload: Readonly<Record<string, Json>>): void {
    telling = telling.then(async () => {
      try {
        await database.engine.transaction((sql) => tellOfModel(sql, id, type, payload));
        database.announce();
      } catch (error) {
        log.error({ modelId: id, type, cause: messageOf(error) }, 'an event of a model could not be written');
      }
    });
  }

  function refuseDraining(): void {
    if (isDraining) fail('draining');
  }

  async function find(name: string, orgId: string): Promise<{ readonly model: ModelRecord; readonly upstream?: string }> {
    const model = await findModel(database.engine, { orgId, name });
    if (model !== undefined) return { model };
    const known: string[] = [];
    for await (const one of everyModel(orgId)) {
      const upstream = upstreamName(one, name);
      if (upstream !== undefined) return { model: one, upstream };
      known.push(one.name);
    }
    throw new AppError('model_not_found', { message: `there is no model ${JSON.stringify(name)}${didYouMean(name, known)}; GET /v1/models lists them` });
  }

  async function evict(lease: Lease, why: Eviction): Promise<void> {
    const known = slots.get(lease.tenantId);
    if (known === undefined) return parts.records.clear(lease.tenantId);
    log.info({ modelId: lease.tenantId, name: known.name, cause: why.message }, 'a model gives its memory back');
    await known.slot.close({ reason: why.message, drainMs: why.kind === 'device' ? FAULT_DRAIN_MS : EVICT_DRAIN_MS, isEvicted: true });
    // What does not die keeps its memory: the ledger asks again.
    await parts.records.clear(lease.tenantId);
  }

  /** Every model, page by page. */
  async function* everyModel(orgId?: string): AsyncGenerator<ModelRecord> {
    let after: string | undefined;
    for (;;) {
      // Serial: a page begins where the one before ended.
      const page = await listModels(database.engine, { orgId, after, limit: PAGE });
      yield* page;
      after = page.at(-1)?.id;
      if (page.length < PAGE) return;
    }
  }

  async function loadPinned(models: readonly ModelRecord[]): Promise<void> {
    const { signal } = new AbortController();
    // Serial: in the order in which they were made, so that each start is the same.
    for (const model of models) {
      if (isDraining) return;
      await slotOf(model)
        .load(model, { priority: 50, signal })
        .catch((error: unknown) => log.warn({ modelId: model.id, name: model.name, cause: messageOf(error) }, 'a pinned model could not be loaded'));
    }
  }

  ledger.onEvict('model', evict);
  return {
    async start() {
      const left = await parts.records.endAll();
      if (left.length > 0) log.info({ modelIds: left }, 'ended models that an earlier Studio had loaded');
      const pinned: ModelRecord[] = [];
      for await (const model of everyModel()) {
        const lease = ledger.find(model.id);
        if (lease !== undefined) await ledger.release(lease.id);
        if (model.pinned && model.engine !== 'remote' && model.status === 'ready') pinned.unshift(model);
      }
      void loadPinned(pinned);
    },
    async use(name, use, work) {
      refuseDraining();
      const { model, upstream } = await find(name, use.orgId);
      if (model.engine === 'remote') return work(remoteEngine(parts.remote, model, upstream));
      refuseUnready(model);
      return slotOf(model).use(model, use, work);
    },
    async list(orgId) {
      const meant = new Map<string, ModelRecord>();
      // An org's own model stands before the machine's of that name.
      for await (const model of everyModel(orgId))
        if (model.status === 'ready' && (model.orgId !== null || !meant.has(model.name))) meant.set(model.name, model);
      const listed = [...meant.values()].map(async (model) => {
        const names = model.engine === 'remote' ? await remoteNames(parts.remote, model) : [model.name];
        return names.map((name) => listedOf(model, name));
      });
      return (await Promise.all(listed)).flat().toSorted((a, b) => (a.id < b.id ? -1 : 1));
    },
    async load(model, use) {
      refuseDraining();
      refuseUnready(model);
      await slotOf(model).load(model, use);
    },
    async unload(modelId, closing) {
      await slots.get(modelId)?.slot.close(closing);
    },
    async pin(modelId, isPinned, requestId) {
      const model = await database.engine.transaction((sql) => updateModel(sql, modelId, { pinned: isPinned }, { nowMs: parts.clock.now(), requestId }));
      if (model === undefined) return undefined;
      database.announce();
      slots.get(modelId)?.slot.setPinned(isPinned);
      return model;
    },
    runtime: (model, viewer) => (model.engine === 'remote' ? remoteRuntime(parts.remote, model) : (slots.get(model.id)?.slot.runtime(viewer) ?? UNLOADED)),
    figures: () => [...slots.values()].map(({ slot, name }) => figuresOf(slot, name)),
    drain() {
      isDraining = true;
    },
    async stop() {
      isDraining = true;
      await Promise.all([...slots.values()].map(({ slot }) => slot.close({ reason: 'Studio stops', drainMs: STOP_DRAIN_MS })));
      await telling;
    },
  };
}

const UNLOADED: ModelRuntime = { state: 'unloaded', devices: [], inUse: 0, waiting: 0 };

function refuseUnready(model: ModelRecord): void {
  if (model.status === 'ready') return;
  const why = model.status === 'downloading' ? 'is still being downloaded' : `can't be used: ${model.fault ?? 'its files are broken'}`;
  throw new AppError('conflict', { message: `${model.name} ${why}` });
}

function listedOf(model: ModelRecord, name: string): ListedModel {
  const named = model.settings['contextLength'];
  const contextTokens = typeof named === 'number' ? named : model.engine === 'llama' ? undefined : (model.contextLength ?? undefined);
  return {
    id: name,
    createdAtMs: model.createdAt.getTime(),
    ownedBy: model.engine === 'remote' ? String(model.settings['kind'] ?? 'remote') : 'studio',
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
}

function figuresOf(slot: Slot, name: string): ModelFigures {
  const { state, inUse, waiting } = slot.runtime();
  return { ...slot.counts, name, isLoaded: state === 'loaded' || state === 'draining', inUse, waiting };
}
