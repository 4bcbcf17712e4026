/** Those that asked for a lease and wait for the answer: models and services (jobs stand in line by their rows). Holds their promises, tells them why they wait,
 *  and takes less for them where they would do with it. Never grants. */
import type { WaitReason } from '../contract/instances.ts';
import type { Clock } from '../kernel/clock.ts';
import { chooseLess, freeFor } from './policy-less.ts';
import { explainWait } from './policy-reasons.ts';
import type { PolicyDecision, PolicyRequest, PolicyState } from './policy-state.ts';
import type { Asking, Lease, TenantRequest } from './tenants.ts';

export interface Waiters {
  has(tenantId: string): boolean;
  /** Waits for `resolve`, `refuse`, or the signal. @param onGone called when the signal ends it */
  add(request: TenantRequest, asking: Asking, onGone: () => void): Promise<Lease>;
  /** @returns false when nobody waits for it (any more) */
  resolve(lease: Lease): boolean;
  /** Ends the wait of those that are never to be served. @returns their ids */
  refuse(faultOf: (request: TenantRequest) => Error | undefined): readonly string[];
  /** The first that takes what it would do with rather than wait. @returns its request from now on; undefined: nobody does */
  takeLess(state: PolicyState, decision: PolicyDecision, nowMs: number): PolicyRequest | undefined;
  tell(reasonOf: (tenantId: string) => WaitReason | undefined): void;
}

interface Waiter {
  readonly request: TenantRequest;
  readonly asking: Asking;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (fault: unknown) => void;
  readonly askedAtMs: number;
  /** It took what it would do with. */
  hasLess: boolean;
  cancelPatience?: () => void;
  told: string;
}

/** Who would do with less waits so long for models in use: most answers end within it, and then there is room for all. */
const LESS_AFTER_MS = 10_000;

export function createWaiters({ clock, nudge }: { readonly clock: Clock; readonly nudge: () => void }): Waiters {
  const waiters = new Map<string, Waiter>();

  /** Which of what it would do with it takes now. */
  function lessOf(waiter: Waiter, { state, decision, nowMs }: Decided): number | undefined {
    const { asking, request } = waiter;
    if (asking.less === undefined || asking.less.length === 0 || waiter.hasLess) return undefined;
    const wait = decision.waits.find((one) => one.request.id === request.id);
    if (wait === undefined || wait.why === 'evicting') return undefined;
    const patienceMs = waiter.askedAtMs + LESS_AFTER_MS - clock.monotonic();
    if (patienceMs > 0 && state.leases.some((lease) => lease.kind === 'model' && lease.devices.length > 0 && lease.idleSinceMs === null && !lease.isPinned)) {
      waiter.cancelPatience ??= clock.after(patienceMs, nudge);
      return undefined;
    }
    const index = chooseLess(state, request, asking.less, nowMs);
    if (index === undefined) return undefined;
    waiter.hasLess = true;
    asking.onLess?.({ index, freeBytes: freeFor(state, request), why: explainWait(state, wait, request.orgId) });
    return index;
  }

  return {
    has: (tenantId) => waiters.has(tenantId),
    add(request, asking, onGone) {
      if (waiters.has(request.id)) throw new Error(`${request.id} asks for a lease twice`);
      const { promise, resolve, reject } = Promise.withResolvers<Lease>();
      const waiter: Waiter = { request, asking, resolve, reject, askedAtMs: clock.monotonic(), hasLess: false, told: '' };
      const onAbort = (): void => {
        if (waiters.get(request.id) !== waiter) return;
        waiters.delete(request.id);
        onGone();
        reject(asking.signal?.reason);
      };
      asking.signal?.addEventListener('abort', onAbort, { once: true });
      waiters.set(request.id, waiter);
      return promise.finally(() => {
        waiter.cancelPatience?.();
        asking.signal?.removeEventListener('abort', onAbort);
      });
    },
    resolve(lease) {
      const waiter = waiters.get(lease.tenantId);
      waiters.delete(lease.tenantId);
      waiter?.resolve(lease);
      return waiter !== undefined;
    },
    refuse: (faultOf) =>
      [...waiters.values()].flatMap((waiter) => {
        const fault = faultOf(waiter.request);
        if (fault === undefined) return [];
        waiters.delete(waiter.request.id);
        waiter.reject(fault);
        return [waiter.request.id];
      }),
    takeLess(state, decision, nowMs) {
      for (const waiter of waiters.values()) {
        const index = lessOf(waiter, { state, decision, nowMs });
        if (index !== undefined) return { ...waiter.request, ...waiter.asking.less?.[index] };
      }
      return undefined;
    },
    tell(reasonOf) {
      for (const waiter of waiters.values()) {
        const reason = reasonOf(waiter.request.id);
        if (reason === undefined || reason.message === waiter.told) continue;
        waiter.told = reason.message;
        waiter.asking.onWait?.(reason);
      }
    },
  };
}

interface Decided {
  readonly state: PolicyState;
  readonly decision: PolicyDecision;
  readonly nowMs: number;
}
