/** A model in memory, and how a slot is shown: plain facts, changed by slot.ts alone. */
import type { ModelRuntime } from '../contract/models.ts';
import type { Lease } from '../gpu/tenants.ts';
import type { ModelEngine } from './engine.ts';
import type { Failures } from './failures.ts';
import type { RunningModel } from './running.ts';
import { describeLoad } from './load-words.ts';
import type { Fitted } from './slot-load.ts';
import type { Loading } from './slot-loading.ts';

/** Why a loaded model goes. */
export interface Closing {
  readonly reason: string;
  /** How long those who use it may go on. */
  readonly drainMs: number;
  /** The ledger asked, and gives the lease back itself. */
  readonly isEvicted?: boolean;
}

export type ModelExit = NonNullable<ModelRuntime['exits']>[number];

/** A model in memory. */
export interface Run {
  readonly running: RunningModel;
  readonly lease: Lease;
  readonly fitted: Fitted | undefined;
  readonly engine: ModelEngine;
  readonly loadedAtMs: number;
  /** Resolves when its process is gone and everything is given back. */
  readonly gone: Promise<void>;
  users: number;
  idleSinceMs: number;
  /** Infinity: it stays. */
  unloadsAtMs: number;
  closing: Closing | undefined;
  closed: Promise<void> | undefined;
  cancelTtl: () => void;
  cancelLook: () => void;
  onIdle: () => void;
}

interface Facts {
  readonly run: Run | undefined;
  readonly loading: Loading<Run> | undefined;
  readonly waiting: number;
  readonly failures: Failures;
  readonly exits: readonly ModelExit[];
}

/** What it does right now. */
export function describe({ run, loading, waiting, failures, exits }: Facts, viewer: string | undefined): ModelRuntime {
  const error = failures.last();
  const shared = { waiting, ...(error === undefined ? {} : { error }), ...(exits.length === 0 ? {} : { exits: [...exits] }) };
  if (run === undefined) {
    if (loading === undefined) return { state: error === undefined ? 'unloaded' : 'failed', devices: [], inUse: 0, ...shared };
    return { state: loading.stage(), devices: loading.devices(), inUse: 0, ...shared, ...loading.progress(viewer ?? null) };
  }
  const isIdle = run.users === 0;
  return {
    state: run.closing === undefined ? 'loaded' : 'draining',
    devices: run.lease.devices.map(({ index, uuid, bytes }) => ({ index, uuid, bytes })),
    pid: run.running.pid,
    ...(run.fitted === undefined ? {} : { load: describeLoad(run.fitted.size, { devices: run.lease.devices, freeBytes: run.fitted.freeBytes }) }),
    loadedAt: new Date(run.loadedAtMs).toISOString(),
    ...(isIdle ? { idleSince: new Date(run.idleSinceMs).toISOString() } : {}),
    ...(isIdle && run.unloadsAtMs < Infinity ? { unloadsAt: new Date(run.unloadsAtMs).toISOString() } : {}),
    inUse: run.users,
    ...shared,
  };
}
