/** By when waiting requests start at the latest, as far as anybody can tell: the policy played forward, with everything running until its limit. Pure. */
import { decide, leaseOf } from './policy.ts';
import { endOf } from './policy-reserve.ts';
import type { PolicyLease, PolicyRequest, PolicyState } from './policy-state.ts';

/** Further down the line a guess is worth nothing, and costs as much. */
const MAX_REQUESTS = 100;
const MAX_STEPS = 200;

/** @returns ms since 1970 by the id of the request; not there: nobody knows */
export function forecast(state: PolicyState, nowMs: number): ReadonlyMap<string, number> {
  const starts = new Map<string, number>();
  let waiting: readonly PolicyRequest[] = state.waiting.slice(0, MAX_REQUESTS);
  let leases = state.leases;
  let atMs = nowMs;
  // Slots of queues are not played: what holds them is not known here.
  for (let step = 0; step < MAX_STEPS && waiting.length > 0; step++) {
    const decision = decide({ ...state, queues: [], leases, waiting }, atMs);
    for (const grant of decision.grants) starts.set(grant.request.id, atMs);
    const evicted = new Set(decision.evictions.map((eviction) => eviction.leaseId));
    leases = [...leases.filter((lease) => !evicted.has(lease.id)), ...decision.grants.map((grant) => leaseOf(grant, { id: grant.request.id, nowMs: atMs }))];
    waiting = decision.waits.map((wait) => wait.request);
    if (evicted.size > 0) continue;
    const nextMs = nextEnd(leases, atMs);
    if (nextMs === undefined) break;
    leases = leases.filter((lease) => !isOver(lease, nextMs, atMs));
    atMs = nextMs;
  }
  return starts;
}

function nextEnd(leases: readonly PolicyLease[], atMs: number): number | undefined {
  const ends = leases.map((lease) => timeOf(lease, atMs)).filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** What is leaving is gone the next moment; what idles stays until it is told to go. */
function timeOf(lease: PolicyLease, atMs: number): number | undefined {
  if (lease.isLeaving && !lease.isFenced) return atMs + 1;
  if (lease.endsByMs === undefined) return undefined;
  const end = endOf({ ...lease, idleSinceMs: null }, atMs);
  return typeof end === 'number' ? end : undefined;
}

function isOver(lease: PolicyLease, nextMs: number, atMs: number): boolean {
  const end = timeOf(lease, atMs);
  return end !== undefined && end <= nextMs;
}
