/** The ledger: one line of jobs, models and services for the memory of the machine's devices, its cores and its memory. Decides by policy.ts, one decision at a time.
 *  Truth is the table gpu_leases: a lease is written in the transaction that lets its tenant begin, and deleted in the one that records that its processes are gone.
 *  After a restart leases are found again; one is freed only when no process of its tenant is left. */
import { fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import type { WaitReason } from '../contract/instances.ts';
import { insertLeases, listLeases, noteLease, releaseLeaseOf } from '../store/gpu-leases.ts';
import type { Devices } from './device.ts';
import { createLedgerDevices } from './ledger-devices.ts';
import { findLeaseProcesses, isProvedGone } from './lease-processes.ts';
import { createEvictor, type EvictHandler, type Evictor } from './evictor.ts';
import type { GpuLedger, HeldLease, JobDoor, WaitingView } from './ledger-port.ts';
import { createLine } from './line.ts';
import { createOutgrown } from './outgrown.ts';
import { decide, leaseOf } from './policy.ts';
import { forecast } from './policy-forecast.ts';
import { chooseLess, freeFor, wouldGrant } from './policy-less.ts';
import { explainWait, gib, nameOf, neverReason } from './policy-reasons.ts';
import {
  deviceCount,
  type PolicyDecision,
  type PolicyDevice,
  type PolicyGrant,
  type PolicyRequest,
  type PolicyState,
  type PolicyWait,
} from './policy-state.ts';
import type { Asking, Lease, TenantRequest } from './tenants.ts';
import type { DeviceTenant } from './usage.ts';

export interface LedgerParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly devices: Pick<Devices, 'list' | 'last' | 'use' | 'onSample' | 'onChange'>;
  /** Names the workspace: its Studios see each other's leases. */
  readonly machine: string;
  readonly reserveBytes: number;
  readonly cpu: number;
  readonly memoryBytes: number;
  /** From the moment a request for devices could run, until it may. */
  readonly onGranted?: (waitMs: number) => void;
}

interface Waiter {
  readonly request: PolicyRequest;
  readonly resolve: (lease: Lease) => void;
  readonly asking: Asking;
  readonly askedAtMs: number;
  /** It took what it would do with. */
  hasLess: boolean;
  cancelPatience?: () => void;
  told: string;
}

const RETRY_MS = 1_000;
/** Who would do with less waits so long for models in use: most answers end within it, and then there is room for all. */
const LESS_AFTER_MS = 10_000;
/** How long a forecast is good enough to be shown. */
const FORECAST_MS = 2_000;

export function createLedger(parts: LedgerParts): GpuLedger {
  return new LedgerProcess(parts);
}

class LedgerProcess implements GpuLedger {
  readonly #parts: LedgerParts;
  readonly #held = new Map<string, HeldLease>();
  readonly #line = createLine();
  readonly #waiters = new Map<string, Waiter>();
  readonly #evictor: Evictor;
  /** Of an earlier Studio, and nobody asked for them yet. */
  readonly #found = new Set<string>();
  readonly #outgrown;
  readonly #seen;
  readonly #endings: (() => void)[] = [];
  #door: JobDoor | undefined;
  #decided: { readonly state: PolicyState; readonly decision: PolicyDecision; waits: ReadonlyMap<string, PolicyWait> | undefined } | undefined;
  #forecast: { readonly atMs: number; readonly starts: ReadonlyMap<string, number> } | undefined;
  #round: Promise<void> | undefined;
  #isDirty = false;
  #isStopped = true;
  #unuse: (() => void) | undefined;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    this.#evictor = createEvictor({
      ...parts,
      isHeld: (leaseId) => this.#held.has(leaseId) && !this.#isStopped,
      mark: (leaseId, leaving) => this.#change(leaseId, { isLeaving: true, leaving }),
      release: (leaseId) => this.release(leaseId),
    });
    this.#outgrown = createOutgrown(parts.clock);
    this.#seen = createLedgerDevices({ devices: parts.devices, reserveBytes: parts.reserveBytes, tenantsOn: (uuid) => this.tenantsOn(uuid) });
  }

  async start(): Promise<void> {
    const { database, devices, machine, log } = this.#parts;
    await devices.list();
    const stored = await listLeases(database.engine, machine);
    const left = await findLeaseProcesses(database.engine, stored);
    for (const lease of stored) {
      if (isProvedGone(lease, left)) {
        await database.engine.transaction((sql) => releaseLeaseOf(sql, lease.tenantId));
        log.info({ leaseId: lease.id, tenantId: lease.tenantId }, 'a lease whose processes are gone was freed');
        continue;
      }
      this.#held.set(lease.id, { ...lease, isLeaving: lease.leaving !== null, isFenced: false });
      if (lease.kind !== 'job') this.#found.add(lease.id);
    }
    this.#seen.look(devices.last());
    this.#isStopped = false;
    this.#endings.push(
      devices.onSample((gpus) => this.#look(gpus)),
      devices.onChange(() => this.nudge()),
    );
    database.announce();
    this.nudge();
  }

  stop(): void {
    this.#isStopped = true;
    for (const end of this.#endings.splice(0)) end();
    this.#unuse?.();
    this.#unuse = undefined;
  }

  attachJobs(door: JobDoor): void {
    this.#door = door;
  }

  async acquire(request: TenantRequest, asking: Asking = {}): Promise<Lease> {
    const never = neverReason(this.#bare(), request);
    if (never !== undefined) fail('unsatisfiable', { message: `${request.id} can't run here: ${never}.`, details: this.largest() });
    asking.signal?.throwIfAborted();
    if (this.#waiters.has(request.id)) throw new Error(`${request.id} asks for a lease twice`);
    const { promise, resolve, reject } = Promise.withResolvers<Lease>();
    const waiter: Waiter = { request, resolve, asking, askedAtMs: this.#parts.clock.monotonic(), hasLess: false, told: '' };
    const onAbort = (): void => {
      if (this.#waiters.get(request.id) !== waiter) return;
      this.#waiters.delete(request.id);
      this.#line.delete(request.id);
      this.nudge();
      reject(asking.signal?.reason);
    };
    asking.signal?.addEventListener('abort', onAbort, { once: true });
    this.#waiters.set(request.id, waiter);
    this.#line.add(request);
    this.nudge();
    return promise.finally(() => {
      waiter.cancelPatience?.();
      asking.signal?.removeEventListener('abort', onAbort);
    });
  }

  wouldGrant(request: TenantRequest, insteadOf: string): boolean {
    return wouldGrant(this.#state(), request, insteadOf, this.#parts.clock.now());
  }

  find(tenantId: string): Lease | undefined {
    const lease = this.leaseOf(tenantId);
    if (lease !== undefined) this.#found.delete(lease.id);
    return lease;
  }

  async recordProcess(leaseId: string, process: { readonly pid: number; readonly started: string }): Promise<void> {
    this.#change(leaseId, { process });
    await this.#note(leaseId);
  }

  setIdle(leaseId: string, sinceMs: number | null): void {
    if (this.#held.get(leaseId)?.idleSinceMs === sinceMs) return;
    this.#change(leaseId, { idleSinceMs: sinceMs });
    if (sinceMs !== null) this.nudge();
  }

  setPinned(leaseId: string, isPinned: boolean): void {
    this.#change(leaseId, { isPinned });
    void this.#note(leaseId).catch((error: unknown) => this.#parts.log.warn({ leaseId, cause: messageOf(error) }, 'a pin could not be noted'));
    this.nudge();
  }

  async release(leaseId: string): Promise<void> {
    const lease = this.#held.get(leaseId);
    if (lease === undefined) return;
    await this.#parts.database.engine.transaction((sql) => releaseLeaseOf(sql, lease.tenantId));
    this.#parts.database.announce();
    this.#forget(leaseId);
  }

  onEvict(kind: TenantRequest['kind'], handler: EvictHandler): void {
    this.#evictor.onEvict(kind, handler);
  }

  setJobs(requests: readonly PolicyRequest[]): void {
    const ids = new Set(requests.map((request) => request.id));
    for (const { id, kind } of [...this.#line.all]) if (kind === 'job' && !ids.has(id) && !this.#waiters.has(id)) this.#line.delete(id);
    this.addJobs(requests);
  }

  addJobs(requests: readonly PolicyRequest[]): void {
    for (const request of requests) if (!isSame(this.#line.get(request.id), request)) this.#line.add(request);
    this.nudge();
  }

  hasWaiting(queue: string): boolean {
    return this.#line.all.some((request) => request.queue === queue);
  }

  nudge(): void {
    this.#isDirty = true;
    if (this.#isStopped) return;
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
    });
  }

  async settled(): Promise<void> {
    await this.#round;
  }

  drop(tenantId: string): void {
    this.#line.delete(tenantId);
    const lease = this.leaseOf(tenantId);
    if (lease !== undefined) this.#forget(lease.id);
  }

  neverReason(needs: Pick<TenantRequest, 'gpus' | 'vramBytes' | 'cpu' | 'memoryBytes'>): string | undefined {
    return neverReason(this.#bare(), needs);
  }

  largest(): { gpus: number; vramBytes: number; cpu: number; memoryBytes: number } {
    const devices = this.#seen.list();
    const { cpu, memoryBytes } = this.#parts;
    return { gpus: devices.length, vramBytes: Math.max(0, ...devices.map((device) => device.totalBytes - device.reserveBytes)), cpu, memoryBytes };
  }

  waitOf(tenantId: string, viewer?: string | null): WaitReason | undefined {
    const decided = this.#decided;
    const request = this.#line.get(tenantId);
    if (decided === undefined || request === undefined) return undefined;
    // Thousands wait, and few ask why.
    decided.waits ??= new Map(decided.decision.waits.map((wait) => [wait.request.id, wait]));
    const wait = decided.waits.get(tenantId);
    if (wait === undefined) return undefined;
    const never = neverReason(this.#bare(), request);
    if (never !== undefined) return { kind: 'unsatisfiable', message: `it can't start here: ${never}` };
    return explainWait(decided.state, wait, viewer === undefined ? request.orgId : viewer, this.#starts().get(tenantId) ?? wait.untilMs);
  }

  waiting(viewer: string | null): readonly WaitingView[] {
    return this.#line.all.map((request) => ({
      request,
      reason: this.waitOf(request.id, viewer) ?? { kind: 'starting', message: 'starts in a moment' },
    }));
  }

  waitingCount(): number {
    return this.#line.all.length;
  }

  leases(): readonly HeldLease[] {
    return [...this.#held.values()];
  }

  leaseOf(tenantId: string): HeldLease | undefined {
    return this.leases().find((lease) => lease.tenantId === tenantId);
  }

  devices(): readonly PolicyDevice[] {
    return this.#seen.list();
  }

  tenantsOn(uuid: string): readonly DeviceTenant[] {
    return this.leases().flatMap((lease) => {
      const device = lease.devices.find((one) => one.uuid === uuid);
      return device === undefined ? [] : [{ kind: lease.kind, id: lease.tenantId, orgId: lease.orgId, bytes: device.bytes, pid: lease.process?.pid }];
    });
  }

  usageOf(lease: HeldLease): { readonly usedBytes: number | undefined; readonly peakBytes: number | undefined } {
    return { usedBytes: this.#seen.usedBy(lease.tenantId), peakBytes: this.#outgrown.peakOf(lease.id) };
  }

  #bare(): Pick<PolicyState, 'devices' | 'cpu' | 'memoryBytes'> {
    return { devices: this.#seen.list(), cpu: this.#parts.cpu, memoryBytes: this.#parts.memoryBytes };
  }

  #state(): PolicyState {
    // A tenant that is still leaving comes back only when it has left.
    const isHeld = new Set(this.leases().map((lease) => lease.tenantId));
    const waiting = this.#line.all.some((request) => isHeld.has(request.id))
      ? this.#line.all.filter((request) => !isHeld.has(request.id))
      : [...this.#line.all];
    return { ...this.#bare(), leases: this.leases(), queues: this.#door?.queues() ?? [], waiting };
  }

  async #rounds(): Promise<void> {
    const { log, clock } = this.#parts;
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false;
      // A moment for others that ask at the same time.
      await new Promise((resolve) => setImmediate(resolve));
      try {
        await this.#decide();
      } catch (error) {
        log.warn({ cause: messageOf(error) }, 'grants could not be written; it is tried again');
        clock.after(RETRY_MS, () => this.nudge());
        return;
      }
    }
  }

  async #decide(): Promise<void> {
    const nowMs = this.#parts.clock.now();
    await this.#leaveDevices();
    const { state, decision } = this.#settle(nowMs);
    this.#decided = { state, decision, waits: undefined };
    this.#watchDevices();
    await this.#evictor.tell(
      decision.evictions.flatMap(({ leaseId, request }) => {
        const lease = this.#held.get(leaseId);
        const by = nameOf(request, lease?.orgId ?? null);
        return lease === undefined ? [] : [{ lease, why: { kind: 'needed', by, message: `its room is needed for ${by}` } as const }];
      }),
    );
    await this.#grant(decision.grants, nowMs);
    for (const waiter of this.#waiters.values()) this.#tell(waiter);
  }

  /** Decides, once those that would wait take what they do with. */
  #settle(nowMs: number): { readonly state: PolicyState; readonly decision: PolicyDecision } {
    for (;;) {
      const state = this.#state();
      const decision = decide(state, nowMs);
      if (![...this.#waiters.values()].some((waiter) => this.#takeLess(waiter, { state, decision, nowMs }))) return { state, decision };
    }
  }

  /** @returns whether its request in the line is another now */
  #takeLess(waiter: Waiter, { state, decision, nowMs }: { readonly state: PolicyState; readonly decision: PolicyDecision; readonly nowMs: number }): boolean {
    const { asking, request } = waiter;
    if (asking.less === undefined || asking.less.length === 0 || waiter.hasLess) return false;
    const wait = decision.waits.find((one) => one.request.id === request.id);
    if (wait === undefined || wait.why === 'evicting') return false;
    const patienceMs = waiter.askedAtMs + LESS_AFTER_MS - this.#parts.clock.monotonic();
    if (patienceMs > 0 && state.leases.some((lease) => lease.kind === 'model' && lease.devices.length > 0 && lease.idleSinceMs === null && !lease.isPinned)) {
      waiter.cancelPatience ??= this.#parts.clock.after(patienceMs, () => this.nudge());
      return false;
    }
    const index = chooseLess(state, request, asking.less, nowMs);
    if (index === undefined) return false;
    waiter.hasLess = true;
    this.#line.add({ ...request, ...asking.less[index] });
    asking.onLess?.({ index, freeBytes: freeFor(state, request), why: explainWait(state, wait, request.orgId) });
    return true;
  }

  async #grant(grants: readonly PolicyGrant[], nowMs: number): Promise<void> {
    if (grants.length === 0) return;
    const { database, clock, machine, onGranted } = this.#parts;
    const jobIds = grants.filter(({ request }) => !this.#waiters.has(request.id)).map(({ request }) => request.id);
    const written = await database.engine.transaction(async (sql) => {
      const claimed = jobIds.length === 0 ? new Set<string>() : ((await this.#door?.claim(sql, jobIds)) ?? new Set<string>());
      const made = grants
        .filter(({ request }) => this.#waiters.has(request.id) || claimed.has(request.id))
        .map((grant): HeldLease => ({ ...leaseOf(grant, { id: newId('lease', clock), nowMs }), devices: grant.devices, process: null, leaving: null }));
      await insertLeases(sql, machine, made);
      return made;
    });
    for (const { request } of grants) this.#line.delete(request.id);
    for (const lease of written) {
      this.#held.set(lease.id, lease);
      if (lease.devices.length > 0) onGranted?.(Math.max(0, nowMs - lease.queuedAtMs));
    }
    if (written.length > 0) database.announce();
    this.#handOut(written);
    // What was granted in vain may serve another.
    if (written.length < grants.length) this.#isDirty = true;
  }

  #handOut(leases: readonly HeldLease[]): void {
    const jobs = leases.filter((lease) => !this.#waiters.has(lease.tenantId) && lease.kind === 'job');
    for (const lease of leases) {
      const waiter = this.#waiters.get(lease.tenantId);
      this.#waiters.delete(lease.tenantId);
      if (waiter !== undefined) waiter.resolve(lease);
      // Who asked has gone while the grant was written.
      else if (lease.kind !== 'job') void this.release(lease.id).catch(() => undefined);
    }
    this.#door?.begin(jobs);
  }

  /** Tenants of a lost device are told to end, and those that idle on one that takes nobody new. */
  async #leaveDevices(): Promise<void> {
    const bad = new Map(this.#parts.devices.last().flatMap((gpu) => (gpu.state === 'ok' ? [] : [[gpu.uuid, gpu] as const])));
    if (bad.size === 0) return;
    await this.#evictor.tell(
      this.leases().flatMap((lease) => {
        const gpu = lease.devices.map((device) => bad.get(device.uuid)).find((one) => one !== undefined);
        const isToGo = gpu !== undefined && !lease.isLeaving && (gpu.state === 'lost' || (lease.idleSinceMs !== null && !lease.isPinned));
        if (!isToGo) return [];
        const message = `GPU ${gpu.index} ${gpu.state === 'lost' ? 'was lost' : 'takes nobody any more'}: ${gpu.reason ?? 'no reason is known'}`;
        return [{ lease, why: { kind: 'device', uuid: gpu.uuid, message } as const }];
      }),
    );
  }

  /** A look at the devices: what others use, who uses more than it was granted, who of the found is gone. */
  #look(gpus: Parameters<Parameters<Devices['onSample']>[0]>[0]): void {
    const before = JSON.stringify(this.#seen.list());
    this.#seen.look(gpus);
    const shares = this.leases().map((lease) => ({
      leaseId: lease.id,
      tenantId: lease.tenantId,
      isWhole: lease.isWhole,
      grantedBytes: lease.devices[0]?.bytes ?? 0,
      usedBytes: this.#seen.usedBy(lease.tenantId),
    }));
    const { told, ended } = this.#outgrown.judge(shares);
    const textOf = (share: { readonly usedBytes: number | undefined; readonly grantedBytes: number }): string =>
      `uses ${gib(share.usedBytes ?? 0)} of GPU memory; ${gib(share.grantedBytes)} were granted`;
    for (const share of told) {
      const lease = this.#held.get(share.leaseId);
      this.#parts.log.warn(
        { tenantId: share.tenantId, usedBytes: share.usedBytes, grantedBytes: share.grantedBytes },
        'a tenant uses more than it was granted',
      );
      if (lease?.kind === 'job') this.#door?.tell(share.tenantId, `the job ${textOf(share)}; if it stays so, it is ended`);
    }
    void this.#evictor
      .tell(
        ended.flatMap((share) => {
          const lease = this.#held.get(share.leaseId);
          if (lease === undefined || lease.isLeaving) return [];
          const why = { kind: 'outgrown', usedBytes: share.usedBytes ?? 0, grantedBytes: share.grantedBytes, message: `it ${textOf(share)}` } as const;
          return [{ lease, why }];
        }),
      )
      .catch((error: unknown) => this.#parts.log.warn({ cause: messageOf(error) }, 'a tenant that outgrew its share could not be told to end'));
    if (this.#found.size > 0) void this.#freeGone().catch(() => undefined);
    if (before !== JSON.stringify(this.#seen.list())) this.nudge();
  }

  /** Nobody took up what these hold, and their processes are gone. */
  async #freeGone(): Promise<void> {
    const stored = this.leases().filter((lease) => this.#found.has(lease.id));
    const left = await findLeaseProcesses(this.#parts.database.engine, stored);
    for (const lease of stored) if (isProvedGone(lease, left)) await this.release(lease.id);
  }

  /** Looked at more often while somebody holds devices or waits for some. */
  #watchDevices(): void {
    const isUsed = this.leases().some((lease) => lease.devices.length > 0) || this.#line.all.some((request) => deviceCount(request) > 0);
    if (isUsed && !this.#isStopped) this.#unuse ??= this.#parts.devices.use();
    else {
      this.#unuse?.();
      this.#unuse = undefined;
    }
  }

  #tell(waiter: Waiter): void {
    const reason = this.waitOf(waiter.request.id, waiter.request.orgId);
    if (reason === undefined || reason.message === waiter.told) return;
    waiter.told = reason.message;
    waiter.asking.onWait?.(reason);
  }

  #starts(): ReadonlyMap<string, number> {
    const { clock } = this.#parts;
    if (this.#forecast === undefined || clock.monotonic() - this.#forecast.atMs > FORECAST_MS)
      this.#forecast = { atMs: clock.monotonic(), starts: this.#decided === undefined ? new Map() : forecast(this.#decided.state, clock.now()) };
    return this.#forecast.starts;
  }

  #change(leaseId: string, facts: Partial<HeldLease>): void {
    const lease = this.#held.get(leaseId);
    if (lease !== undefined) this.#held.set(leaseId, { ...lease, ...facts });
  }

  async #note(leaseId: string): Promise<void> {
    const lease = this.#held.get(leaseId);
    if (lease !== undefined) await noteLease(this.#parts.database.engine, lease);
  }

  #forget(leaseId: string): void {
    this.#held.delete(leaseId);
    this.#found.delete(leaseId);
    this.nudge();
  }
}

function isSame(known: PolicyRequest | undefined, request: PolicyRequest): boolean {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(request);
}
