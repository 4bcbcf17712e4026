/** The devices as the ledger counts them: what is kept back, what others use, and what each tenant uses. Reckoned once per look at the devices, with the tenants
 *  of that moment: what a tenant used that has gone since is nobody's, and is free. */
import type { Devices, Gpu } from './device.ts';
import type { PolicyDevice } from './policy-state.ts';
import { usageOf, type DeviceTenant } from './usage.ts';

export interface LedgerDevices {
  list(): readonly PolicyDevice[];
  /** What a tenant used at the last look, on the device where it used most; undefined: the driver does not tell. */
  usedBy(tenantId: string): number | undefined;
  /** A new look, with those who are tenants now. */
  look(gpus: readonly Gpu[]): void;
}

export interface LedgerDevicesParts {
  readonly devices: Pick<Devices, 'last'>;
  readonly reserveBytes: number;
  readonly tenantsOn: (uuid: string) => readonly DeviceTenant[];
}

interface Looked {
  readonly externalBytes: number;
  readonly usedBy: ReadonlyMap<string, number>;
}

export function createLedgerDevices({ devices, reserveBytes, tenantsOn }: LedgerDevicesParts): LedgerDevices {
  let looks = new Map<string, Looked>();
  /** Used by nobody's processes while there was no tenant: the driver itself. */
  const bare = new Map<string, number>();
  /** Processes of tenants as last seen: they may be gone, or going, at the next look, and their memory is not somebody else's then. */
  let pids = new Map<string, ReadonlySet<number>>();

  function lookAt(gpu: Gpu): Looked {
    const tenants = tenantsOn(gpu.uuid);
    const { processes, externalBytes } = usageOf(gpu, tenants);
    const known = pids.get(gpu.uuid);
    pids.set(gpu.uuid, new Set(processes.filter((one) => one.tenant !== null).map((one) => one.pid)));
    const going = processes.filter((one) => one.tenant === null && known?.has(one.pid) === true).reduce((sum, one) => sum + (one.memoryBytes ?? 0), 0);
    if (tenants.length === 0) bare.set(gpu.uuid, gpu.memoryUsedBytes);
    return { externalBytes: Math.max(0, externalBytes - going), usedBy: usedByTenant(gpu, tenants, processes) };
  }

  function usedByTenant(gpu: Gpu, tenants: readonly DeviceTenant[], processes: ReturnType<typeof usageOf>['processes']): ReadonlyMap<string, number> {
    const used = new Map<string, number>();
    for (const { tenant, memoryBytes } of processes) if (tenant !== null && memoryBytes !== null) used.set(tenant.id, (used.get(tenant.id) ?? 0) + memoryBytes);
    const [only, ...others] = tenants;
    // Where the driver hides processes, who is alone on a device uses what is used of it.
    if (only !== undefined && others.length === 0 && gpu.processes.length === 0)
      used.set(only.id, Math.max(0, gpu.memoryUsedBytes - (bare.get(gpu.uuid) ?? 0)));
    return used;
  }

  const look = (gpus: readonly Gpu[]): void => {
    looks = new Map(gpus.map((gpu) => [gpu.uuid, lookAt(gpu)]));
    pids = new Map([...pids].filter(([uuid]) => looks.has(uuid)));
  };
  return {
    look,
    list() {
      return devices.last().map((gpu) => ({
        uuid: gpu.uuid,
        index: gpu.index,
        totalBytes: gpu.memoryTotalBytes,
        reserveBytes: Math.min(reserveBytes, gpu.memoryTotalBytes),
        externalBytes: looks.get(gpu.uuid)?.externalBytes ?? 0,
        isUsable: gpu.state === 'ok',
      }));
    },
    usedBy(tenantId) {
      const used = [...looks.values()].flatMap((one) => one.usedBy.get(tenantId) ?? []);
      return used.length === 0 ? undefined : Math.max(...used);
    },
  };
}
