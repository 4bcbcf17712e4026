/** The rounds of the ledger: one decision after the other, each carried out before the next: tenants told to end, leases written, those who waited served.
 *  Whoever changes something nudges; what is nudged meanwhile is in the next round. */
import { newId } from '../kernel/ids.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { insertLeases } from '../store/gpu-leases.ts';
import type { DeviceWatch } from './device-watch.ts';
import type { Evictor } from './evictor.ts';
import type { HeldLease, JobDoor } from './ledger-port.ts';
import type { Leases } from './leases.ts';
import type { Line } from './line.ts';
import { decide, leaseOf } from './policy.ts';
import { nameOf } from './policy-reasons.ts';
import { deviceCount, type PolicyDecision, type PolicyEviction, type PolicyGrant, type PolicyState } from './policy-state.ts';
import type { Waiters } from './waiters.ts';
import type { Waits } from './waits.ts';

export interface Rounds {
  readonly isRunning: boolean;
  start(): void;
  stop(): void;
  /** Something may be granted now that could not be before. */
  nudge(): void;
  /** When no decision is being made. */
  settled(): Promise<void>;
}

export interface RoundsParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly machine: string;
  readonly onGranted?: (waitMs: number, lease: HeldLease) => void;
  readonly leases: Leases;
  readonly evictor: Evictor;
  readonly line: Line;
  readonly waiters: Waiters;
  readonly waits: Waits;
  readonly watch: DeviceWatch;
  readonly state: () => PolicyState;
  readonly door: () => JobDoor | undefined;
}

const RETRY_MS = 1_000;

export function createRounds(parts: RoundsParts): Rounds {
  const { database, clock, log, leases, evictor, line, waiters, waits, watch } = parts;
  let running: Promise<void> | undefined;
  let isDirty = false;
  let isStopped = true;

  function nudge(): void {
    isDirty = true;
    if (isStopped) return;
    running ??= run().finally(() => {
      running = undefined;
    });
  }

  async function run(): Promise<void> {
    while (isDirty && !isStopped) {
      isDirty = false;
      // A moment for others that ask at the same time.
      await new Promise((resolve) => setImmediate(resolve));
      try {
        await round();
      } catch (error) {
        log.warn({ cause: messageOf(error) }, 'grants could not be written; it is tried again');
        clock.after(RETRY_MS, nudge);
        return;
      }
    }
  }

  async function round(): Promise<void> {
    const nowMs = clock.now();
    await watch.leave();
    const { state, decision } = settle(nowMs);
    waits.note(state, decision);
    const isUsed = leases.all().some((lease) => lease.devices.length > 0) || line.all.some((request) => deviceCount(request) > 0);
    watch.use(isUsed && !isStopped);
    await evict(decision.evictions);
    await grant(decision.grants, nowMs);
    waiters.tell((tenantId) => {
      const request = line.get(tenantId);
      return request === undefined ? undefined : waits.of(request, request.orgId);
    });
  }

  /** Decides, once those that would wait take what they do with. */
  function settle(nowMs: number): { readonly state: PolicyState; readonly decision: PolicyDecision } {
    for (;;) {
      const state = parts.state();
      const decision = decide(state, nowMs);
      const less = waiters.takeLess(state, decision, nowMs);
      if (less === undefined) return { state, decision };
      line.add(less);
    }
  }

  function evict(evictions: readonly PolicyEviction[]): Promise<void> {
    return evictor.tell(
      evictions.flatMap(({ leaseId, request }) => {
        const lease = leases.get(leaseId);
        const by = nameOf(request, lease?.orgId ?? null);
        return lease === undefined ? [] : [{ lease, why: { kind: 'needed', by, message: `its room is needed for ${by}` } as const }];
      }),
    );
  }

  async function grant(grants: readonly PolicyGrant[], nowMs: number): Promise<void> {
    if (grants.length === 0) return;
    const jobIds = grants.filter(({ request }) => !waiters.has(request.id)).map(({ request }) => request.id);
    const written = await database.engine.transaction(async (sql) => {
      const claimed = jobIds.length === 0 ? new Set<string>() : ((await parts.door()?.claim(sql, jobIds)) ?? new Set<string>());
      const made = grants
        .filter(({ request }) => waiters.has(request.id) || claimed.has(request.id))
        .map((one): HeldLease => ({ ...leaseOf(one, { id: newId('lease', clock), nowMs }), devices: one.devices, process: null, leaving: null }));
      await insertLeases(sql, parts.machine, made);
      return made;
    });
    for (const { request } of grants) line.delete(request.id);
    for (const lease of written) {
      leases.add(lease);
      if (lease.devices.length > 0) parts.onGranted?.(Math.max(0, nowMs - lease.queuedAtMs), lease);
    }
    if (written.length > 0) database.announce();
    handOut(written);
    // What was granted in vain may serve another.
    if (written.length < grants.length) isDirty = true;
  }

  function handOut(granted: readonly HeldLease[]): void {
    const jobs = granted.filter((lease) => !waiters.has(lease.tenantId) && lease.kind === 'job');
    for (const lease of granted) {
      // Who asked has gone while the grant was written.
      if (!waiters.resolve(lease) && lease.kind !== 'job') void leases.release(lease.id).catch(() => undefined);
    }
    parts.door()?.begin(jobs);
  }

  return {
    get isRunning() {
      return !isStopped;
    },
    start() {
      isStopped = false;
      nudge();
    },
    stop() {
      isStopped = true;
    },
    nudge,
    settled: async () => running,
  };
}
