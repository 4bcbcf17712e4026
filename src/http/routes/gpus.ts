/** Devices and the machine's history. Facts of the machine: everybody signed in may read them, but another org's tenant has no id. */
import type * as z from 'zod';
import { gpuEndpoints, type gpu } from '../../contract/gpus.ts';
import type { Devices, Gpu } from '../../gpu/device.ts';
import { usageOf, type DeviceTenant } from '../../gpu/usage.ts';
import type { GpuMarks } from '../../ops/gpu-marks.ts';
import type { MachineHistory } from '../../ops/machine-history.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export interface GpuRouteParts {
  readonly devices: Pick<Devices, 'list' | 'detection'>;
  readonly marks: Pick<GpuMarks, 'drain' | 'resume'>;
  readonly history: Pick<MachineHistory, 'gpus' | 'system'>;
  /** Who holds leases on a device. */
  readonly tenantsOn: (uuid: string) => readonly DeviceTenant[];
}

export function gpuRoutes({ devices, marks, history, tenantsOn }: GpuRouteParts): readonly Route[] {
  const replyOf = (device: Gpu, orgId: string): z.infer<typeof gpu> => {
    const { processes, externalBytes } = usageOf(device, tenantsOn(device.uuid));
    return {
      ...device,
      memoryExternalBytes: externalBytes,
      processes: processes.map(({ tenant, ...process }) => ({
        ...process,
        tenant: tenant === null ? null : { kind: tenant.kind, id: tenant.orgId === orgId || tenant.orgId === null ? tenant.id : null },
      })),
    };
  };
  return routesOf(gpuEndpoints, {
    'GET /api/v1/gpus': async (call) => {
      const cursor = await call.cursor();
      const all = (await devices.list()).map((device) => replyOf(device, call.caller.orgId));
      const { limit, after } = call.query;
      return { body: { ...pageOfAll(all, { limit, after, nameOf: (device) => device.uuid, cursor }), detection: devices.detection() } };
    },
    'GET /api/v1/gpus/history': async (call) => ({ body: await history.gpus(call.query.minutes, call.caller.orgId) }),
    'POST /api/v1/gpus/{uuid}/drain': async (call) => ({ body: replyOf(await marks.drain(call.params.uuid, call.body.reason), call.caller.orgId) }),
    'POST /api/v1/gpus/{uuid}/resume': async (call) => ({ body: replyOf(await marks.resume(call.params.uuid), call.caller.orgId) }),
    'GET /api/v1/system/metrics': async (call) => ({ body: await history.system(call.query.minutes) }),
  });
}
