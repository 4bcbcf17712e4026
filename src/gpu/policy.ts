/** Who gets memory of devices, who has to go, and who waits: one decision over one line of jobs, models and services. Pure: the same facts give the same decision.
 *  Invariants: grants + what is held + reserve + outside use never exceed a device; a whole device has one tenant; what is pinned is never told to end; the first
 *  that does not fit is never delayed by those behind it. The rules in words, and what the simulation proves: README.md. */
import { createBoard, placeIn, takeRoom, vacateRoom, wholeBytes, type Board } from './policy-board.ts';
import { planEvictions } from './policy-evict.ts';
import { createRefusals } from './policy-refusals.ts';
import { mayPass, passes, poolOf, reserve, type Reservation } from './policy-reserve.ts';
import {
  compareRank,
  keyOf,
  wantsWhole,
  type PolicyDecision,
  type PolicyEviction,
  type PolicyGrant,
  type PolicyLease,
  type PolicyRequest,
  type PolicyState,
  type PolicyWait,
} from './policy-state.ts';
import { createSlotBook } from './policy-slots.ts';

/** What is to be done now. @param nowMs wall time, ms  @returns every waiting request in exactly one of grants and waits */
export function decide(state: PolicyState, nowMs: number): PolicyDecision {
  const round = new Round(state, nowMs);
  for (const request of inRank(state.waiting)) round.consider(request);
  return round;
}

function inRank(waiting: readonly PolicyRequest[]): readonly PolicyRequest[] {
  let before: PolicyRequest | undefined;
  let beforeKey = Number.NEGATIVE_INFINITY;
  for (const request of waiting) {
    const key = keyOf(request);
    if (key < beforeKey || (key === beforeKey && before !== undefined && compareRank(before, request) > 0)) return waiting.toSorted(compareRank);
    before = request;
    beforeKey = key;
  }
  return waiting;
}

class Round implements PolicyDecision {
  readonly grants: PolicyGrant[] = [];
  readonly evictions: PolicyEviction[] = [];
  readonly waits: PolicyWait[] = [];
  readonly #nowMs: number;
  readonly #board: Board;
  readonly #slots: ReturnType<typeof createSlotBook>;
  readonly #reservations: Reservation[] = [];
  readonly #victims = new Set<PolicyLease>();
  readonly #given: PolicyLease[] = [];
  #refusals = createRefusals();

  constructor(state: PolicyState, nowMs: number) {
    this.#nowMs = nowMs;
    this.#board = createBoard(state);
    this.#slots = createSlotBook(state.queues);
  }

  consider(request: PolicyRequest): void {
    if (!this.#slots.hasSlot(request)) return void this.waits.push({ request, why: 'slot' });
    // Room only shrinks within a decision: who asks for no less than one that was refused is refused.
    const refused = this.#refusals.find(request);
    if (refused !== undefined) return void this.waits.push({ request, why: refused.why, behind: refused.behind });
    const placed = this.#place(request, true);
    if (placed !== undefined) return this.#grant(request, placed);
    const wait = this.#makeRoom(request) ?? this.#refuse(request);
    this.waits.push(wait);
  }

  /** @param isNow false: once those that were told to end have ended, at a time nobody knows */
  #place(request: PolicyRequest, isNow: boolean): readonly number[] | undefined {
    const { now, soon } = this.#board;
    const asOf = isNow ? this.#nowMs : undefined;
    if (!this.#reservations.every((one) => mayPass(one, request, undefined, asOf))) return undefined;
    return placeIn(this.#board, isNow ? [now, soon] : [soon], request, (at) => this.#mayUse(request, at, asOf));
  }

  #mayUse(request: PolicyRequest, at: number, asOf: number | undefined): boolean {
    for (const reservation of this.#reservations) if (!mayPass(reservation, request, at, asOf)) return false;
    return true;
  }

  #grant(request: PolicyRequest, devices: readonly number[]): void {
    this.grants.push({ request, devices: this.#devicesOf(request, devices), isWhole: wantsWhole(request) });
    takeRoom(this.#board, this.#board.now, request, devices);
    this.#promise(request, devices, this.#nowMs);
  }

  /** What nobody behind may have any more. */
  #promise(request: PolicyRequest, devices: readonly number[], asOf: number | undefined): void {
    takeRoom(this.#board, this.#board.soon, request, devices);
    this.#given.push(this.#leaseOf(request, devices));
    for (const reservation of this.#reservations) passes(this.#board, reservation, request, devices, asOf);
    this.#slots.take(request);
  }

  /** Waits for what is leaving already, or tells more to leave. */
  #makeRoom(request: PolicyRequest): PolicyWait | undefined {
    const coming = this.#place(request, false);
    if (coming !== undefined) {
      this.#promise(request, coming, undefined);
      return { request, why: 'evicting' };
    }
    if (!this.#reservations.every((one) => mayPass(one, request, undefined, undefined))) return undefined;
    const plan = planEvictions(this.#board, request, {
      nowMs: this.#nowMs,
      isTaken: (lease) => this.#victims.has(lease),
      mayUse: (at) => this.#mayUse(request, at, undefined),
    });
    if (plan === undefined) return undefined;
    for (const lease of plan.victims) {
      this.#victims.add(lease);
      vacateRoom(this.#board, this.#board.soon, lease);
      this.evictions.push({ leaseId: lease.id, request });
    }
    this.#promise(request, plan.devices, undefined);
    // A victim may have held more than was asked for.
    this.#refusals = createRefusals();
    return { request, why: 'evicting' };
  }

  #refuse(request: PolicyRequest): PolicyWait {
    const first = this.#reservations.find((one) => poolOf(one.request) === poolOf(request));
    const wait: PolicyWait = first === undefined ? this.#reserve(request) : { request, why: 'short', behind: first.request };
    this.#refusals.add(request, { why: wait.why === 'stuck' ? 'stuck' : 'short', behind: first?.request ?? (wait.why === 'short' ? request : undefined) });
    return wait;
  }

  #reserve(request: PolicyRequest): PolicyWait {
    const reservation = reserve(this.#board, request, { given: this.#given, isGone: (lease) => this.#victims.has(lease), nowMs: this.#nowMs });
    if (reservation === undefined) return { request, why: 'stuck' };
    this.#reservations.push(reservation);
    return { request, why: 'short', ...(reservation.untilMs === undefined ? {} : { untilMs: reservation.untilMs }) };
  }

  #devicesOf(request: PolicyRequest, devices: readonly number[]): PolicyGrant['devices'] {
    return devices.flatMap((at) => {
      const device = this.#board.state.devices[at];
      return device === undefined
        ? []
        : [{ uuid: device.uuid, index: device.index, bytes: wantsWhole(request) ? wholeBytes(this.#board, at) : request.vramBytes }];
    });
  }

  #leaseOf(request: PolicyRequest, devices: readonly number[]): PolicyLease {
    return leaseOf({ request, devices: this.#devicesOf(request, devices), isWhole: wantsWhole(request) }, { id: request.id, nowMs: this.#nowMs });
  }
}

/** The lease a grant becomes. */
export function leaseOf(grant: PolicyGrant, at: { readonly id: string; readonly nowMs: number }): PolicyLease {
  const { request } = grant;
  return {
    id: at.id,
    tenantId: request.id,
    kind: request.kind,
    name: request.name,
    orgId: request.orgId,
    devices: grant.devices,
    isWhole: grant.isWhole,
    cpu: request.cpu,
    memoryBytes: request.memoryBytes,
    priority: request.priority,
    queuedAtMs: request.queuedAtMs,
    grantedAtMs: at.nowMs,
    endsByMs: request.limitMs === undefined ? undefined : at.nowMs + request.limitMs,
    isPreemptible: request.isPreemptible,
    isPinned: request.isPinned,
    idleSinceMs: null,
    isLeaving: false,
    isFenced: false,
  };
}
