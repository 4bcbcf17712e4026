/** Tells tenants to end: noted in the database first, then asked of whoever runs them. What a tenant holds stays taken until its processes are gone. */
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { markLeaving } from '../store/gpu-leases.ts';
import type { Eviction, Lease, TenantRequest } from './tenants.ts';

export type EvictHandler = (lease: Lease, why: Eviction) => Promise<void>;

export interface Evictor {
  onEvict(kind: TenantRequest['kind'], handler: EvictHandler): void;
  tell(evictions: readonly { readonly lease: Lease; readonly why: Eviction }[]): Promise<void>;
}

interface EvictorParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly isHeld: (leaseId: string) => boolean;
  readonly mark: (leaseId: string, reason: string) => void;
  readonly release: (leaseId: string) => Promise<void>;
}

/** A tenant that could not be ended is told again. */
const AGAIN_MS = 10_000;

export function createEvictor({ database, clock, log, isHeld, mark, release }: EvictorParts): Evictor {
  const handlers = new Map<TenantRequest['kind'], EvictHandler>();

  async function end(lease: Lease, why: Eviction): Promise<void> {
    try {
      const handler = handlers.get(lease.kind);
      if (handler === undefined) throw new AppError('conflict', { message: `nobody ends tenants of the kind ${lease.kind}` });
      await handler(lease, why);
      await release(lease.id);
    } catch (error) {
      if (!isHeld(lease.id)) return;
      log.warn({ leaseId: lease.id, cause: messageOf(error) }, 'a tenant could not be ended; what it holds stays taken, and it is told again');
      clock.after(AGAIN_MS, () => isHeld(lease.id) && void end(lease, why));
    }
  }

  return {
    onEvict: (kind, handler) => void handlers.set(kind, handler),
    async tell(evictions) {
      if (evictions.length === 0) return;
      const told = evictions.map(({ lease, why }) => ({ id: lease.id, reason: why.message }));
      await database.engine.transaction((sql) => markLeaving(sql, told));
      database.announce();
      for (const { lease, why } of evictions) {
        mark(lease.id, why.message);
        log.info({ leaseId: lease.id, tenantId: lease.tenantId, kind: why.kind, why: why.message }, 'a tenant was told to end');
        void end(lease, why);
      }
    },
  };
}
