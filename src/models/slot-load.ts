/** One load of a model: memory from the ledger, then the process, in the best way that there is room for. Whatever fails, nothing is left running and
 *  the lease is given back. Never tries again later: who asks next does. */
import { writeFile } from 'node:fs/promises';
import type { WaitReason } from '../contract/instances.ts';
import type { Lease, Ledger } from '../gpu/tenants.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { ProcessIdentity } from '../kernel/process-identity.ts';
import type { ModelRecord } from '../store/models.ts';
import type { Driver, LoadOption, Rooms } from './driver.ts';
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
  const options = parts.driver.options(model, await parts.rooms());
  for (const [index, option] of options.entries()) {
    const isLast = index === options.length - 1;
    try {
      // Serial: the next way is for when this one is none.
      return await loadOne(parts, model, { option, asked });
    } catch (error) {
      asked.signal.throwIfAborted();
      if (isLast || !mayFitOtherwise(error)) throw error;
      parts.log.warn({ modelId: model.id, cause: messageOf(error) }, 'a model did not fit as hoped; trying with less');
    }
  }
  throw new Error(`${model.name}: its engine names no way to load it`);
}

function mayFitOtherwise(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'unsatisfiable';
  return error instanceof EngineEnded || /memory|alloc|vram|no build of/i.test(messageOf(error));
}

async function loadOne(parts: LoadParts, model: ModelRecord, { option, asked }: { readonly option: LoadOption; readonly asked: Asked }): Promise<Loaded> {
  const { ledger, records, clock } = parts;
  const request = { id: model.id, kind: 'model', orgId: model.orgId, isPreemptible: false, isPinned: model.pinned, queuedAtMs: clock.now() } as const;
  const lease = await ledger.acquire({ ...request, ...option.need, priority: asked.priority }, { signal: asked.signal, onWait: asked.onWait });
  try {
    asked.onStart(lease);
    const running = await option.start({
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
    return { running, lease };
  } catch (error) {
    await records.clear(model.id);
    await ledger.release(lease.id);
    throw error;
  }
}
