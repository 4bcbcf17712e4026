/** Who has to go so that a request fits: idle tenants first (longest idle first), then preemptible ones that matter less, never what is pinned. As few as possible. Pure. */
import { copyRoom, fitsDevice, fitsMachine, placeIn, vacateRoom, type Board, type Room } from './policy-board.ts';
import { deviceCount, keyOf, wantsWhole, type PolicyLease, type PolicyRequest } from './policy-state.ts';

/** Whether the tenant may be told to end for whoever comes. */
export function isIdle(lease: PolicyLease): boolean {
  return lease.idleSinceMs !== null && !lease.isPinned && !lease.isLeaving && !lease.isFenced;
}

/** Whether a preemptible tenant gives way to this request. Put back in line it keeps what it had waited, and stands behind: none of them chase each other in circles,
 *  and who was stopped often gathers so much waiting that nothing ordinary stops it any more. */
export function isPreemptibleFor(lease: PolicyLease, request: PolicyRequest, nowMs: number): boolean {
  if (!lease.isPreemptible || lease.isPinned || lease.isLeaving || lease.isFenced || lease.priority >= request.priority) return false;
  const queuedAgainMs = nowMs - (lease.grantedAtMs - lease.queuedAtMs);
  return keyOf(request) < keyOf({ priority: lease.priority, queuedAtMs: queuedAgainMs });
}

export interface EvictionPlan {
  readonly victims: readonly PolicyLease[];
  /** Indices of devices it will have. */
  readonly devices: readonly number[];
}

/** @param isTaken victims of an earlier plan of this decision  @returns undefined when nobody's going would make it fit */
export function planEvictions(
  board: Board,
  request: PolicyRequest,
  options: { readonly nowMs: number; readonly isTaken: (lease: PolicyLease) => boolean; readonly mayUse: (at: number) => boolean },
): EvictionPlan | undefined {
  const open = board.state.leases.filter((lease) => !options.isTaken(lease));
  const idle = open.filter(isIdle).toSorted(compareIdle);
  const fromIdle = idle.length === 0 ? undefined : planFrom(board, request, idle, options.mayUse);
  if (fromIdle !== undefined) return fromIdle;
  const preemptible = open.filter((lease) => !isIdle(lease) && isPreemptibleFor(lease, request, options.nowMs)).toSorted(comparePreemptible);
  return preemptible.length === 0 ? undefined : planFrom(board, request, [...idle, ...preemptible], options.mayUse);
}

function compareIdle(a: PolicyLease, b: PolicyLease): number {
  return (a.idleSinceMs ?? 0) - (b.idleSinceMs ?? 0) || (a.id < b.id ? -1 : 1);
}

/** What matters least first; of equals what has done the least work. */
function comparePreemptible(a: PolicyLease, b: PolicyLease): number {
  return a.priority - b.priority || b.grantedAtMs - a.grantedAtMs || (a.id < b.id ? -1 : 1);
}

/** @param pool the cheapest to lose first */
function planFrom(board: Board, request: PolicyRequest, pool: readonly PolicyLease[], mayUse: (at: number) => boolean): EvictionPlan | undefined {
  const count = deviceCount(request);
  const cost = new Map(pool.map((lease, index) => [lease.id, index + 1]));
  const options = board.state.devices
    .map((_, at) => ({ at, victims: mayUse(at) ? victimsOn(board, request, pool, at) : undefined }))
    .flatMap(({ at, victims }) => (victims === undefined ? [] : [{ at, victims, cost: victims.reduce((sum, lease) => sum + (cost.get(lease.id) ?? 0), 0) }]))
    .toSorted((a, b) => a.cost - b.cost || a.at - b.at);
  if (options.length < count) return undefined;
  const chosen = options.slice(0, count);
  const victims = new Set(chosen.flatMap((option) => option.victims));
  const room = without(board, victims);
  for (const lease of pool) {
    if (fitsMachine(room, request)) break;
    if (victims.has(lease) || (lease.cpu === 0 && lease.memoryBytes === 0)) continue;
    victims.add(lease);
    vacateRoom(board, room, lease);
  }
  const devices = chosen.map((option) => option.at);
  if (!fitsOn(board, room, request, devices)) return undefined;
  return { victims: pruned(board, request, devices, pool, victims), devices };
}

/** Enough of the pool, in its order, that the request fits on this device. */
function victimsOn(board: Board, request: PolicyRequest, pool: readonly PolicyLease[], at: number): readonly PolicyLease[] | undefined {
  const uuid = board.state.devices[at]?.uuid;
  const room = copyRoom(board.soon);
  const victims: PolicyLease[] = [];
  for (const lease of pool) {
    if (fitsDevice(board, room, request, at)) break;
    if (!lease.devices.some((device) => device.uuid === uuid)) continue;
    victims.push(lease);
    vacateRoom(board, room, lease);
  }
  return fitsDevice(board, room, request, at) ? victims : undefined;
}

function without(board: Board, victims: Iterable<PolicyLease>): Room {
  const room = copyRoom(board.soon);
  for (const lease of victims) vacateRoom(board, room, lease);
  return room;
}

function fitsOn(board: Board, room: Room, request: PolicyRequest, devices: readonly number[]): boolean {
  return placeIn(board, [room], request, (at) => devices.includes(at)) !== undefined;
}

/** Lets those stay that turn out not to be needed, the dearest first. */
function pruned(
  board: Board,
  request: PolicyRequest,
  devices: readonly number[],
  pool: readonly PolicyLease[],
  chosen: ReadonlySet<PolicyLease>,
): readonly PolicyLease[] {
  let victims = pool.filter((lease) => chosen.has(lease));
  if (victims.length < 2 && !wantsWhole(request)) return victims;
  for (const lease of victims.toReversed()) {
    const fewer = victims.filter((one) => one !== lease);
    if (fitsOn(board, without(board, fewer), request, devices)) victims = fewer;
  }
  return victims;
}
