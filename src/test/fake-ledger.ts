/** A ledger for tests of who holds memory: one device, first come first served, idle tenants go before anyone waits. It keeps the rules of gpu/tenants.ts and
 *  no others; `evict` asks a tenant to go as a job that needs the memory would. */
import type { WaitReason } from '../contract/instances.ts';
import type { Asking, Eviction, Lease, Ledger, TenantRequest } from '../gpu/tenants.ts';
import { AppError } from '../kernel/fail.ts';

export interface FakeLedger extends Ledger {
  /** Bytes that nobody holds. */
  free(): number;
  held(): readonly Lease[];
  readonly processes: ReadonlyMap<string, { readonly pid: number; readonly started: string }>;
  isIdle(tenantId: string): boolean;
  evict(tenantId: string, why?: Eviction): Promise<void>;
  /** A lease that an earlier Studio left. */
  leave(tenantId: string, bytes: number): Lease;
}

interface Held {
  readonly lease: Lease;
  readonly bytes: number;
  idleSinceMs: number | null;
  isPinned: boolean;
  leaving: Promise<void> | undefined;
}

interface Waiting {
  readonly request: TenantRequest;
  readonly asking: Asking | undefined;
  grant(lease: Lease): void;
}

export function fakeLedger(options: { readonly totalBytes: number; readonly hasDevice?: boolean }): FakeLedger {
  const held = new Map<string, Held>();
  const line: Waiting[] = [];
  const processes = new Map<string, { readonly pid: number; readonly started: string }>();
  const handlers = new Map<string, Parameters<Ledger['onEvict']>[1]>();
  let made = 0;
  const sizeOf = (request: TenantRequest): number => (request.vramBytes > 0 ? request.vramBytes : request.memoryBytes);
  const free = (): number => options.totalBytes - [...held.values()].reduce((sum, { bytes }) => sum + bytes, 0);

  function hold(request: Pick<TenantRequest, 'id' | 'kind' | 'isPinned' | 'vramBytes'>, bytes: number): Lease {
    const devices = options.hasDevice === true && request.vramBytes > 0 ? [{ uuid: 'GPU-1', index: 0, bytes }] : [];
    const lease: Lease = { id: `lease_${++made}`, tenantId: request.id, kind: request.kind, devices, grantedAtMs: 0 };
    held.set(lease.id, { lease, bytes, idleSinceMs: null, isPinned: request.isPinned, leaving: undefined });
    return lease;
  }

  function pump(): void {
    for (let first = line[0]; first !== undefined && sizeOf(first.request) <= free(); first = line[0]) {
      line.shift();
      first.grant(hold(first.request, sizeOf(first.request)));
    }
    const short = (line[0] === undefined ? 0 : sizeOf(line[0].request)) - free();
    if (short > 0) makeRoom(short);
  }

  function makeRoom(bytes: number): void {
    const going = [...held.values()].filter(({ leaving }) => leaving !== undefined).reduce((sum, one) => sum + one.bytes, 0);
    const idle = [...held.values()].filter((one) => one.idleSinceMs !== null && !one.isPinned && one.leaving === undefined);
    if (going >= bytes || idle[0] === undefined) return;
    void go(idle[0], { kind: 'needed', by: 'model', message: 'another tenant needs its memory' });
  }

  function go(one: Held, why: Eviction): Promise<void> {
    one.leaving ??= (async () => {
      await handlers.get(one.lease.kind)?.(one.lease, why);
      held.delete(one.lease.id);
      pump();
    })();
    return one.leaving;
  }

  const reasonOf = (request: TenantRequest): WaitReason => ({ kind: 'memory', message: `${free()} of ${sizeOf(request)} bytes are free` });
  const of = (tenantId: string): Held | undefined => [...held.values()].find(({ lease }) => lease.tenantId === tenantId);
  return {
    free,
    held: () => [...held.values()].map(({ lease }) => lease),
    processes,
    isIdle: (tenantId) => typeof of(tenantId)?.idleSinceMs === 'number',
    async evict(tenantId, why = { kind: 'needed', by: 'job_1', message: 'job job_1 needs its memory' }) {
      const one = of(tenantId);
      if (one !== undefined) await go(one, why);
    },
    leave: (tenantId, bytes) => hold({ id: tenantId, kind: 'model', isPinned: false, vramBytes: 0 }, bytes),
    acquire(request, asking) {
      if (sizeOf(request) > options.totalBytes)
        return Promise.reject(
          new AppError('unsatisfiable', { message: `${sizeOf(request)} bytes are asked for, the largest device has ${options.totalBytes}` }),
        );
      return new Promise((resolve, reject) => {
        const waiting: Waiting = { request, asking, grant: resolve };
        asking?.signal?.addEventListener('abort', () => {
          const at = line.indexOf(waiting);
          if (at >= 0) line.splice(at, 1);
          reject(asking.signal?.reason);
        });
        line.push(waiting);
        pump();
        if (line.includes(waiting)) asking?.onWait?.(reasonOf(request));
      });
    },
    wouldGrant: (request, insteadOf) => sizeOf(request) <= free() + (held.get(insteadOf)?.bytes ?? 0),
    waitOf: (tenantId) => {
      const waiting = line.find(({ request }) => request.id === tenantId);
      return waiting === undefined ? undefined : reasonOf(waiting.request);
    },
    find: (tenantId) => of(tenantId)?.lease,
    async recordProcess(leaseId, process) {
      processes.set(leaseId, process);
    },
    setIdle(leaseId, sinceMs) {
      const one = held.get(leaseId);
      if (one !== undefined) one.idleSinceMs = sinceMs;
      pump();
    },
    setPinned(leaseId, isPinned) {
      const one = held.get(leaseId);
      if (one !== undefined) one.isPinned = isPinned;
    },
    async release(leaseId) {
      if (held.delete(leaseId)) pump();
    },
    onEvict: (kind, handler) => void handlers.set(kind, handler),
  };
}
