/** The machine's devices: found by nvidia-smi, else rocm-smi, and looked at again every two seconds while somebody uses them.
 *  Never allocates: what is granted stands in the ledger. Knows no database: ops keeps the history.
 *  One thing to know: a device is its uuid; its number changes when another one is lost. */
import type * as z from 'zod';
import type { gpu, gpuDetection } from '../contract/gpus.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import { createAmd } from './amd.ts';
import { createNvidia } from './nvidia.ts';
import { createProgramRunner } from './program.ts';
import { busKey, type Reading } from './reading.ts';
import { nextKnown, type Facts, type Known, type Mark } from './device-state.ts';
import { createKernelLog } from './xid.ts';

/** A device without what only the ledger knows: whose its processes are. */
export type Gpu = Omit<z.infer<typeof gpu>, 'processes' | 'memoryExternalBytes'> & {
  readonly processes: readonly { readonly pid: number; readonly name: string; readonly memoryBytes: number | null }[];
};
export type Detection = z.infer<typeof gpuDetection>;

export interface DeviceChange {
  readonly gpu: Gpu;
  /** null: it was not known before. */
  readonly previous: Gpu['state'] | null;
}

export interface Devices {
  /** Every device, lost ones too, at most two seconds old; older only while the driver takes its time. Empty where there are none, and while `unknown` says so.
   *  By index. */
  list(): Promise<readonly Gpu[]>;
  /** The same, once they were asked for the first time, however long that takes. */
  found(): Promise<readonly Gpu[]>;
  /** Why it can't be said yet which devices there are; undefined: it can. */
  unknown(): string | undefined;
  /** The same as seen last, without looking. */
  last(): readonly Gpu[];
  detection(): Detection;
  /** From now on they are looked at every two seconds. @returns ends that; a second call does nothing */
  use(): () => void;
  /** Told when a device appears, comes back, or changes its state or the reason. `lost`: end its tenants, with `gpu.reason`.
   *  @returns ends the subscription */
  onChange(listener: (change: DeviceChange) => void): () => void;
  /** Told after every look, also one without change. */
  onSample(listener: (gpus: readonly Gpu[]) => void): () => void;
  /** Told of an error in the kernel's log that makes a device unfit until a person says otherwise. */
  onBroken(listener: (uuid: string, mark: Mark) => void): () => void;
  /** Holds something against a device, or no more (null); it shows at once. */
  mark(uuid: string, mark: Mark | null): void;
  /** Looks for the first time, and then again and again. Does not wait. */
  start(): void;
  stop(): Promise<void>;
}

/** While used; as fresh as a page needs. */
const USED_MS = 2_000;
const IDLE_MS = 30_000;
// nvidia-smi takes 30 to 700 ms on eight cards.
const PATIENCE_MS = 1_500;
/** Who asks for the list once is likely to ask again: a page. */
const LOOKED_AT_MS = 10_000;

export interface DevicesParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly kernelLogPath?: string;
}

export function createDevices({ clock, log, kernelLogPath = '/dev/kmsg' }: DevicesParts): Devices {
  const runner = createProgramRunner(clock);
  const programs = [createNvidia(runner), createAmd(runner)];
  const kernelLog = createKernelLog(kernelLogPath);
  const listeners = {
    change: new Set<(change: DeviceChange) => void>(),
    sample: new Set<(gpus: readonly Gpu[]) => void>(),
    broken: new Set<(uuid: string, mark: Mark) => void>(),
  };
  const marks = new Map<string, Mark>();
  const errors = new Map<string, { atMs: number; message: string }>();
  let known: Known = { gpus: new Map(), failures: 0 };
  let readings: readonly Reading[] = [];
  let readAtMs = clock.now();
  let looking: Promise<void> | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let listedAt = Number.NEGATIVE_INFINITY;
  let users = 0;
  let isRunning = false;
  let cancel = (): void => undefined;

  const gpus = (): readonly Gpu[] => [...known.gpus.values()];
  const facts = (): Facts => ({ nowMs: clock.now(), readAtMs, marks, errors });

  function look(): Promise<void> {
    looking ??= lookOnce().finally(() => {
      looking = undefined;
      lookedAt = clock.monotonic();
      plan();
    });
    return looking;
  }

  /** Waits for a look, not long: a driver that hangs must not hold who asks. */
  function lookPatiently(): Promise<void> {
    const looked = look();
    return new Promise((resolve, reject) => {
      const cancelPatience = clock.after(PATIENCE_MS, resolve);
      looked.then(resolve, reject).finally(cancelPatience);
    });
  }

  async function lookOnce(): Promise<void> {
    await noticeErrors();
    readings = await ask();
    readAtMs = clock.now();
    const reading = chosen(readings);
    if (reading === undefined) return;
    if (reading.kind === 'fault' && known.failures === 0) log.warn({ cause: reading.reason }, 'devices can not be read');
    adopt(nextKnown(known, reading, facts()));
    if (gpus().length > 0) await kernelLog.open();
    for (const listener of listeners.sample) listener(gpus());
  }

  /** Each program until one shows devices. What was killed and lives on is not joined by another one. */
  async function ask(): Promise<readonly Reading[]> {
    const [pid] = runner.stuck();
    const program = chosen(readings)?.program;
    if (pid !== undefined && program !== undefined) {
      const fault = { kind: 'fault', program, isHang: true, reason: `${program} (process ${pid}) hangs in the driver and can't even be killed` } as const;
      return readings.map((one) => (one.program === program ? fault : one));
    }
    const found: Reading[] = [];
    for (const one of programs) {
      const reading = await one();
      found.push(reading);
      // LIMIT: a machine with cards of both makers shows those of the first.
      if (showsDevices(reading) || (reading.kind === 'fault' && known.gpus.size > 0)) break;
    }
    return found;
  }

  async function noticeErrors(): Promise<void> {
    for (const xid of await kernelLog.read()) {
      errors.set(xid.bus, { atMs: clock.now(), message: xid.message });
      const hit = gpus().filter((one) => busKey(one.busId) === xid.bus);
      log.warn({ bus: xid.bus, cause: xid.message, devices: hit.map((one) => one.uuid) }, 'the driver logged an error of a device');
      if (xid.state === null) continue;
      const mark = { state: xid.state, reason: xid.message };
      for (const { uuid } of hit) {
        marks.set(uuid, mark);
        for (const listener of listeners.broken) listener(uuid, mark);
      }
    }
  }

  function adopt(next: Known): void {
    const before = known.gpus;
    known = next;
    for (const device of next.gpus.values()) {
      const was = before.get(device.uuid);
      if (was !== undefined && was.state === device.state && was.reason === device.reason) continue;
      log.info({ uuid: device.uuid, index: device.index, state: device.state, reason: device.reason }, 'a device changed');
      for (const listener of listeners.change) listener({ gpu: device, previous: was?.state ?? null });
    }
  }

  function unknown(): string | undefined {
    if (gpus().length > 0) return undefined;
    const reading = chosen(readings);
    if (reading === undefined) return 'the devices are still being asked for';
    // A driver that says what is wrong has no devices to give; one that says nothing may have.
    return reading.kind === 'fault' && reading.isHang ? reading.reason : undefined;
  }

  function plan(): void {
    cancel();
    if (!isRunning) return;
    const isUsed = users > 0 || clock.monotonic() - listedAt < LOOKED_AT_MS;
    cancel = clock.after(isUsed ? USED_MS : IDLE_MS, () => void look());
  }

  /** Soon: somebody needs to know. */
  function wake(): void {
    if (isRunning && looking === undefined && clock.monotonic() - lookedAt >= USED_MS) void look();
    else if (looking === undefined) plan();
  }

  return {
    async list() {
      listedAt = clock.monotonic();
      if (clock.monotonic() - lookedAt >= USED_MS) await lookPatiently();
      return gpus();
    },
    async found() {
      if (readings.length === 0) await look();
      return gpus();
    },
    unknown,
    last: gpus,
    detection: () => ({ ...detectionOf(readings), unknown: unknown() ?? null }),
    use() {
      users += 1;
      wake();
      let isUsed = true;
      return () => {
        if (isUsed) users -= 1;
        isUsed = false;
      };
    },
    onChange: (listener) => subscribe(listeners.change, listener),
    onSample: (listener) => subscribe(listeners.sample, listener),
    onBroken: (listener) => subscribe(listeners.broken, listener),
    mark(uuid, mark) {
      if (mark === null) marks.delete(uuid);
      else marks.set(uuid, mark);
      const reading = chosen(readings);
      if (reading !== undefined) adopt({ ...nextKnown(known, reading, facts()), failures: known.failures });
    },
    start() {
      isRunning = true;
      void look();
    },
    async stop() {
      isRunning = false;
      cancel();
      await looking;
      kernelLog.close();
    },
  };
}

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The one to go by: that shows devices, else that says why not. */
function chosen(readings: readonly Reading[]): Reading | undefined {
  return readings.find(showsDevices) ?? readings.find((one) => one.kind !== 'absent') ?? readings[0];
}

function showsDevices(reading: Reading): boolean {
  return reading.kind === 'devices' && (reading.gpus.length > 0 || reading.unreadable.length > 0);
}

function detectionOf(readings: readonly Reading[]): Omit<Detection, 'unknown'> {
  const faults = readings.flatMap((one) => {
    if (one.kind === 'fault') return [one.reason];
    return one.kind === 'devices' ? one.unreadable.map(({ busId, reason }) => `the card at ${busId} can't be read: ${reason}`) : [];
  });
  return {
    program: readings.find((one) => one.kind === 'devices')?.program ?? null,
    lookedFor: readings.map((one) => ({ program: one.program, found: one.kind !== 'absent', about: aboutOf(one) })),
    faults,
  };
}

function aboutOf(reading: Reading): string {
  if (reading.kind === 'absent') return reading.about;
  if (reading.kind === 'fault') return reading.reason;
  return reading.gpus.length === 0 ? 'it lists no device' : `${reading.gpus.length} ${reading.gpus.length === 1 ? 'device' : 'devices'}`;
}
