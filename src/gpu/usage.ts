/** Who uses a device's memory: tenants of the ledger, or somebody Studio knows nothing of. Reads /proc; decides nothing. */
import { readFileSync } from 'node:fs';
import { readProcess } from '../kernel/process-identity.ts';
import type { SeenProcess } from './reading.ts';

/** A lease on one device. */
export interface DeviceTenant {
  readonly kind: 'job' | 'model' | 'service';
  /** The job's, model's or service's. */
  readonly id: string;
  readonly orgId: string | null;
  /** As people call it. */
  readonly name?: string | undefined;
  /** What it was granted there. */
  readonly bytes: number;
  /** Its first process; undefined: not started yet, or not known. */
  readonly pid?: number | undefined;
}

export interface DeviceUsage {
  readonly processes: readonly (SeenProcess & { readonly tenant: DeviceTenant | null })[];
  /** Used, and not by a tenant. */
  readonly externalBytes: number;
}

interface Used {
  readonly memoryUsedBytes: number;
  readonly processes: readonly SeenProcess[];
}

/** @param tenants of this device  @param ownerOf which of them a process belongs to; default: by its ancestors, its group and its environment */
export function usageOf(
  gpu: Used,
  tenants: readonly DeviceTenant[],
  ownerOf: (pid: number) => DeviceTenant | null = (pid) => tenantOf(pid, tenants),
): DeviceUsage {
  const processes = gpu.processes.map((process) => ({ ...process, tenant: tenants.length === 0 ? null : ownerOf(process.pid) }));
  const ours = processes.filter((process) => process.tenant !== null);
  const isTold = ours.length > 0 && ours.every((process) => process.memoryBytes !== null);
  // Where the driver hides processes or their memory (containers), what was granted counts as used by its tenants.
  const tenantBytes = isTold ? ours.reduce((sum, process) => sum + (process.memoryBytes ?? 0), 0) : tenants.reduce((sum, tenant) => sum + tenant.bytes, 0);
  return { processes, externalBytes: Math.max(0, gpu.memoryUsedBytes - tenantBytes) };
}

// Deeper than any job's tree of shells is; a chain that does not end is no chain.
const MAX_ANCESTORS = 64;

function tenantOf(pid: number, tenants: readonly DeviceTenant[]): DeviceTenant | null {
  const byPid = (one: number): DeviceTenant | undefined => tenants.find((tenant) => tenant.pid === one);
  const group = readProcess(pid)?.groupId;
  let at = pid;
  for (let step = 0; step < MAX_ANCESTORS && at > 1; step++) {
    const found = byPid(at);
    if (found !== undefined) return found;
    at = readProcess(at)?.parentPid ?? 0;
  }
  const ofGroup = group === undefined ? undefined : byPid(group);
  return ofGroup ?? tenants.find((tenant) => tenant.id === jobOf(pid)) ?? null;
}

/** A process that left its parents still carries the job's id. */
function jobOf(pid: number): string | undefined {
  try {
    return /(?:^|\0)STUDIO_JOB_ID=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))?.[1];
  } catch {
    return undefined; // Gone, another user's, or of another container.
  }
}
