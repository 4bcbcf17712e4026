/** Leases and the line for them. Everybody who may see the machine sees all of them; who belongs to another organisation has no name. */
import type * as z from 'zod';
import { gpuLeaseEndpoints, type gpuLease, type gpuRequest } from '../../contract/gpu-leases.ts';
import type { GpuLedger, HeldLease, WaitingView } from '../../gpu/ledger-port.ts';
import { nameOf } from '../../gpu/policy-reasons.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export interface GpuLeaseParts {
  readonly ledger: Pick<GpuLedger, 'leases' | 'waiting' | 'usageOf'>;
}

export function gpuLeaseRoutes({ ledger }: GpuLeaseParts): readonly Route[] {
  return routesOf(gpuLeaseEndpoints, {
    'GET /api/v1/gpus/leases': async (call) => {
      const cursor = await call.cursor();
      const { limit, after } = call.query;
      const newest = ledger.leases().toSorted((a, b) => (a.id < b.id ? 1 : -1));
      const shown = newest.map((lease) => leaseView(lease, ledger.usageOf(lease), call.caller.orgId));
      return { body: pageOfAll(shown, { limit, after, nameOf: (lease) => lease.id, cursor }) };
    },
    'GET /api/v1/gpus/queue': async (call) => {
      const cursor = await call.cursor();
      const { limit, after } = call.query;
      const line = ledger.waiting(call.caller.orgId).map((view, index) => requestView(view, index + 1, call.caller.orgId));
      return { body: pageOfAll(line, { limit, after, nameOf: (request) => String(request.position), cursor }) };
    },
  });
}

function leaseView(lease: HeldLease, usage: ReturnType<GpuLedger['usageOf']>, orgId: string): z.infer<typeof gpuLease> {
  return {
    id: lease.id,
    kind: lease.kind,
    ...holderOf({ ...lease, id: lease.tenantId }, orgId),
    devices: lease.devices.map(({ uuid, index, bytes }) => ({ uuid, index, bytes })),
    whole: lease.isWhole,
    cpu: lease.cpu,
    memoryBytes: lease.memoryBytes,
    priority: lease.priority,
    preemptible: lease.isPreemptible,
    pinned: lease.isPinned,
    since: new Date(lease.grantedAtMs).toISOString(),
    idleSince: lease.idleSinceMs === null ? null : new Date(lease.idleSinceMs).toISOString(),
    endsBy: lease.endsByMs === undefined ? null : new Date(lease.endsByMs).toISOString(),
    // It may name who needs the room, as its own organisation may know it.
    leaving: lease.leaving === null || lease.orgId === orgId ? lease.leaving : 'it was told to end',
    usedBytes: usage.usedBytes ?? null,
    peakBytes: usage.peakBytes ?? null,
  };
}

function requestView({ request, reason }: WaitingView, position: number, orgId: string): z.infer<typeof gpuRequest> {
  return {
    position,
    kind: request.kind,
    ...holderOf(request, orgId),
    queue: request.queue ?? null,
    gpus: request.gpus,
    vramBytes: request.vramBytes,
    cpu: request.cpu,
    memoryBytes: request.memoryBytes,
    priority: request.priority,
    queuedAt: new Date(request.queuedAtMs).toISOString(),
    reason,
  };
}

/** As people call it; its id stays in `tenantId`. */
function holderOf(tenant: Parameters<typeof nameOf>[0], orgId: string): { readonly holder: string; readonly tenantId: string | null } {
  const isOwn = tenant.orgId === null || tenant.orgId === orgId;
  return isOwn ? { holder: tenant.name ?? tenant.id, tenantId: tenant.id } : { holder: nameOf(tenant, orgId), tenantId: null };
}
