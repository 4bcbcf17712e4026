/** The reservation of the first request that does not fit (EASY backfill): the earliest time at which it could start by what is known of the ends of others,
 *  the devices it would get, and what would be left beside it. Later requests pass it only if they end by then or take of what is left. Pure. */
import { copyRoom, placeIn, takeRoom, vacateRoom, type Board, type Room } from './policy-board.ts';
import { deviceCount, wantsWhole, type PolicyLease, type PolicyRequest } from './policy-state.ts';
import { isIdle, isPreemptibleFor } from './policy-evict.ts';

/** What ran past its limit is being ended: it counts as gone within this time. */
const OVERDUE_MS = 60_000;

export interface Reservation {
  readonly request: PolicyRequest;
  /** Undefined: what it waits for has no known end. */
  readonly untilMs: number | undefined;
  readonly devices: readonly number[];
  /** What is left beside it at that time; shrinks as others take of it. */
  readonly left: Room;
}

/** By when a lease is gone: a time; `unknown`; or `never`, as far as anybody can tell. */
export function endOf(lease: PolicyLease, nowMs: number, head?: PolicyRequest): number | 'unknown' | 'never' {
  if (lease.isFenced) return 'never';
  if (lease.isLeaving || isIdle(lease) || (head !== undefined && isPreemptibleFor(lease, head, nowMs))) return nowMs;
  if (lease.isPinned) return 'never';
  return lease.endsByMs === undefined ? 'unknown' : lease.endsByMs <= nowMs ? nowMs + OVERDUE_MS : lease.endsByMs;
}

/** @param given what this decision gave away or promised  @param isGone what it told to end  @returns undefined: it would not fit either when all that has an end has ended */
export function reserve(
  board: Board,
  request: PolicyRequest,
  facts: { readonly given: readonly PolicyLease[]; readonly isGone: (lease: PolicyLease) => boolean; readonly nowMs: number },
): Reservation | undefined {
  const { nowMs } = facts;
  const room = copyRoom(board.soon);
  // What is leaving is free in `soon` already.
  const open = [...board.state.leases, ...facts.given]
    .filter((lease) => !(lease.isLeaving && !lease.isFenced) && !facts.isGone(lease))
    .map((lease) => ({ lease, end: endOf(lease, nowMs, request) }));
  for (const { lease, end } of open) if (end === nowMs) vacateRoom(board, room, lease);
  const known = open.flatMap(({ lease, end }) => (typeof end === 'number' && end > nowMs ? [{ lease, end }] : [])).toSorted((a, b) => a.end - b.end);
  let placed = place(board, room, request);
  let untilMs = nowMs;
  for (let next = 0; placed === undefined && next < known.length; next++) {
    const { lease, end } = known[next] ?? { lease: undefined, end: 0 };
    if (lease !== undefined) vacateRoom(board, room, lease);
    untilMs = end;
    if (known[next + 1]?.end !== end) placed = place(board, room, request);
  }
  if (placed !== undefined) return { request, untilMs, devices: placed, left: beside(board, room, request, placed) };
  for (const { lease, end } of open) if (end === 'unknown') vacateRoom(board, room, lease);
  placed = place(board, room, request);
  return placed === undefined ? undefined : { request, untilMs: undefined, devices: placed, left: beside(board, room, request, placed) };
}

function place(board: Board, room: Room, request: PolicyRequest): readonly number[] | undefined {
  return placeIn(board, [room], request, () => true);
}

function beside(board: Board, room: Room, request: PolicyRequest, devices: readonly number[]): Room {
  takeRoom(board, room, request, devices);
  return room;
}

/** Whether a request may go ahead of the reservation on this device (undefined: on the machine alone). */
export function mayPass(reservation: Reservation, request: PolicyRequest, at: number | undefined, nowMs: number | undefined): boolean {
  if (nowMs !== undefined && reservation.untilMs !== undefined && request.limitMs !== undefined && nowMs + request.limitMs <= reservation.untilMs) return true;
  const { left, devices } = reservation;
  if (at === undefined) return (request.cpu === 0 || request.cpu <= left.cpu) && (request.memoryBytes === 0 || request.memoryBytes <= left.memoryBytes);
  if (!devices.includes(at)) return true;
  return !wantsWhole(request) && !wantsWhole(reservation.request) && request.vramBytes <= (left.free[at] ?? 0);
}

/** A request that goes ahead takes of what is left, unless it ends in time. */
export function passes(board: Board, reservation: Reservation, request: PolicyRequest, devices: readonly number[], nowMs: number | undefined): void {
  if (nowMs !== undefined && reservation.untilMs !== undefined && request.limitMs !== undefined && nowMs + request.limitMs <= reservation.untilMs) return;
  takeRoom(board, reservation.left, request, devices);
}

/** Requests for devices and for the machine alone do not stand in each other's way. */
export function poolOf(request: PolicyRequest): 'devices' | 'machine' {
  return deviceCount(request) > 0 ? 'devices' : 'machine';
}
