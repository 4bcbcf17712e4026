/** Keeps what the machine and its devices did: a point a minute, for a day, also across restarts. Devices are averaged over their samples of the
 *  minute (memory: the most). Points that can't be written wait; a machine whose database is away for an hour has a gap of what is older. */
import { readFile, statfs } from 'node:fs/promises';
import type * as z from 'zod';
import type { gpuHistory, systemMetrics } from '../contract/gpus.ts';
import type { Devices, Gpu } from '../gpu/device.ts';
import type { DeviceTenant } from '../gpu/usage.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { SqlPool } from '../store/client.ts';
import {
  deleteSamplesBefore,
  listGpuSamples,
  listSystemSamples,
  listTenantSamples,
  writeSamples,
  writeTenantSamples,
  type GpuSample,
  type GpuTenantSample,
  type SystemSample,
} from '../store/machine-history.ts';
import { createMachineLoad } from './machine-load.ts';
import { tenantHistory, tenantSamplesOf } from './tenant-history.ts';

export interface MachineHistory {
  /** @param orgId who asks: tenants of others are told by their kind alone */
  gpus(minutes: number, orgId: string): Promise<z.infer<typeof gpuHistory>>;
  system(minutes: number): Promise<z.infer<typeof systemMetrics>>;
  start(): void;
  stop(): Promise<void>;
}

export interface MachineHistoryParts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly devices: Pick<Devices, 'onSample'>;
  /** Who holds memory of a device now. */
  readonly tenantsOn: (uuid: string) => readonly DeviceTenant[];
  /** Whose volume is measured. */
  readonly workspacePath: string;
  /** What Studio did and stood on in the minute; without it that is not known. */
  readonly work?: (() => Promise<WorkSample>) | undefined;
}

export type WorkSample = Pick<
  SystemSample,
  'loopDelayMs' | 'databaseConnections' | 'queuedJobs' | 'runningJobs' | 'stepsPerS' | 'requestsPerS' | 'processBytes'
>;

const NO_WORK: WorkSample = {
  ...{ loopDelayMs: null, databaseConnections: null, queuedJobs: null, runningJobs: null, stepsPerS: null, requestsPerS: null, processBytes: null },
};

const STEP_MS = 60_000;
/** A day of eight cards in minutes is a megabyte; a chart of it is no wider than this. */
const COARSE_FROM_MINUTES = 360;
const COARSE_MS = 300_000;
export const HISTORY_KEPT_MS = 24 * 3_600_000;
/** A page that is opened right after the start has something to show. */
const FIRST_MS = 3_000;
const MAX_WAITING = 60;

interface Minute {
  readonly system: SystemSample;
  readonly gpus: readonly GpuSample[];
  readonly tenants: readonly GpuTenantSample[];
}

export function createMachineHistory({ sql, clock, log, devices, tenantsOn, workspacePath, work }: MachineHistoryParts): MachineHistory {
  const readLoad = createMachineLoad({ clock });
  const readNetwork = createNetworkRate(clock);
  const samples = new Map<string, Gpu[]>();
  let waiting: readonly Minute[] = [];
  let writing: Promise<void> = Promise.resolve();
  let cancel = (): void => undefined;
  let endSamples = (): void => undefined;

  async function take(at: Date, taken: readonly (readonly Gpu[])[], tenants: readonly GpuTenantSample[]): Promise<void> {
    const [load, disk, network, worked] = await Promise.all([readLoad(), statfs(workspacePath), readNetwork(), work?.() ?? NO_WORK]);
    const system = {
      at,
      cpuShare: load.cpuShare,
      memoryUsedBytes: load.memoryUsedBytes,
      memoryTotalBytes: load.memoryTotalBytes,
      diskUsedBytes: (disk.blocks - disk.bfree) * disk.bsize,
      // As df counts its share: what the file system keeps back is neither used nor free.
      diskTotalBytes: (disk.blocks - disk.bfree + disk.bavail) * disk.bsize,
      ...network,
      ...worked,
    };
    waiting = [...waiting, { system, gpus: taken.flatMap((one) => averageOf(at, one) ?? []), tenants }].slice(-MAX_WAITING);
    await write(at);
  }

  async function write(at: Date): Promise<void> {
    try {
      // Serial: each minute is gone from memory once it is written.
      for (let [minute] = waiting; minute !== undefined; [minute] = waiting) {
        const { system, gpus, tenants } = minute;
        await sql.transaction(async (tx) => {
          await writeSamples(tx, system, gpus);
          await writeTenantSamples(tx, system.at, tenants);
        });
        waiting = waiting.slice(1);
      }
      await deleteSamplesBefore(sql, new Date(at.getTime() - HISTORY_KEPT_MS));
    } catch (error) {
      log.debug({ cause: messageOf(error), waiting: waiting.length }, 'a point of the history waits for the database');
    }
  }

  function plan(delayMs: number): void {
    cancel = clock.after(delayMs, () => {
      plan(STEP_MS - (clock.now() % STEP_MS));
      // What belongs to the minute is taken now, however long the one before is still being written.
      const at = new Date(Math.floor(clock.now() / STEP_MS) * STEP_MS);
      const taken = [...samples.values()];
      samples.clear();
      const tenants = taken.flatMap((one) => tenantSamplesOf(at, one.at(-1), tenantsOn));
      writing = writing
        .then(() => take(at, taken, tenants))
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the machine could not be measured'));
    });
  }

  const since = (minutes: number): Date => new Date(clock.now() - minutes * STEP_MS);
  return {
    async gpus(minutes, orgId) {
      const stepMs = minutes > COARSE_FROM_MINUTES ? COARSE_MS : STEP_MS;
      const [gpus, tenants] = await Promise.all([listGpuSamples(sql, since(minutes)), listTenantSamples(sql, since(minutes))]);
      const found = Map.groupBy(gpus, (one) => one.uuid);
      const held = Map.groupBy(tenants, (one) => one.uuid);
      const items = [...found.values()].flatMap((list) => {
        const last = list.at(-1);
        if (last === undefined) return [];
        return [
          {
            uuid: last.uuid,
            index: last.gpuIndex,
            name: last.name,
            memoryTotalBytes: last.memoryTotalBytes,
            points: coarse(list, stepMs).map((one) => ({ at: one.at.toISOString(), ...valuesOf(one) })),
            tenants: tenantHistory(held.get(last.uuid) ?? [], stepMs, orgId),
          },
        ];
      });
      return { minutes, stepMs, items: items.toSorted((a, b) => a.index - b.index) };
    },
    async system(minutes) {
      const [points, gpus] = await Promise.all([listSystemSamples(sql, since(minutes)), listGpuSamples(sql, since(minutes))]);
      const byMinute = Map.groupBy(gpus, (one) => one.at.getTime());
      return {
        minutes,
        stepMs: STEP_MS,
        points: points.map(({ at, receivedBytesPerS, sentBytesPerS, ...rest }) => ({
          at: at.toISOString(),
          ...rest,
          networkReceivedBytesPerS: receivedBytesPerS,
          networkSentBytesPerS: sentBytesPerS,
          gpus: (byMinute.get(at.getTime()) ?? []).map((one) => ({ uuid: one.uuid, index: one.gpuIndex, ...valuesOf(one) })),
        })),
      };
    },
    start() {
      endSamples = devices.onSample((gpus) => {
        for (const gpu of gpus) if (gpu.state !== 'lost') samples.set(gpu.uuid, [...(samples.get(gpu.uuid) ?? []), gpu]);
      });
      plan(FIRST_MS);
    },
    async stop() {
      cancel();
      endSamples();
      await writing;
    },
  };
}

function valuesOf({ utilizationPercent, memoryUsedBytes, temperatureC, powerW }: GpuSample) {
  return { utilizationPercent, memoryUsedBytes, temperatureC, powerW };
}

/** One point for each step: means, and the most of the memory. */
function coarse(points: readonly GpuSample[], stepMs: number): readonly GpuSample[] {
  if (stepMs === STEP_MS) return points;
  const steps = Map.groupBy(points, (one) => Math.floor(one.at.getTime() / stepMs) * stepMs);
  return [...steps].flatMap(([atMs, list]) => {
    const last = list.at(-1);
    return last === undefined ? [] : [{ ...last, at: new Date(atMs), ...meansOf(list) }];
  });
}

function averageOf(at: Date, gpus: readonly Gpu[]): GpuSample | undefined {
  const last = gpus.at(-1);
  if (last === undefined) return undefined;
  return { at, uuid: last.uuid, gpuIndex: last.index, name: last.name, memoryTotalBytes: last.memoryTotalBytes, ...meansOf(gpus) };
}

type Values = Pick<GpuSample, 'memoryUsedBytes' | 'utilizationPercent' | 'temperatureC' | 'powerW'>;

function meansOf(values: readonly Values[]): Values {
  return {
    memoryUsedBytes: Math.max(...values.map((one) => one.memoryUsedBytes)),
    utilizationPercent: mean(values.map((one) => one.utilizationPercent)),
    temperatureC: mean(values.map((one) => one.temperatureC)),
    powerW: mean(values.map((one) => one.powerW)),
  };
}

/** Of those that are known; null when none is. */
function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.round((known.reduce((sum, value) => sum + value, 0) / known.length) * 10) / 10;
}

type Rates = Pick<SystemSample, 'receivedBytesPerS' | 'sentBytesPerS'>;

/** Bytes a second since the reading before, over all interfaces but the loopback; null at the first. */
function createNetworkRate(clock: Clock): () => Promise<Rates> {
  let before: { readonly atMs: number; readonly received: number; readonly sent: number } | undefined;
  return async () => {
    const now = { atMs: clock.monotonic(), ...totalsOf(await readFile('/proc/net/dev', 'utf8').catch(() => '')) };
    const last = before;
    before = now;
    if (last === undefined || now.atMs <= last.atMs) return { receivedBytesPerS: null, sentBytesPerS: null };
    const rate = (bytes: number): number => Math.max(0, Math.round((bytes * 1_000) / (now.atMs - last.atMs)));
    return { receivedBytesPerS: rate(now.received - last.received), sentBytesPerS: rate(now.sent - last.sent) };
  };
}

function totalsOf(text: string): { readonly received: number; readonly sent: number } {
  const lines = [...text.matchAll(/^\s*([^:\s]+):\s*(\d+)(?:\s+\d+){7}\s+(\d+)/gm)].filter(([, name]) => name !== 'lo');
  const sum = (field: number): number => lines.reduce((total, line) => total + Number(line[field]), 0);
  return { received: sum(2), sent: sum(3) };
}
