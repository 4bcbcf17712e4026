/** What the policy decides about, and what it says: plain facts, no behaviour but the order of the line. Bytes and ms since 1970. Pure.
 *  Rank: a request's place in the line never changes while it waits, so that the line is sorted once: a point of priority is worth AGE_MS of waiting. */
import type { StoredLease } from '../store/gpu-leases.ts';
import type { TenantRequest } from './tenants.ts';

/** Five minutes of waiting weigh as much as a point of priority: `low` passes new `normal` after two hours, new `critical` after six. */
export const AGE_MS = 5 * 60_000;

export interface PolicyDevice {
  readonly uuid: string;
  readonly index: number;
  readonly totalBytes: number;
  /** Given to nobody. */
  readonly reserveBytes: number;
  /** What others than tenants use of it. */
  readonly externalBytes: number;
  /** False: lost, faulty or draining; nothing new comes there. */
  readonly isUsable: boolean;
}

export interface PolicyLease extends Omit<StoredLease, 'devices' | 'leaving' | 'process'> {
  readonly devices: readonly { readonly uuid: string; readonly bytes: number }[];
  /** It was told to end. */
  readonly isLeaving: boolean;
  /** Its processes do not die: what it holds does not come back by itself. */
  readonly isFenced: boolean;
}

export interface PolicyRequest extends TenantRequest {
  /** Whose slots it needs; undefined: none. */
  readonly queue?: string | undefined;
}

/** Slots of a queue that requests wait in, and the jobs in it that need no grant and would take a slot too. */
export interface PolicyQueue {
  readonly name: string;
  readonly freeSlots: number;
  readonly others: readonly { readonly priority: number; readonly queuedAtMs: number }[];
}

export interface PolicyState {
  readonly devices: readonly PolicyDevice[];
  readonly cpu: number;
  readonly memoryBytes: number;
  readonly leases: readonly PolicyLease[];
  readonly queues: readonly PolicyQueue[];
  /** In any order; in that of `compareRank` it is not sorted again. */
  readonly waiting: readonly PolicyRequest[];
}

export interface PolicyGrant {
  readonly request: PolicyRequest;
  readonly devices: readonly { readonly uuid: string; readonly index: number; readonly bytes: number }[];
  readonly isWhole: boolean;
}

export interface PolicyEviction {
  readonly leaseId: string;
  /** For whom it goes. */
  readonly request: PolicyRequest;
}

/** Why a request waits: `slot` of its queue; `evicting`, room is being made; `held`, it would fit but what is free is kept for an earlier one; `short`, there is
 *  not enough; `stuck`, not enough either once all that has an end has ended. */
export interface PolicyWait {
  readonly request: PolicyRequest;
  readonly why: 'slot' | 'evicting' | 'held' | 'short' | 'stuck';
  /** It starts by then. */
  readonly untilMs?: number | undefined;
  /** The earlier request that room is kept for. */
  readonly behind?: PolicyRequest | undefined;
}

export interface PolicyDecision {
  readonly grants: readonly PolicyGrant[];
  readonly evictions: readonly PolicyEviction[];
  /** In the order of the line. */
  readonly waits: readonly PolicyWait[];
}

/** Negative: `a` comes first. Total: ids break ties. */
export function compareRank(a: Ranked, b: Ranked): number {
  return keyOf(a) - keyOf(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

export interface Ranked {
  readonly id: string;
  readonly priority: number;
  readonly queuedAtMs: number;
}

/** The instant from which it would have had to wait at priority 0. */
export function keyOf(ranked: Omit<Ranked, 'id'>): number {
  return ranked.queuedAtMs - ranked.priority * AGE_MS;
}

/** Whether a request takes its devices for itself alone. */
export function wantsWhole(request: Pick<TenantRequest, 'gpus' | 'vramBytes'>): boolean {
  return request.gpus > 0 && request.vramBytes === 0;
}

/** On how many devices. */
export function deviceCount(request: Pick<TenantRequest, 'gpus' | 'vramBytes'>): number {
  return request.gpus > 0 ? request.gpus : request.vramBytes > 0 ? 1 : 0;
}

/** A whole device may have this part of it used from outside (a desktop, a monitor) and still counts as whole. */
const WHOLE_EXTERNAL_PART = 1 / 8;

/** What tenants may have of a device, by now. */
export function roomOf(device: PolicyDevice): number {
  return device.isUsable ? Math.max(0, device.totalBytes - device.reserveBytes - device.externalBytes) : 0;
}

export function mayBeWhole(device: PolicyDevice): boolean {
  return device.isUsable && device.externalBytes <= device.totalBytes * WHOLE_EXTERNAL_PART && roomOf(device) > 0;
}
