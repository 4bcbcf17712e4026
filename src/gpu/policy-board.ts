/** Free room on the devices and the machine while a decision is made: what is free now, and what will be once all that was told to end has ended.
 *  Whoever was promised what is still being freed takes it from `soon` alone, so nobody behind gets it. Mutable, of one decision. */
import { deviceCount, mayBeWhole, roomOf, wantsWhole, type PolicyLease, type PolicyRequest, type PolicyState } from './policy-state.ts';

/** Room at one time. `tenants` counts leases on a device; a whole lease leaves nothing. */
export interface Room {
  readonly free: number[];
  readonly tenants: number[];
  cpu: number;
  memoryBytes: number;
}

type Need = Pick<PolicyRequest, 'gpus' | 'vramBytes' | 'cpu' | 'memoryBytes'>;

export interface Board {
  readonly state: PolicyState;
  readonly now: Room;
  readonly soon: Room;
  readonly indexOf: ReadonlyMap<string, number>;
}

export function createBoard(state: PolicyState): Board {
  const now = emptyRoom(state);
  const board = { state, now, soon: now, indexOf: new Map(state.devices.map((device, index) => [device.uuid, index])) };
  for (const lease of state.leases) occupyRoom(board, now, lease);
  const soon = copyRoom(now);
  for (const lease of state.leases) if (lease.isLeaving && !lease.isFenced) vacateRoom(board, soon, lease);
  return { ...board, soon };
}

function emptyRoom(state: PolicyState): Room {
  return { free: state.devices.map(roomOf), tenants: state.devices.map(() => 0), cpu: state.cpu, memoryBytes: state.memoryBytes };
}

export function copyRoom(room: Room): Room {
  return { free: [...room.free], tenants: [...room.tenants], cpu: room.cpu, memoryBytes: room.memoryBytes };
}

/** Leases on devices that are not there any more take nothing of what is. */
function occupyRoom(board: Pick<Board, 'indexOf'>, room: Room, lease: PolicyLease): void {
  for (const { uuid, bytes } of lease.devices) {
    const at = board.indexOf.get(uuid);
    if (at === undefined) continue;
    room.free[at] = (room.free[at] ?? 0) - bytes;
    // Beside a whole tenant there is no room, however little it was granted.
    room.tenants[at] = (room.tenants[at] ?? 0) + (lease.isWhole ? WHOLE : 1);
  }
  room.cpu -= lease.cpu;
  room.memoryBytes -= lease.memoryBytes;
}

const WHOLE = 1_000_000;

export function vacateRoom(board: Pick<Board, 'indexOf'>, room: Room, lease: PolicyLease): void {
  for (const { uuid, bytes } of lease.devices) {
    const at = board.indexOf.get(uuid);
    if (at === undefined) continue;
    room.free[at] = (room.free[at] ?? 0) + bytes;
    room.tenants[at] = (room.tenants[at] ?? 0) - (lease.isWhole ? WHOLE : 1);
  }
  room.cpu += lease.cpu;
  room.memoryBytes += lease.memoryBytes;
}

/** Takes what a request gets on these devices. */
export function takeRoom(board: Board, room: Room, request: Need, devices: readonly number[]): void {
  const isWhole = wantsWhole(request);
  for (const at of devices) {
    room.free[at] = (room.free[at] ?? 0) - (isWhole ? wholeBytes(board, at) : request.vramBytes);
    room.tenants[at] = (room.tenants[at] ?? 0) + (isWhole ? WHOLE : 1);
  }
  room.cpu -= request.cpu;
  room.memoryBytes -= request.memoryBytes;
}

/** What a whole device is granted with: all that is not held back. */
export function wholeBytes(board: Board, at: number): number {
  const device = board.state.devices[at];
  return device === undefined ? 0 : roomOf(device);
}

/** Rounding of fractions of a core never costs a request its place. */
const CPU_SLACK = 1e-9;

export function fitsMachine(room: Room, request: Need): boolean {
  return request.cpu <= room.cpu + CPU_SLACK && request.memoryBytes <= room.memoryBytes;
}

export function fitsDevice(board: Board, room: Room, request: Need, at: number): boolean {
  const device = board.state.devices[at];
  const tenants = room.tenants[at] ?? 0;
  if (device?.isUsable !== true || tenants >= WHOLE) return false;
  return wantsWhole(request) ? tenants === 0 && mayBeWhole(device) : request.vramBytes <= (room.free[at] ?? 0);
}

/** Best fit: of the devices that pass `mayUse`, those that are left with the least. @returns undefined when there are too few, or the machine has no room */
export function placeIn(board: Board, rooms: readonly Room[], request: Need, mayUse: (at: number) => boolean): readonly number[] | undefined {
  for (const room of rooms) if (!fitsMachine(room, request)) return undefined;
  const count = deviceCount(request);
  if (count === 0) return [];
  const [first] = rooms;
  const fitting: number[] = [];
  for (let at = 0; at < board.state.devices.length; at++) if (rooms.every((room) => fitsDevice(board, room, request, at)) && mayUse(at)) fitting.push(at);
  if (fitting.length < count) return undefined;
  const left = (at: number): number => first?.free[at] ?? 0;
  return fitting.sort((a, b) => left(a) - left(b) || indexOf(board, a) - indexOf(board, b)).slice(0, count);
}

function indexOf(board: Board, at: number): number {
  return board.state.devices[at]?.index ?? at;
}
