/** Looks at what a decision about device memory did to a machine, by counting alone: it shares no code with the policy but the order of the line. */
import { compareRank, type PolicyDecision, type PolicyLease, type PolicyRequest, type PolicyState, type PolicyWait } from '../gpu/policy-state.ts';

export interface Look {
  readonly nowMs: number;
  readonly before: PolicyState;
  readonly decision: PolicyDecision;
  readonly after: PolicyState;
  /** How often something happened that no reservation can foresee. */
  readonly upsets: number;
  readonly last: Look | undefined;
}

/** What is wrong, in words. */
export function faultsOf(look: Look): string[] {
  return [...everybodyOnce(look), ...overcommitted(look), ...slots(look), ...evictions(look), ...leftWaiting(look), ...delayed(look)];
}

function everybodyOnce({ before, decision }: Look): string[] {
  const told = [...decision.grants.map((grant) => grant.request.id), ...decision.waits.map((wait) => wait.request.id)].toSorted();
  const asked = before.waiting.map((request) => request.id).toSorted();
  return told.join() === asked.join() ? [] : [`asked ${asked.join()}, told ${told.join()}`];
}

/** By device: what tenants hold, and how many sit there. */
function heldOn(state: PolicyState, uuid: string): { bytes: number; tenants: number; whole: number } {
  const here = state.leases.flatMap((lease) => lease.devices.filter((device) => device.uuid === uuid).map((device) => ({ lease, device })));
  return {
    bytes: here.reduce((sum, { device }) => sum + device.bytes, 0),
    tenants: here.length,
    whole: here.filter(({ lease }) => lease.isWhole).length,
  };
}

function overcommitted({ decision, after }: Look): string[] {
  const faults: string[] = [];
  for (const grant of decision.grants) {
    const { gpus, vramBytes } = grant.request;
    const wanted = gpus > 0 ? gpus : vramBytes > 0 ? 1 : 0;
    if (grant.devices.length !== wanted || new Set(grant.devices.map((device) => device.uuid)).size !== wanted)
      faults.push(`${grant.request.id} got ${grant.devices.length} devices of ${wanted}`);
    for (const { uuid, bytes } of grant.devices) {
      const device = after.devices.find((one) => one.uuid === uuid);
      const held = heldOn(after, uuid);
      if (device === undefined || !device.isUsable) faults.push(`${grant.request.id} was put on a device that can't be used`);
      else if (held.bytes + device.reserveBytes + device.externalBytes > device.totalBytes) faults.push(`${uuid} is over-committed by ${grant.request.id}`);
      if (held.whole > 0 && held.tenants > 1) faults.push(`${uuid} has ${held.tenants} tenants and one of them alone`);
      if (vramBytes > 0 && bytes !== vramBytes) faults.push(`${grant.request.id} got ${bytes} bytes, not ${vramBytes}`);
    }
  }
  const cpu = sum(after.leases, (lease) => lease.cpu);
  const memoryBytes = sum(after.leases, (lease) => lease.memoryBytes);
  if (cpu > after.cpu + 1e-6) faults.push(`${cpu} of ${after.cpu} cores are given away`);
  if (memoryBytes > after.memoryBytes) faults.push(`${memoryBytes} of ${after.memoryBytes} bytes of memory are given away`);
  return faults;
}

function slots({ before, decision }: Look): string[] {
  return before.queues.flatMap((queue) => {
    const taken = decision.grants.filter((grant) => grant.request.queue === queue.name).length;
    return taken > Math.max(0, queue.freeSlots) ? [`${taken} of ${queue.freeSlots} slots of ${queue.name} were given away`] : [];
  });
}

function evictions({ before, decision }: Look): string[] {
  return decision.evictions.flatMap(({ leaseId, request }) => {
    const lease = before.leases.find((one) => one.id === leaseId);
    if (lease === undefined) return [`${leaseId} was told to go and is not there`];
    const faults: string[] = [];
    if (lease.isPinned) faults.push(`${leaseId} is pinned and was told to go`);
    if (lease.isLeaving) faults.push(`${leaseId} was told to go twice`);
    if (lease.idleSinceMs === null && !(lease.isPreemptible && lease.priority < request.priority))
      faults.push(`${leaseId} is used and was told to go for ${request.id}`);
    if (!decision.waits.some((wait) => wait.request.id === request.id && wait.why === 'evicting'))
      faults.push(`${leaseId} was told to go for ${request.id}, which does not wait for it`);
    // Nobody loses its place for what fits anyway.
    if (fits(before, request) && decision.grants.length === 0 && decision.waits[0]?.request.id === request.id)
      faults.push(`${leaseId} was told to go for ${request.id}, which fits`);
    return faults;
  });
}

/** Whether it would fit beside what is held, by counting. */
function fits(state: PolicyState, request: PolicyRequest): boolean {
  if (
    sum(state.leases, (lease) => lease.cpu) + request.cpu > state.cpu + 1e-9 ||
    sum(state.leases, (lease) => lease.memoryBytes) + request.memoryBytes > state.memoryBytes
  )
    return false;
  const wanted = request.gpus > 0 ? request.gpus : request.vramBytes > 0 ? 1 : 0;
  const isWhole = request.gpus > 0 && request.vramBytes === 0;
  const here = state.devices.filter((device) => {
    const held = heldOn(state, device.uuid);
    if (!device.isUsable || held.whole > 0) return false;
    if (isWhole) return held.tenants === 0 && device.externalBytes <= device.totalBytes / 8;
    return held.bytes + device.reserveBytes + device.externalBytes + request.vramBytes <= device.totalBytes;
  });
  return here.length >= wanted;
}

/** What is free is never left to nobody: whoever fits and waits, waits for one that comes before. */
function leftWaiting({ nowMs, decision, after }: Look): string[] {
  const open = decision.waits.filter((wait) => wait.why !== 'slot');
  return open.flatMap((wait, place) => {
    if (!fits(after, wait.request)) return [];
    const ahead = open.slice(0, place);
    if (!ahead.some((one) => one.why === 'evicting' || one.why === 'short')) return [`${wait.request.id} fits and nobody stands before it`];
    // It would be over before any of those needs the room.
    const mayPass = ahead.every((one) => one.why !== 'evicting' && (one.why === 'stuck' || one.behind !== undefined || endsBefore(wait.request, one, nowMs)));
    return mayPass ? [`${wait.request.id} fits, ends in time and waits`] : [];
  });
}

function endsBefore(request: PolicyRequest, head: PolicyWait, nowMs: number): boolean {
  return request.limitMs !== undefined && head.untilMs !== undefined && nowMs + request.limitMs <= head.untilMs;
}

/** Whom does the reservation belong to: the first of those that compete for devices, or for the machine alone. */
function headOf(look: Look, isForDevices: boolean): PolicyWait | undefined {
  return look.decision.waits.find(
    (wait) => wait.why === 'short' && wait.behind === undefined && (wait.request.gpus > 0 || wait.request.vramBytes > 0) === isForDevices,
  );
}

/** The first in line that waits is never put off by those behind it. */
function delayed(look: Look): string[] {
  const { last } = look;
  if (last === undefined || last.upsets !== look.upsets) return [];
  const [head, was] = [headOf(look, true), headOf(last, true)];
  if (head?.untilMs === undefined || was?.untilMs === undefined || head.request.id !== was.request.id) return [];
  const hasPassed =
    look.before.waiting.some((one) => compareRank(one, head.request) < 0) || last.before.waiting.some((one) => compareRank(one, head.request) < 0);
  if (hasPassed) return [];
  // What overran its limit counts as gone in a minute; those told to go end at their own pace.
  const slackMs = 60_000 + 10_000;
  return head.untilMs > Math.max(was.untilMs, look.nowMs) + slackMs ? [`${head.request.id} was to start by ${was.untilMs} and now by ${head.untilMs}`] : [];
}

function sum(leases: readonly PolicyLease[], of: (lease: PolicyLease) => number): number {
  return leases.reduce((total, lease) => total + of(lease), 0);
}
