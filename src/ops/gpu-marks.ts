/** Devices that are held back: drained by a person, or broken by an error the driver logged. Kept across restarts of Studio; what broke is tried again
 *  after a restart of the machine. Never ends a tenant: the ledger does, told by the device's own change. */
import type { Devices, Gpu } from '../gpu/device.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { bootId } from '../kernel/process-identity.ts';
import type { SqlPool } from '../store/client.ts';
import { deleteGpuMark, deleteGpuMarksOfOtherBoots, listGpuMarks, writeGpuMark } from '../store/gpu-marks.ts';

export interface GpuMarks {
  /** Nothing new is granted on it. @throws AppError not_found */
  drain(uuid: string, reason: string): Promise<Gpu>;
  /** @throws AppError not_found; conflict: nothing is held against it, or what is can't be lifted by a wish */
  resume(uuid: string): Promise<Gpu>;
  start(): Promise<void>;
  stop(): void;
}

export function createGpuMarks(parts: { readonly sql: SqlPool; readonly clock: Clock; readonly log: Logger; readonly devices: Devices }): GpuMarks {
  const { sql, clock, log, devices } = parts;
  let end = (): void => undefined;
  const find = async (uuid: string): Promise<Gpu> =>
    (await devices.list()).find((gpu) => gpu.uuid === uuid) ?? fail('not_found', `There is no device ${uuid}; GET /api/v1/gpus lists them.`);
  const write = (uuid: string, mark: { readonly state: 'draining' | 'lost'; readonly reason: string }, boot: string | null): Promise<void> =>
    writeGpuMark(sql, { uuid, ...mark, bootId: boot, markedAt: new Date(clock.now()) });
  return {
    async drain(uuid, reason) {
      await find(uuid);
      const mark = { state: 'draining', reason } as const;
      await write(uuid, mark, null);
      devices.mark(uuid, mark);
      return find(uuid);
    },
    async resume(uuid) {
      const gpu = await find(uuid);
      const wasMarked = await deleteGpuMark(sql, uuid);
      devices.mark(uuid, null);
      const now = await find(uuid);
      if (!wasMarked && gpu.state === 'ok') fail('conflict', `GPU ${gpu.index} (${gpu.name}) is in use already: nothing is held against it.`);
      if (now.state !== 'ok')
        fail('conflict', `GPU ${now.index} (${now.name}) can't be used yet: ${now.reason ?? now.state}. Mend that first; it comes back by itself then.`);
      return now;
    },
    async start() {
      await deleteGpuMarksOfOtherBoots(sql, bootId());
      for (const { uuid, state, reason } of await listGpuMarks(sql)) devices.mark(uuid, { state, reason });
      end = devices.onBroken((uuid, mark) => {
        write(uuid, mark, bootId()).catch((error: unknown) =>
          log.warn({ uuid, cause: messageOf(error) }, 'a broken device is not remembered across a restart'),
        );
      });
    },
    stop: () => end(),
  };
}
