/** Who had the memory of a device over time: what is noted of a moment, and what is told of a day. Pure but for reading /proc (gpu/usage). */
import type * as z from 'zod';
import type { gpuHistory } from '../contract/gpus.ts';
import type { Gpu } from '../gpu/device.ts';
import { usageOf, type DeviceTenant } from '../gpu/usage.ts';
import type { GpuTenantSample } from '../store/machine-history.ts';

type TenantHistory = z.infer<typeof gpuHistory>['items'][number]['tenants'];

/** Tenants of a device at this moment. Where the driver does not tell what each process uses, what was granted counts as used, up to what is in use. */
export function tenantSamplesOf(at: Date, gpu: Gpu | undefined, tenantsOn: (uuid: string) => readonly DeviceTenant[]): readonly GpuTenantSample[] {
  const tenants = gpu === undefined ? [] : tenantsOn(gpu.uuid);
  if (gpu === undefined || tenants.length === 0) return [];
  const { processes } = usageOf(gpu, tenants);
  return tenants.map((tenant) => {
    const own = processes.filter((process) => process.tenant?.id === tenant.id);
    const isTold = own.length > 0 && own.every((process) => process.memoryBytes !== null);
    const usedBytes = isTold ? own.reduce((sum, process) => sum + (process.memoryBytes ?? 0), 0) : Math.min(tenant.bytes, gpu.memoryUsedBytes);
    const { id, kind, orgId, name } = tenant;
    return { at, uuid: gpu.uuid, tenantId: id, kind, orgId, name: name ?? null, grantedBytes: tenant.bytes, usedBytes };
  });
}

/** @param samples of one device, oldest first  @param orgId who asks */
export function tenantHistory(samples: readonly GpuTenantSample[], stepMs: number, orgId: string): TenantHistory {
  const isOwn = (sample: GpuTenantSample): boolean => sample.orgId === null || sample.orgId === orgId;
  const byTenant = Map.groupBy(samples, (sample) => (isOwn(sample) ? sample.tenantId : `other ${sample.kind}`));
  return [...byTenant.values()].flatMap((list) => {
    const last = list.at(-1);
    if (last === undefined) return [];
    const who = isOwn(last) ? { id: last.tenantId, name: last.name ?? last.tenantId } : { id: null, name: `another organisation's ${last.kind}` };
    return [{ kind: last.kind, ...who, points: pointsOf(list, stepMs) }];
  });
}

/** Of a step the most; of several tenants in one moment (others' in one) the sum. */
function pointsOf(list: readonly GpuTenantSample[], stepMs: number): TenantHistory[number]['points'] {
  const moments = [...Map.groupBy(list, (sample) => sample.at.getTime())].map(([atMs, same]) => ({
    atMs,
    grantedBytes: same.reduce((sum, one) => sum + one.grantedBytes, 0),
    usedBytes: same.reduce((sum, one) => sum + one.usedBytes, 0),
  }));
  return [...Map.groupBy(moments, ({ atMs }) => Math.floor(atMs / stepMs) * stepMs)].map(([atMs, same]) => ({
    at: new Date(atMs).toISOString(),
    grantedBytes: Math.max(...same.map((one) => one.grantedBytes)),
    usedBytes: Math.max(...same.map((one) => one.usedBytes)),
  }));
}
