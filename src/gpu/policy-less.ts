/** Tenants that would do with less than they ask for: what the policy would give them now in place of waiting. Decides nothing by itself: it asks policy.ts
 *  what would come of the smaller request, so that nobody before it is put off and no rule is written twice. Pure. */
import { copyRoom, createBoard, placeIn, vacateRoom, type Board, type Room } from './policy-board.ts';
import { isIdle } from './policy-evict.ts';
import { decide } from './policy.ts';
import { compareRank, deviceCount, type PolicyRequest, type PolicyState } from './policy-state.ts';
import type { Need } from './tenants.ts';

/** With so many before it, one question has to do: each plays all of them. */
const MANY_BEFORE = 200;

/** @param needs best first  @returns the index of the first that would be granted now, or once idle tenants have gone; undefined: it waits for any of them */
export function chooseLess(state: PolicyState, request: PolicyRequest, needs: readonly Need[], nowMs: number): number | undefined {
  const board = createBoard(state);
  const room = roomWithoutIdle(board);
  const before = state.waiting.filter((other) => compareRank(other, request) < 0);
  const placed = needs.flatMap((need, at) => (placeIn(board, [room], { ...request, ...need }, () => true) === undefined ? [] : [at]));
  return placed.slice(0, before.length > MANY_BEFORE ? 1 : placed.length).find((at) => {
    const less = { ...request, ...needs[at] };
    const { grants, waits } = decide({ ...state, waiting: [...before, less] }, nowMs);
    return grants.some((grant) => grant.request === less) || waits.some((wait) => wait.request === less && wait.why === 'evicting');
  });
}

/** Whether a request would be granted at once if this lease were given back, and nobody else had to go. */
export function wouldGrant(state: PolicyState, request: PolicyRequest, insteadOf: string, nowMs: number): boolean {
  const leases = state.leases.filter((lease) => lease.id !== insteadOf);
  const before = state.waiting.filter((other) => compareRank(other, request) < 0);
  return decide({ ...state, leases, waiting: [...before, request] }, nowMs).grants.some((grant) => grant.request === request);
}

/** What a request could have of a device at most, once idle tenants have gone: of several devices, of each. Bytes. */
export function freeFor(state: PolicyState, request: PolicyRequest): number {
  const board = createBoard(state);
  const free = roomWithoutIdle(board).free.map((bytes, at) => (board.state.devices[at]?.isUsable === true ? Math.max(0, bytes) : 0));
  return free.toSorted((a, b) => b - a)[Math.max(1, deviceCount(request)) - 1] ?? 0;
}

function roomWithoutIdle(board: Board): Room {
  const room = copyRoom(board.soon);
  for (const lease of board.state.leases) if (isIdle(lease)) vacateRoom(board, room, lease);
  return room;
}
