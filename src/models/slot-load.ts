/** One load of a model: memory from the ledger, then the process, in the best way that there is room for. Whatever fails, nothing is left running and
 *  the lease is given back. Never tries again later: who asks next does. */
import { writeFile } from 'node:fs/promises';
import type { WaitReason } from '../contract/instances.ts';
import type { Lease, Ledger, Need, TenantRequest } from '../gpu/tenants.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { ProcessIdentity } from '../kernel/process-identity.ts';
import type { ModelRecord } from '../store/models.ts';
import type { Driver, LoadOption, LoadSize, Rooms } from './driver.ts';
import { isLess } from './load-words.ts';
import { EngineEnded, type RunningModel } from './running.ts';

/** The processes of models, beyond this Studio's own memory. */
export interface ProcessRecords {
  /** What marks the processes of a model. */
  environmentOf(id: string): Readonly<Record<string, string>>;
  record(id: string, process: ProcessIdentity): void;
  /** Ends what still lives of a model. @throws Error when something does not die */
  clear(id: string): Promise<void>;
  /** Ends what an earlier Studio left. @returns ids of models that still ran */
  endAll(): Promise<readonly string[]>;
}

export interface LoadParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly ledger: Ledger;
  readonly records: ProcessRecords;
  readonly driver: Driver;
  rooms(): Promise<Rooms>;
}

export interface Loaded {
  readonly running: RunningModel;
  readonly lease: Lease;
  /** How it was loaded, where its engine does not decide by itself. */
  readonly fitted: Fitted | undefined;
}

/** What a load came to. */
export interface Fitted {
  readonly size: LoadSize;
  /** Of a device: what it could have had. */
  readonly freeBytes: number;
}

export interface Asked {
  readonly priority: number;
  readonly signal: AbortSignal;
  onWait(reason: WaitReason): void;
  /** It has its memory and starts. */
  onStart(lease: Lease): void;
  onProgress(value: number): void;
}

/** @throws AppError unsatisfiable, conflict; Error with the engine's reason; the signal's reason */
export async function loadModel(parts: LoadParts, model: ModelRecord, asked: Asked): Promise<Loaded> {
  // What an earlier load left would hold the memory twice.
  await parts.records.clear(model.id);
  const rooms = await parts.rooms();
  const options = parts.driver.options(model, rooms);
  const [mostBytes = 0] = rooms.deviceBytes;
  for (let at = 0; ;) {
    const grant = await acquireBest(parts, model, { options: options.slice(at), asked, mostBytes });
    at += grant.index;
    const option = options[at];
    if (option === undefined) throw new Error(`${model.name}: its engine names no way to load it`);
    try {
      // Serial: the next way is for when this one is none.
      const running = await startOne(parts, model, { option, lease: grant.lease, asked });
      return { running, lease: grant.lease, fitted: option.size === undefined ? undefined : { size: option.size, freeBytes: grant.freeBytes } };
    } catch (error) {
      asked.signal.throwIfAborted();
      at += 1;
      if (at >= options.length || !mayFitOtherwise(error)) throw error;
      parts.log.warn({ modelId: model.id, cause: messageOf(error) }, 'a model did not fit as hoped; trying with less');
    }
  }
}

interface Grant {
  readonly lease: Lease;
  /** Of the options that were given. */
  readonly index: number;
  readonly freeBytes: number;
}

/** Memory for the best way that can be had: the first, or a later one where the model would rather take less than wait. */
async function acquireBest(
  parts: LoadParts,
  model: ModelRecord,
  { options, asked, mostBytes }: { readonly options: readonly LoadOption[]; readonly asked: Asked; readonly mostBytes: number },
): Promise<Grant> {
  for (const [from, first] of options.entries()) {
    const others = options.slice(from + 1);
    let taken = { index: from, freeBytes: mostBytes };
    try {
      // Serial: the next way is for when this one can never be granted.
      const lease = await parts.ledger.acquire(requestOf(parts, model, first.need, asked.priority), {
        signal: asked.signal,
        onWait: asked.onWait,
        ...(parts.driver.takesLess(model) ? { less: others.map(({ need }) => need) } : {}),
        onLess: ({ index, freeBytes }) => (taken = { index: from + 1 + index, freeBytes }),
      });
      return { lease, ...taken };
    } catch (error) {
      if (others.length === 0 || !(error instanceof AppError && error.code === 'unsatisfiable')) throw error;
    }
  }
  throw new Error(`${model.name}: its engine names no way to load it`);
}

/** Whether all that a model wants could be had now in place of what it runs with, with nobody told to end for it. */
export async function hasRoomForAll(parts: LoadParts, model: ModelRecord, { lease, fitted }: Omit<Loaded, 'running'>): Promise<boolean> {
  if (fitted === undefined || !isLess(fitted.size)) return false;
  const [best] = parts.driver.options(model, await parts.rooms());
  if (best?.size === undefined || isLess(best.size)) return false;
  return parts.ledger.wouldGrant(requestOf(parts, model, best.need, 50), lease.id);
}

function requestOf({ clock }: LoadParts, model: ModelRecord, need: Need, priority: number): TenantRequest {
  const { id, orgId, pinned } = model;
  return { ...need, id, kind: 'model', name: model.name, orgId, isPreemptible: false, isPinned: pinned, queuedAtMs: clock.now(), priority };
}

function mayFitOtherwise(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'unsatisfiable';
  return error instanceof EngineEnded || /memory|alloc|vram|no build of/i.test(messageOf(error));
}

interface Starting {
  readonly option: LoadOption;
  readonly lease: Lease;
  readonly asked: Asked;
}

async function startOne({ ledger, records }: LoadParts, model: ModelRecord, { option, lease, asked }: Starting): Promise<RunningModel> {
  try {
    asked.onStart(lease);
    return await option.start({
      devices: lease.devices,
      environment: records.environmentOf(model.id),
      signal: asked.signal,
      onProgress: asked.onProgress,
      async onProcess(process) {
        records.record(model.id, process);
        // When memory runs out the kernel takes a model before Studio itself.
        await writeFile(`/proc/${process.pid}/oom_score_adj`, '500').catch(() => undefined);
        await ledger.recordProcess(lease.id, process);
      },
    });
  } catch (error) {
    await records.clear(model.id);
    await ledger.release(lease.id);
    throw error;
  }
}
