/** Who uses the memory of a device, as the parts of one bar. Pure. */
import type { Gpu } from '../../state/gpus.ts';

export interface MemoryPart {
  readonly key: string;
  readonly name: string;
  readonly bytes: number;
  readonly kind: 'tenant' | 'external' | 'free';
  /** The job's, model's or service's page; undefined: it has none for this reader. */
  readonly href?: string;
}

// A card that nobody uses has so much in use by its driver.
const DRIVER_PART = 0.01;

const PAGES = { job: '/jobs/', model: '/models/', service: '/services' } as const;
const WORDS = { job: 'job', model: 'model', service: 'service' } as const;

/** Tenants first, the largest first; then what others use; then what is free. They add up to the whole; empty parts are left out. */
export function memoryParts(gpu: Pick<Gpu, 'memoryTotalBytes' | 'memoryUsedBytes' | 'memoryExternalBytes' | 'processes'>): readonly MemoryPart[] {
  const used = Math.min(gpu.memoryUsedBytes, gpu.memoryTotalBytes);
  const external = Math.min(gpu.memoryExternalBytes, used);
  const tenants = new Map<string, MemoryPart>();
  for (const { tenant, memoryBytes } of gpu.processes) {
    if (tenant === null || memoryBytes === null) continue;
    const key = `${tenant.kind}:${tenant.id ?? ''}`;
    tenants.set(key, { key, kind: 'tenant', ...nameOf(tenant), bytes: (tenants.get(key)?.bytes ?? 0) + memoryBytes });
  }
  const told = [...tenants.values()].toSorted((a, b) => b.bytes - a.bytes);
  const rest = Math.max(0, used - external - told.reduce((sum, part) => sum + part.bytes, 0));
  const parts: readonly MemoryPart[] = [
    ...told,
    { key: 'studio', name: told.length > 0 ? 'Other work of Studio' : 'Work of Studio', bytes: rest, kind: 'tenant' },
    { key: 'external', name: external < gpu.memoryTotalBytes * DRIVER_PART ? 'Driver' : 'Not Studio’s', bytes: external, kind: 'external' },
    { key: 'free', name: 'Free', bytes: gpu.memoryTotalBytes - used, kind: 'free' },
  ];
  return parts.filter((part) => part.bytes > 0);
}

function nameOf(tenant: { readonly kind: keyof typeof PAGES; readonly id: string | null }): Pick<MemoryPart, 'name' | 'href'> {
  if (tenant.id === null) return { name: `Another organisation’s ${WORDS[tenant.kind]}` };
  return { name: `${WORDS[tenant.kind]} ${tenant.id}`, href: tenant.kind === 'service' ? PAGES.service : `${PAGES[tenant.kind]}${tenant.id}` };
}
