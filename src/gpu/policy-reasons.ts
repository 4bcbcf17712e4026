/** Why a request waits, in words a person can act on; and why one could never be served. Another organisation's tenants are named by their kind alone. Pure. */
import type { WaitReason } from '../contract/instances.ts';
import { createBoard, fitsMachine, placeIn } from './policy-board.ts';
import {
  deviceCount,
  mayBeWhole,
  roomOf,
  wantsWhole,
  type PolicyDevice,
  type PolicyLease,
  type PolicyRequest,
  type PolicyState,
  type PolicyWait,
} from './policy-state.ts';
import type { TenantRequest } from './tenants.ts';

const GIB = 1024 ** 3;

export function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}

/** Who asks for the words: its own tenants and the machine's are named. What is told to nobody in particular (null) names no organisation's. */
export function nameOf(tenant: Named, viewer: string | null): string {
  if (tenant.orgId !== null && tenant.orgId !== viewer) return viewer === null ? `a ${tenant.kind}` : `another organisation's ${tenant.kind}`;
  if (tenant.name === undefined) return tenant.id;
  return tenant.kind === 'job' ? `"${tenant.name}" ${tenant.id}` : tenant.name;
}

type Named = Pick<TenantRequest, 'id' | 'kind' | 'orgId' | 'name'>;

/** @param untilMs by when it starts at the latest, where that is known */
export function explainWait(state: PolicyState, wait: PolicyWait, viewer: string | null, untilMs: number | undefined = wait.untilMs): WaitReason {
  const until = untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() };
  const { request } = wait;
  if (wait.why === 'slot') return { kind: 'no_slot', message: `no slot of ${request.queue ?? 'its queue'} is free`, ...until };
  if (wait.why === 'evicting') return { kind: 'evicting', message: `room is being made${leavingOf(state, viewer)}`, ...until };
  const board = createBoard(state);
  if (placeIn(board, [board.now], request, () => true) !== undefined) {
    const ahead = wait.behind === undefined ? 'an earlier request' : nameOf(wait.behind, viewer);
    return { kind: 'reserved', message: `what is free is kept for ${ahead}, which was there first and needs more`, ...until };
  }
  if (!fitsMachine(board.now, request)) return { ...machineShort(state, request, viewer), ...until };
  return { ...(wantsWhole(request) ? wholeShort(state, request, viewer) : shareShort(state, request, viewer)), ...until };
}

/** Who was told to end; in the moment before that stands in its lease, nobody is named. */
function leavingOf(state: PolicyState, viewer: string | null): string {
  const leaving = state.leases.filter((lease) => lease.isLeaving).map((lease) => nameOf({ ...lease, id: lease.tenantId }, viewer));
  return leaving.length === 0 ? '' : `: ${listOf(leaving)} was told to end`;
}

function machineShort(state: PolicyState, request: PolicyRequest, viewer: string | null): WaitReason {
  const cpu = request.cpu - (state.cpu - sum(state.leases, (lease) => lease.cpu));
  const holders = state.leases.filter((lease) => (cpu > 0 ? lease.cpu > 0 : lease.memoryBytes > 0));
  if (cpu > 0) return { kind: 'cpu', message: `short by ${Number(cpu.toFixed(2))} cores${behindOf(holders, viewer)}` };
  const bytes = request.memoryBytes - (state.memoryBytes - sum(state.leases, (lease) => lease.memoryBytes));
  return { kind: 'memory', message: `memory short by ${gib(bytes)}${behindOf(holders, viewer)}` };
}

function wholeShort(state: PolicyState, request: PolicyRequest, viewer: string | null): WaitReason {
  const held = (device: PolicyDevice): readonly PolicyLease[] => state.leases.filter((lease) => lease.devices.some((one) => one.uuid === device.uuid));
  const free = state.devices.filter((device) => mayBeWhole(device) && held(device).length === 0).length;
  const holders = state.leases.filter((lease) => lease.devices.length > 0);
  const gpus = `${request.gpus} ${request.gpus === 1 ? 'whole GPU' : 'whole GPUs'}`;
  if (holders.length > 0) return { kind: 'gpus', message: `needs ${gpus}, ${free} free${behindOf(holders, viewer)}` };
  return { kind: 'gpus', message: `needs ${gpus}, ${free} free: ${unusable(state)}` };
}

function shareShort(state: PolicyState, request: PolicyRequest, viewer: string | null): WaitReason {
  const options = state.devices
    .filter((device) => device.isUsable)
    .map((device) => {
      const holders = state.leases.filter((lease) => lease.devices.some((one) => one.uuid === device.uuid));
      const held = holders.some((lease) => lease.isWhole)
        ? roomOf(device)
        : sum(holders, (lease) => lease.devices.find((one) => one.uuid === device.uuid)?.bytes ?? 0);
      return { device, holders, shortBytes: request.vramBytes - (roomOf(device) - held) };
    })
    .toSorted((a, b) => a.shortBytes - b.shortBytes || a.device.index - b.device.index);
  // With several devices, the one that comes last to fit.
  const nearest = options[deviceCount(request) - 1];
  if (nearest === undefined) return { kind: 'gpus', message: `needs ${deviceCount(request)} of the GPUs: ${unusable(state)}` };
  const { device, holders, shortBytes } = nearest;
  const behind = holders.length > 0 ? behindOf(holders, viewer) : ' behind processes that are not Studio’s';
  return { kind: 'vram', message: `VRAM short by ${gib(Math.max(0, shortBytes))} on GPU ${device.index}${behind}` };
}

function unusable(state: PolicyState): string {
  const bad = state.devices.filter((device) => !device.isUsable).map((device) => device.index);
  if (bad.length > 0) return `GPU ${bad.join(', ')} ${bad.length === 1 ? 'takes' : 'take'} nobody now`;
  return state.devices.length === 0 ? 'this machine has no GPU now' : 'others than Studio use them';
}

/** Whoever is likely to go first, and how many more. */
function behindOf(holders: readonly PolicyLease[], viewer: string | null): string {
  const [first, ...others] = holders.toSorted((a, b) => (a.endsByMs ?? Infinity) - (b.endsByMs ?? Infinity) || (a.id < b.id ? -1 : 1));
  if (first === undefined) return '';
  const how = first.isFenced ? ', whose processes do not die' : first.isPinned ? ', which is pinned' : '';
  return ` behind ${nameOf({ ...first, id: first.tenantId }, viewer)}${how}${others.length === 0 ? '' : ` and ${others.length} more`}`;
}

function listOf(names: readonly string[]): string {
  return names.length < 3 ? names.join(' and ') : `${names[0]} and ${names.length - 1} more`;
}

/** Why no state of this machine could ever serve it; undefined: one could. Names the largest that can be had. */
export function neverReason(
  state: Pick<PolicyState, 'devices' | 'cpu' | 'memoryBytes'>,
  request: Pick<TenantRequest, 'gpus' | 'vramBytes' | 'cpu' | 'memoryBytes'>,
): string | undefined {
  const count = deviceCount(request);
  const rooms = state.devices.map((device) => Math.max(0, device.totalBytes - device.reserveBytes)).toSorted((a, b) => b - a);
  if (count > 0 && rooms.length === 0) return 'this machine has no GPU';
  if (count > rooms.length) return `it asks for ${count} GPUs; this machine has ${rooms.length}`;
  const largest = rooms[count - 1];
  if (largest !== undefined && request.vramBytes > largest) {
    const where = count === 1 ? 'the largest GPU here can give' : `${count} GPUs here can give each`;
    return `it asks for ${gib(request.vramBytes)} of GPU memory; ${where} ${gib(largest)} (what GPU_RESERVE_BYTES keeps back is not counted)`;
  }
  if (request.cpu > state.cpu) return `it asks for ${request.cpu} cores; this machine has ${state.cpu}`;
  if (request.memoryBytes > state.memoryBytes) return `it asks for ${gib(request.memoryBytes)} of memory; this machine can give ${gib(state.memoryBytes)}`;
  return undefined;
}

function sum(leases: readonly PolicyLease[], of: (lease: PolicyLease) => number): number {
  return leases.reduce((total, lease) => total + of(lease), 0);
}
