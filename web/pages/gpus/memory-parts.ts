/** Who has the memory of a device, as the parts of one bar. Pure. */
import { formatBytes } from '../../ui/format.ts';
import type { Gpu, GpuLease } from '../../state/gpus.ts';

export interface MemoryPart {
  readonly key: string;
  readonly name: string;
  readonly kind: 'tenant' | 'external' | 'free';
  /** In use. */
  readonly bytes: number;
  /** Granted beyond what is used; 0 for what is no tenant. */
  readonly heldBytes: number;
  /** What more is to be said: idle, leaving. */
  readonly about?: string;
  /** The job's, model's or service's page; undefined: it has none for this reader. */
  readonly href?: string;
}

// A card that nobody uses has so much in use by its driver.
const DRIVER_PART = 0.01;

type Card = Pick<Gpu, 'uuid' | 'memoryTotalBytes' | 'memoryUsedBytes' | 'memoryExternalBytes' | 'processes'>;
type Lease = Pick<GpuLease, 'id' | 'kind' | 'holder' | 'tenantId' | 'devices' | 'usedBytes' | 'idleSince' | 'leaving'>;

/** Tenants first, the largest first; then what others use; then what is free. Empty parts are left out. */
export function memoryParts(gpu: Card, leases: readonly Lease[]): readonly MemoryPart[] {
  const used = Math.min(gpu.memoryUsedBytes, gpu.memoryTotalBytes);
  const external = Math.min(gpu.memoryExternalBytes, used);
  const tenants = leases
    .flatMap((lease) => lease.devices.filter((device) => device.uuid === gpu.uuid).map((device) => tenantPart(gpu, lease, device.bytes)))
    .toSorted((a, b) => b.bytes + b.heldBytes - a.bytes - a.heldBytes);
  const sum = (of: (part: MemoryPart) => number): number => tenants.reduce((total, part) => total + of(part), 0);
  const isDriver = external < gpu.memoryTotalBytes * DRIVER_PART;
  const parts: readonly MemoryPart[] = [
    ...tenants,
    { key: 'external', name: isDriver ? 'Driver' : 'Not Studio’s', kind: 'external', bytes: external, heldBytes: 0 },
    { key: 'free', name: 'Free', kind: 'free', bytes: Math.max(0, gpu.memoryTotalBytes - external - sum((part) => part.bytes + part.heldBytes)), heldBytes: 0 },
  ];
  return parts.filter((part) => part.bytes + part.heldBytes > 0);
}

const PAGES = { job: '/jobs/', model: '/models?model=' } as const;

function tenantPart(gpu: Card, lease: Lease, grantedBytes: number): MemoryPart {
  const shown = gpu.processes.filter(({ tenant }) => tenant !== null && tenant.id !== null && tenant.kind === lease.kind && tenant.id === lease.tenantId);
  const told = shown.length > 0 ? shown.reduce((sum, process) => sum + (process.memoryBytes ?? 0), 0) : (lease.usedBytes ?? 0);
  const bytes = Math.min(told, gpu.memoryTotalBytes);
  const about = lease.leaving !== null ? 'leaving' : lease.idleSince !== null ? 'idle' : undefined;
  const page = lease.tenantId === null ? undefined : lease.kind === 'service' ? '/services' : `${PAGES[lease.kind]}${lease.tenantId}`;
  return {
    key: lease.id,
    name: lease.holder,
    kind: 'tenant',
    bytes,
    heldBytes: Math.max(0, grantedBytes - bytes),
    ...(about === undefined ? {} : { about }),
    ...(page === undefined ? {} : { href: page }),
  };
}

/** The memory of a device in words: what is in use, and what is promised to tenants beyond that. */
export function memoryWords(gpu: Pick<Card, 'memoryUsedBytes' | 'memoryTotalBytes'>, parts: readonly MemoryPart[]): string {
  const held = parts.reduce((sum, part) => sum + part.heldBytes, 0);
  const used = formatBytes(gpu.memoryUsedBytes);
  const total = formatBytes(gpu.memoryTotalBytes);
  return held === 0 ? `${used} of ${total} in use` : `${used} in use, ${formatBytes(held)} more reserved, of ${total}`;
}

/** What a part has, in words: of a tenant also what it was granted. */
export function memoryFigure(part: MemoryPart): string {
  return part.heldBytes > 0 ? `${formatBytes(part.bytes)} of ${formatBytes(part.bytes + part.heldBytes)}` : formatBytes(part.bytes);
}
