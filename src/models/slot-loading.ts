/** A load that is under way, and those who wait for it: each is told how far it is. It is given up when the last of them has left and it still waits for
 *  memory; once the file is being read it is finished, for the next one will come. */
import type { WaitReason } from '../contract/instances.ts';
import type { Lease } from '../gpu/tenants.ts';
import { AppError } from '../kernel/fail.ts';
import type { ModelRecord } from '../store/models.ts';
import type { ModelUse } from './engine.ts';
import { loadModel, type Loaded, type LoadParts } from './slot-load.ts';

export interface Loading<T> {
  /** Called once, before anybody joins: what becomes of the load. */
  settle(onLoaded: (loaded: Loaded) => T, onFailed: (error: unknown) => void): void;
  /** Waits for the load. @throws why it failed; the signal's reason */
  join(use: Asker): Promise<void>;
  /** @param isEvicted what it waits for it may ask for again: those who wait do */
  cancel(reason: string, isEvicted: boolean): void;
  isCancelled(): boolean;
  isEvicted(): boolean;
  /** Resolves when it is over, however. */
  ended(): Promise<void>;
  stage(): 'waiting' | 'loading';
  devices(): { index: number; uuid: string; bytes: number }[];
  /** @param viewer the org that asks: tenants of others have no name */
  progress(viewer: string | null): { waitReason?: WaitReason; progress?: number };
}

/** Who waits for a load; `orgId` undefined: nobody's request. */
export type Asker = Omit<ModelUse, 'orgId'> & { readonly orgId?: string | undefined };

/** Four times a second is what an eye can use. */
const TELL_MS = 250;

export function createLoading<T>(parts: LoadParts, model: ModelRecord, options: { readonly priority: number; onStart(lease: Lease): void }): Loading<T> {
  const { clock } = parts;
  const abort = new AbortController();
  const listeners = new Map<NonNullable<ModelUse['onWait']>, string | null>();
  const over = Promise.withResolvers<void>();
  over.promise.catch(() => undefined);
  let lease: Lease | undefined;
  let wait: WaitReason | undefined;
  let progress: number | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let joined = 0;
  let isEvicted = false;

  const reasonFor = (viewer: string | null): WaitReason | undefined => wait && (parts.ledger.waitOf(model.id, viewer) ?? wait);
  const word = (viewer: string | null): { message: string; progress?: number } => {
    const reason = reasonFor(viewer);
    if (lease === undefined) return { message: reason === undefined ? `${model.name} waits for memory` : `${model.name} waits: ${reason.message}` };
    return { message: `${model.name} is loading`, ...(progress === undefined ? {} : { progress }) };
  };
  const tellAll = (): void => {
    toldAt = clock.monotonic();
    for (const [listener, viewer] of listeners) listener(word(viewer));
  };
  const loaded = loadModel(parts, model, {
    priority: options.priority,
    signal: abort.signal,
    onWait(reason) {
      wait = reason;
      tellAll();
    },
    onStart(granted) {
      lease = granted;
      wait = undefined;
      options.onStart(granted);
      tellAll();
    },
    onProgress(value) {
      progress = value;
      if (clock.monotonic() - toldAt >= TELL_MS || value >= 1) tellAll();
    },
  });

  return {
    settle(onLoaded, onFailed) {
      loaded.then(onLoaded).then(
        () => over.resolve(),
        (error: unknown) => {
          onFailed(error);
          over.reject(error);
        },
      );
    },
    async join({ signal, onWait, orgId = null }) {
      joined += 1;
      if (onWait !== undefined) {
        listeners.set(onWait, orgId);
        onWait(word(orgId));
      }
      const left = Promise.withResolvers<never>();
      const onAbort = (): void => left.reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await Promise.race([over.promise, left.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
        if (onWait !== undefined) listeners.delete(onWait);
        joined -= 1;
        if (joined === 0 && lease === undefined) abort.abort(new AppError('conflict', { message: `nobody waits for ${model.name} any more` }));
      }
    },
    cancel(reason, forLedger) {
      isEvicted ||= forLedger;
      abort.abort(new AppError('conflict', { message: `${model.name} was unloaded while it was loading: ${reason}` }));
    },
    isEvicted: () => isEvicted,
    isCancelled: () => abort.signal.aborted,
    ended: () => over.promise.catch(() => undefined),
    stage: () => (lease === undefined ? 'waiting' : 'loading'),
    devices: () => (lease?.devices ?? []).map(({ index, uuid, bytes }) => ({ index, uuid, bytes })),
    progress: (viewer) => ({ ...(wait === undefined ? {} : { waitReason: reasonFor(viewer) ?? wait }), ...(progress === undefined ? {} : { progress }) }),
  };
}
