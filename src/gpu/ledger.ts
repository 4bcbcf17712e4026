/** The ledger: one line of jobs, models and services for the memory of the machine's devices, its cores and its memory. Decides by policy.ts, in rounds.ts.
 *  Truth is the table gpu_leases: a lease is written in the transaction that lets its tenant begin, and deleted in the one that records that its processes are gone.
 *  After a restart leases are found again; one is freed only when no process of its tenant is left. */
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import type { WaitReason } from '../contract/instances.ts';
import type { Devices } from './device.ts';
import { createDeviceWatch, type DeviceWatch } from './device-watch.ts';
import { createLeases, type Leases } from './leases.ts';
import { createLedgerDevices } from './ledger-devices.ts';
import { createEvictor, type EvictHandler, type Evictor } from './evictor.ts';
import type { GpuLedger, HeldLease, JobDoor, WaitingView } from './ledger-port.ts';
import { createLine } from './line.ts';
import { createOutgrown } from './outgrown.ts';
import { wouldGrant } from './policy-less.ts';
import { neverReason } from './policy-reasons.ts';
import type { PolicyDevice, PolicyRequest, PolicyState } from './policy-state.ts';
import { createRounds, type Rounds } from './rounds.ts';
import type { Asking, Lease, Need, TenantRequest } from './tenants.ts';
import type { DeviceTenant } from './usage.ts';
import { createWaiters, type Waiters } from './waiters.ts';
import { createWaits, type Waits } from './waits.ts';

export interface LedgerParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly devices: Pick<Devices, 'last' | 'unknown' | 'use' | 'onSample' | 'onChange'>;
  /** Names the workspace: its Studios see each other's leases. */
  readonly machine: string;
  readonly reserveBytes: number;
  readonly cpu: number;
  readonly memoryBytes: number;
  /** From the moment a request for devices could run, until it may. */
  readonly onGranted?: (waitMs: number, lease: HeldLease) => void;
}

export function createLedger(parts: LedgerParts): GpuLedger {
  return new LedgerProcess(parts);
}

class LedgerProcess implements GpuLedger {
  readonly #parts: LedgerParts;
  readonly #leases: Leases;
  readonly #line = createLine();
  readonly #waiters: Waiters;
  readonly #waits: Waits;
  readonly #evictor: Evictor;
  readonly #outgrown;
  readonly #seen;
  readonly #watch: DeviceWatch;
  readonly #rounds: Rounds;
  readonly #endings: (() => void)[] = [];
  #door: JobDoor | undefined;
  #isUnknown = true;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    const leases = (this.#leases = createLeases({ ...parts, onFreed: () => this.nudge() }));
    const evictor = (this.#evictor = createEvictor({
      ...parts,
      isHeld: (leaseId) => leases.get(leaseId) !== undefined && this.#rounds.isRunning,
      mark: (leaseId, leaving) => leases.change(leaseId, { isLeaving: true, leaving }),
      release: leases.release,
    }));
    const outgrown = (this.#outgrown = createOutgrown(parts.clock));
    const seen = (this.#seen = createLedgerDevices({ ...parts, tenantsOn: leases.tenantsOn }));
    this.#watch = createDeviceWatch({ ...parts, seen, outgrown, leases, evictor, tellJob: (jobId, line) => this.#door?.tell(jobId, line) });
    this.#waiters = createWaiters({ clock: parts.clock, nudge: () => this.nudge() });
    this.#waits = createWaits({ clock: parts.clock, neverReason: (request) => this.neverReason(request), unknownDevices: () => parts.devices.unknown() });
    this.#rounds = createRounds({
      ...parts,
      ...{ leases, evictor, line: this.#line, waiters: this.#waiters, waits: this.#waits, watch: this.#watch },
      state: () => this.#state(),
      door: () => this.#door,
    });
  }

  async start(): Promise<void> {
    const { database, devices } = this.#parts;
    await this.#leases.start();
    this.#watch.look(devices.last());
    this.#endings.push(
      devices.onSample((gpus) => this.#look(gpus)),
      devices.onChange(() => this.nudge()),
    );
    database.announce();
    this.#rounds.start();
  }

  stop(): void {
    this.#rounds.stop();
    for (const end of this.#endings.splice(0)) end();
    this.#watch.use(false);
  }

  attachJobs(door: JobDoor): void {
    this.#door = door;
  }

  async acquire(request: TenantRequest, asking: Asking = {}): Promise<Lease> {
    const fault = this.#neverFault(request);
    if (fault !== undefined) throw fault;
    asking.signal?.throwIfAborted();
    const granted = this.#waiters.add(request, asking, () => {
      this.#line.delete(request.id);
      this.nudge();
    });
    this.#line.add(request);
    this.nudge();
    return granted;
  }

  wouldGrant(request: TenantRequest, insteadOf: string): boolean {
    return wouldGrant(this.#state(), request, insteadOf, this.#parts.clock.now());
  }

  find(tenantId: string): Lease | undefined {
    return this.#leases.takeUp(tenantId);
  }

  async recordProcess(leaseId: string, process: { readonly pid: number; readonly started: string }): Promise<void> {
    this.#leases.change(leaseId, { process });
    await this.#leases.note(leaseId);
  }

  setIdle(leaseId: string, sinceMs: number | null): void {
    if (this.#leases.get(leaseId)?.idleSinceMs === sinceMs) return;
    this.#leases.change(leaseId, { idleSinceMs: sinceMs });
    if (sinceMs !== null) this.nudge();
  }

  setPinned(leaseId: string, isPinned: boolean): void {
    this.#leases.change(leaseId, { isPinned });
    void this.#leases.note(leaseId).catch((error: unknown) => this.#parts.log.warn({ leaseId, cause: messageOf(error) }, 'a pin could not be noted'));
    this.nudge();
  }

  release(leaseId: string): Promise<void> {
    return this.#leases.release(leaseId);
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
    this.#rounds.nudge();
  }

  settled(): Promise<void> {
    return this.#rounds.settled();
  }

  drop(tenantId: string): void {
    this.#line.delete(tenantId);
    const lease = this.leaseOf(tenantId);
    if (lease !== undefined) this.#leases.forget(lease.id);
  }

  neverReason(needs: Need): string | undefined {
    // Of devices that are still being asked for, nobody can say what they could never give.
    const asked = this.#parts.devices.unknown() === undefined ? needs : { ...needs, gpus: 0, vramBytes: 0 };
    return neverReason(this.#bare(), asked);
  }

  largest(): { gpus: number; vramBytes: number; cpu: number; memoryBytes: number } {
    const devices = this.#seen.list();
    const { cpu, memoryBytes } = this.#parts;
    return { gpus: devices.length, vramBytes: Math.max(0, ...devices.map((device) => device.totalBytes - device.reserveBytes)), cpu, memoryBytes };
  }

  waitOf(tenantId: string, viewer?: string | null): WaitReason | undefined {
    const request = this.#line.get(tenantId);
    return request === undefined ? undefined : this.#waits.of(request, viewer === undefined ? request.orgId : viewer);
  }

  waiting(viewer: string | null): readonly WaitingView[] {
    return this.#line.all.map((request) => ({
      request,
      reason: this.#waits.of(request, viewer) ?? { kind: 'starting', message: 'starts in a moment' },
    }));
  }

  waitingCount(): number {
    return this.#line.all.length;
  }

  leases(): readonly HeldLease[] {
    return this.#leases.all();
  }

  leaseOf(tenantId: string): HeldLease | undefined {
    return this.#leases.of(tenantId);
  }

  devices(): readonly PolicyDevice[] {
    return this.#seen.list();
  }

  tenantsOn(uuid: string): readonly DeviceTenant[] {
    return this.#leases.tenantsOn(uuid);
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

  #neverFault(request: TenantRequest): AppError | undefined {
    const never = this.neverReason(request);
    if (never === undefined) return undefined;
    return new AppError('unsatisfiable', { message: `${request.name ?? request.id} can't run here: ${never}.`, details: this.largest() });
  }

  /** Once the devices are known: who waits for what they can't give waits in vain. */
  #refuseNever(): void {
    if (this.#parts.devices.unknown() !== undefined) return;
    for (const id of this.#waiters.refuse((request) => this.#neverFault(request))) this.#line.delete(id);
    this.nudge();
  }

  #look(gpus: Parameters<DeviceWatch['look']>[0]): void {
    const isChanged = this.#watch.look(gpus);
    // A driver that takes its time holds up nobody but those who want its devices.
    if (this.#isUnknown !== (this.#parts.devices.unknown() !== undefined)) {
      this.#isUnknown = !this.#isUnknown;
      this.#refuseNever();
    } else if (isChanged) this.nudge();
    void this.#leases.freeGone().catch(() => undefined);
  }
}

function isSame(known: PolicyRequest | undefined, request: PolicyRequest): boolean {
  return known !== undefined && JSON.stringify(known) === JSON.stringify(request);
}
