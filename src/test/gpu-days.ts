/** A random day on a random machine, for the policy of device memory: jobs, models and services come, idle, wake, end and are told to go; cards fall out, others use them.
 *  After every decision an oracle that knows nothing of the policy's way looks at what came of it. The same seed is the same day. */
import { isDeepStrictEqual } from 'node:util';
import { decide, leaseOf } from '../gpu/policy.ts';
import {
  compareRank,
  type PolicyDecision,
  type PolicyDevice,
  type PolicyLease,
  type PolicyQueue,
  type PolicyRequest,
  type PolicyState,
} from '../gpu/policy-state.ts';
import { faultsOf, type Look } from './gpu-oracle.ts';
import { randomOf, shuffle } from './chaos/random.ts';
import { between, pick, type Random } from './simulation/random.ts';

const GIB = 1024 ** 3;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

interface Tenant {
  readonly request: PolicyRequest;
  /** How long it really runs; a model lives until it is told to go or the day ends. */
  readonly runsMs: number;
  /** Its place in line when it was last put there. */
  queuedAtMs: number;
}

interface Event {
  readonly atMs: number;
  readonly run: () => void;
}

class World {
  readonly random: Random;
  nowMs = 0;
  devices: PolicyDevice[];
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly slots: ReadonlyMap<string, number>;
  readonly leases = new Map<string, PolicyLease>();
  readonly tenants = new Map<string, Tenant>();
  readonly waiting = new Map<string, PolicyRequest>();
  /** When waiting facts changed that no reservation can foresee. */
  upsets = 0;
  readonly #events: Event[] = [];

  constructor(seed: number) {
    this.random = randomOf(seed);
    const size = pick(this.random, [8, 24, 80]);
    this.devices = Array.from({ length: between(this.random, 0, 4) }, (_, index) => ({
      uuid: `GPU-${index}`,
      index,
      totalBytes: (this.random() < 0.2 ? 16 : size) * GIB,
      reserveBytes: between(this.random, 0, 1) * GIB,
      externalBytes: 0,
      isUsable: true,
    }));
    this.cpu = between(this.random, 2, 16);
    this.memoryBytes = between(this.random, 16, 128) * GIB;
    this.slots = new Map([
      ['gpu', between(this.random, 1, 12)],
      ['studio', between(this.random, 1, 4)],
    ]);
  }

  at(atMs: number, run: () => void): void {
    const place = this.#events.findLastIndex((event) => event.atMs <= atMs) + 1;
    this.#events.splice(place, 0, { atMs, run });
  }

  /** Runs what happens next. @returns false when nothing does */
  next(): boolean {
    const event = this.#events.shift();
    if (event === undefined) return false;
    this.nowMs = Math.max(this.nowMs, event.atMs);
    event.run();
    return true;
  }

  state(): PolicyState {
    const queues: PolicyQueue[] = [...this.slots].map(([name, slots]) => ({
      name,
      freeSlots: slots - [...this.leases.values()].filter((lease) => this.tenants.get(lease.tenantId)?.request.queue === name).length,
      others: [],
    }));
    const { devices, cpu, memoryBytes } = this;
    return { devices, cpu, memoryBytes, leases: [...this.leases.values()], queues, waiting: [...this.waiting.values()].toSorted(compareRank) };
  }

  change(id: string, facts: Partial<PolicyLease>): void {
    const lease = this.leases.get(id);
    if (lease !== undefined) this.leases.set(id, { ...lease, ...facts });
  }

  end(id: string): void {
    this.leases.delete(id);
  }

  queue(tenant: Tenant): void {
    this.tenants.set(tenant.request.id, tenant);
    this.waiting.set(tenant.request.id, { ...tenant.request, queuedAtMs: tenant.queuedAtMs });
  }

  /** Put back in line it keeps what it had waited. */
  requeue(lease: PolicyLease): void {
    const tenant = this.tenants.get(lease.tenantId);
    if (tenant === undefined) return;
    tenant.queuedAtMs = this.nowMs - (lease.grantedAtMs - lease.queuedAtMs);
    this.queue(tenant);
  }
}

/** @returns what went wrong, first fault first; empty: nothing */
export function simulateDay(seed: number): readonly string[] {
  const world = new World(seed);
  populate(world);
  const faults: string[] = [];
  let before: Look | undefined;
  while (faults.length === 0 && world.next()) before = settle(world, before, faults);
  if (faults.length > 0) return faults;
  // The day is over: cards come back, others leave, nothing is pinned. Everybody who waits must have a turn.
  world.devices = world.devices.map((device) => ({ ...device, externalBytes: 0, isUsable: true }));
  world.upsets++;
  world.at(world.nowMs + 1, () => undefined);
  for (let turns = 0; faults.length === 0 && world.next(); turns++) {
    before = settle(world, before, faults);
    for (const lease of world.leases.values()) {
      if (lease.isPinned) world.at(world.nowMs, () => world.change(lease.id, { isPinned: false }));
      if (lease.kind !== 'job' && lease.idleSinceMs === null && !lease.isLeaving) idle(world, lease.id);
    }
    if (turns > 20_000) faults.push('the line does not come to an end');
  }
  if (faults.length === 0 && world.waiting.size > 0) faults.push(`nobody serves ${[...world.waiting.keys()].join(', ')}`);
  return faults;
}

/** Everything is quiet again one minute later. */
function idle(world: World, id: string): void {
  world.at(world.nowMs + MINUTE, () => world.change(id, { idleSinceMs: world.nowMs }));
}

/** Decides until nothing is left to grant at this instant. */
function settle(world: World, before: Look | undefined, faults: string[]): Look | undefined {
  let look = before;
  for (let rounds = 0; rounds < 50; rounds++) {
    const state = world.state();
    const decision = decide(state, world.nowMs);
    const again = decide({ ...state, leases: shuffle(state.leases, world.random), waiting: shuffle(state.waiting, world.random) }, world.nowMs);
    if (!isDeepStrictEqual(plain(decision), plain(again))) faults.push('the same facts in another order gave another decision');
    apply(world, decision);
    look = { nowMs: world.nowMs, before: state, decision, after: world.state(), upsets: world.upsets, last: look };
    faults.push(...faultsOf(look).map((fault) => `${Math.round(world.nowMs / MINUTE)} min: ${fault}`));
    look = { ...look, last: undefined };
    if (faults.length > 0 || (decision.grants.length === 0 && decision.evictions.length === 0)) return look;
  }
  faults.push('it decides on and on');
  return look;
}

function plain({ grants, evictions, waits }: PolicyDecision): unknown {
  return [
    grants.map(({ request, devices }) => [request.id, devices]),
    evictions.map(({ leaseId, request }) => [leaseId, request.id]),
    waits.map((wait) => [wait.request.id, wait.why, wait.untilMs, wait.behind?.id]),
  ];
}

function apply(world: World, decision: PolicyDecision): void {
  for (const { leaseId } of decision.evictions) {
    world.change(leaseId, { isLeaving: true });
    world.at(world.nowMs + between(world.random, 0, 10_000), () => {
      const lease = world.leases.get(leaseId);
      if (lease === undefined) return;
      world.end(leaseId);
      if (lease.kind === 'job' || world.random() < 0.3) world.requeue(lease);
    });
  }
  for (const grant of decision.grants) {
    world.waiting.delete(grant.request.id);
    const id = `lease/${grant.request.id}/${world.nowMs}`;
    world.leases.set(id, leaseOf(grant, { id, nowMs: world.nowMs }));
    const tenant = world.tenants.get(grant.request.id);
    if (grant.request.kind === 'job') world.at(world.nowMs + (tenant?.runsMs ?? 0), () => world.end(id));
    else if (world.random() < 0.8) idle(world, id);
  }
}

function populate(world: World): void {
  const { random, devices } = world;
  const count = between(random, 5, 60);
  for (let number = 0; number < count; number++) world.at(Math.floor(random() * DAY), () => world.queue(tenantOf(world, number)));
  for (let number = 0; number < between(random, 0, 30); number++) world.at(Math.floor(random() * DAY), () => touchModel(world));
  if (devices.length === 0) return;
  for (let number = 0; number < between(random, 0, 6); number++) world.at(Math.floor(random() * DAY), () => upset(world));
}

/** A model is used, rests, or is pinned. */
function touchModel(world: World): void {
  const models = [...world.leases.values()].filter((lease) => lease.kind !== 'job' && !lease.isLeaving);
  if (models.length === 0) return;
  const lease = pick(world.random, models);
  world.upsets++;
  if (world.random() < 0.2) return world.change(lease.id, { isPinned: !lease.isPinned });
  world.change(lease.id, { idleSinceMs: lease.idleSinceMs === null ? world.nowMs : null });
}

/** Another process takes or gives memory, or a card falls out or comes back. */
function upset(world: World): void {
  const victim = pick(world.random, world.devices);
  world.upsets++;
  const isLost = world.random() < 0.3;
  const externalBytes = between(world.random, 0, 3) === 0 ? between(world.random, 0, victim.totalBytes / GIB) * GIB : 0;
  world.devices = world.devices.map((device) => (device === victim ? { ...device, externalBytes, isUsable: !isLost } : device));
  if (!isLost) return;
  for (const lease of world.leases.values()) {
    if (!lease.devices.some(({ uuid }) => uuid === victim.uuid)) continue;
    world.end(lease.id);
    world.requeue(lease);
  }
}

function tenantOf(world: World, number: number): Tenant {
  const { random, devices, nowMs } = world;
  const kind = random() < 0.75 ? 'job' : pick(random, ['model', 'service'] as const);
  const smallest = Math.min(...devices.map((device) => device.totalBytes - device.reserveBytes));
  const isOnDevice = devices.length > 0 && (kind !== 'job' || random() < 0.8);
  const gpus = isOnDevice && random() < 0.4 ? between(random, 1, devices.length) : 0;
  const vramBytes = isOnDevice && (gpus === 0 || random() < 0.3) ? between(random, 1, smallest / GIB) * GIB : 0;
  const limitMs = kind === 'job' ? between(random, 1, 300) * MINUTE : undefined;
  const isMachine = !isOnDevice || random() < 0.4;
  const request: PolicyRequest = {
    id: `${kind}_${String(number).padStart(3, '0')}`,
    kind,
    orgId: null,
    gpus,
    vramBytes,
    cpu: isMachine ? between(random, 1, world.cpu) : 0,
    memoryBytes: isMachine ? between(random, 0, world.memoryBytes / GIB) * GIB : 0,
    priority: pick(random, [25, 50, 50, 75, 100]),
    queuedAtMs: nowMs,
    limitMs,
    isPreemptible: kind === 'job' && random() < 0.3,
    isPinned: kind !== 'job' && random() < 0.1,
    queue: kind === 'job' ? (isOnDevice ? 'gpu' : 'studio') : undefined,
  };
  return { request, runsMs: Math.max(1, Math.floor((limitMs ?? 0) * random())), queuedAtMs: nowMs };
}
