/** Devices as nvidia-smi reports them. Never allocates; what is granted stands in the ledger. No nvidia-smi: no devices. */
import { execFile } from 'node:child_process';
import type * as z from 'zod';
import type { gpu } from '../contract/jobs.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';

export type Gpu = z.infer<typeof gpu>;

const FIELDS = ['index', 'uuid', 'name', 'memory.total', 'memory.used', 'utilization.gpu', 'temperature.gpu', 'power.draw'];
const MIB = 1024 * 1024;
/** A driver that is being reset can hang; a page must not. */
const TIMEOUT_MS = 5_000;
/** Asked at most this often, however many pages look. */
const FRESH_MS = 2_000;

export interface Devices {
  /** Every device, at most two seconds old; empty when there is no driver. */
  list(): Promise<readonly Gpu[]>;
}

export function createDevices(parts: { readonly clock: Clock; readonly log: Logger }): Devices {
  let last: { readonly atMs: number; readonly sample: Promise<readonly Gpu[]> } | undefined;
  return {
    list() {
      const atMs = parts.clock.monotonic();
      if (last === undefined || atMs - last.atMs >= FRESH_MS) last = { atMs, sample: sample(parts) };
      return last.sample;
    },
  };
}

function sample(parts: { readonly clock: Clock; readonly log: Logger }): Promise<readonly Gpu[]> {
  return new Promise((resolve) => {
    execFile(
      'nvidia-smi',
      [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'],
      { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
      (error, stdout) => {
        if (error !== null && error.code !== 'ENOENT') parts.log.warn({ cause: error.message }, 'nvidia-smi failed; no devices are shown');
        resolve(error === null ? parseDevices(stdout, new Date(parts.clock.now())) : []);
      },
    );
  });
}

/** Reads nvidia-smi's CSV (noheader, nounits; memory in MiB, power in W). `[N/A]` and `[Not Supported]` become null; lines it can't read are left out. */
export function parseDevices(csv: string, sampledAt: Date): readonly Gpu[] {
  return csv.split('\n').flatMap((line): Gpu[] => {
    const [index, uuid, name, total, used, utilization, temperature, power] = line.split(',').map((cell) => cell.trim());
    const [indexNumber, totalMib, usedMib] = [index, total, used].map((cell) => numberOf(cell));
    if (indexNumber === null || indexNumber === undefined || uuid === undefined || name === undefined || totalMib === null || totalMib === undefined) return [];
    return [
      {
        index: indexNumber,
        uuid,
        name,
        memoryTotalBytes: totalMib * MIB,
        memoryUsedBytes: (usedMib ?? 0) * MIB,
        utilizationPercent: numberOf(utilization),
        temperatureC: numberOf(temperature),
        powerW: numberOf(power),
        sampledAt: sampledAt.toISOString(),
      },
    ];
  });
}

function numberOf(cell: string | undefined): number | null {
  return cell !== undefined && /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : null;
}
