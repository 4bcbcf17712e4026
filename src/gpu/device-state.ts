/** What becomes of the devices known so far after another look at them. Pure.
 *  `draining`: takes nobody new, what runs there may end by itself. `lost`: nothing can run there, tenants are to be ended. */
import type { Gpu } from './device.ts';
import { busKey, type Reading, type SeenGpu } from './reading.ts';

/** Held against a device beyond what its driver says: an error in the kernel's log, or a person's wish. */
export interface Mark {
  readonly state: 'draining' | 'lost';
  readonly reason: string;
}

export interface Known {
  readonly gpus: ReadonlyMap<string, Gpu>;
  /** Looks in a row that failed as a whole. */
  readonly failures: number;
}

export interface Facts {
  readonly nowMs: number;
  /** When the reading was taken. */
  readonly readAtMs: number;
  /** By uuid. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** Newest error by `busKey`. */
  readonly errors: ReadonlyMap<string, { readonly atMs: number; readonly message: string }>;
}

// One slow answer is no fault of the device: two in a row are.
const HANGS = 2;
/** A device that is gone is shown for so long: it may come back, and a person wants to know. */
const GONE_KEPT_MS = 24 * 3_600_000;

export function nextKnown(known: Known, reading: Reading, facts: Facts): Known {
  if (reading.kind === 'devices') return { failures: 0, gpus: sorted(merge(known.gpus, reading, facts)) };
  if (reading.kind === 'absent') {
    const verdict = { state: 'lost', reason: `${reading.program} is not there any more` } as const;
    return { failures: 0, gpus: sorted([...known.gpus.values()].map((gpu) => judged(gpu, verdict, facts))) };
  }
  const failures = known.failures + 1;
  if (reading.isHang && failures < HANGS) return { gpus: known.gpus, failures };
  // Nobody knows how they are: who runs goes on, nobody new begins.
  const verdict = { state: 'draining', reason: reading.reason } as const;
  return { failures, gpus: sorted([...known.gpus.values()].map((gpu) => (gpu.state === 'lost' ? gpu : judged(gpu, verdict, facts)))) };
}

function merge(before: ReadonlyMap<string, Gpu>, reading: Extract<Reading, { kind: 'devices' }>, facts: Facts): readonly Gpu[] {
  const seen = reading.gpus.map((gpu) => ofSeen(gpu, before.get(gpu.uuid), facts));
  const unreadable = new Map(reading.unreadable.map((one) => [busKey(one.busId), one.reason]));
  const missing = [...before.values()].filter((gpu) => seen.every((one) => one.uuid !== gpu.uuid)).filter((gpu) => !isForgotten(gpu, facts));
  return [
    ...seen,
    ...missing.map((gpu) => judged(gpu, { state: 'lost', reason: unreadable.get(busKey(gpu.busId)) ?? `${reading.program} does not list it any more` }, facts)),
  ];
}

function isForgotten(gpu: Gpu, facts: Facts): boolean {
  return gpu.state === 'lost' && facts.nowMs - Date.parse(gpu.sampledAt) > GONE_KEPT_MS;
}

function ofSeen({ fault, ...seen }: SeenGpu, before: Gpu | undefined, facts: Facts): Gpu {
  const earlier = { state: 'ok', reason: null, since: new Date(facts.nowMs).toISOString(), lastError: null, ...before } as const;
  const { state, reason, since, lastError } = earlier;
  return judged({ ...seen, state, reason, since, lastError, sampledAt: new Date(facts.readAtMs).toISOString() }, fault, facts);
}

/** The worst that is held against it, and since when. */
function judged(gpu: Gpu, fault: Mark | null, facts: Facts): Gpu {
  const against = [fault, facts.marks.get(gpu.uuid) ?? null].filter((one) => one !== null);
  const worst = against.find((one) => one.state === 'lost') ?? against[0];
  const state = worst?.state ?? 'ok';
  const error = facts.errors.get(busKey(gpu.busId));
  return {
    ...gpu,
    state,
    reason: worst?.reason ?? null,
    since: state === gpu.state ? gpu.since : new Date(facts.nowMs).toISOString(),
    lastError: error === undefined ? gpu.lastError : { at: new Date(error.atMs).toISOString(), message: error.message },
    // What a lost device was doing says nothing any more.
    ...(state === 'lost' ? { processes: [], utilizationPercent: null, temperatureC: null, powerW: null } : {}),
  };
}

function sorted(gpus: readonly Gpu[]): ReadonlyMap<string, Gpu> {
  const card = (gpu: Gpu): number => gpu.partOf?.index ?? gpu.index;
  return new Map(gpus.toSorted((a, b) => card(a) - card(b) || a.index - b.index || (a.uuid < b.uuid ? -1 : 1)).map((gpu) => [gpu.uuid, gpu]));
}
