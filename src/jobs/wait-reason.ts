/** Why a queued job does not run yet, in words a person can act on. Pure. */
import type { WaitReason } from '../contract/instances.ts';
import type { Queue } from '../contract/queues.ts';

/** @param notBeforeMs when a retry is due @param isServed whether any live worker serves the queue */
export function waitReasonOf(
  queue: Queue | undefined,
  facts: {
    readonly name: string;
    readonly notBeforeMs: number | undefined;
    readonly isServed: boolean;
    readonly nowMs: number;
    /** Workers that would serve it and were not let in. */
    readonly refusals?: readonly { readonly host: string; readonly reason: string }[];
  },
): WaitReason {
  if (queue === undefined) return { kind: 'no_queue', message: `the queue ${facts.name} is not there any more` };
  if (facts.notBeforeMs !== undefined && facts.notBeforeMs > facts.nowMs) {
    const until = new Date(facts.notBeforeMs).toISOString();
    return { kind: 'not_before', message: `waits until ${until} before the next attempt`, until };
  }
  if (queue.state === 'paused') return { kind: 'queue_paused', message: `the queue ${queue.name} is paused` };
  if (queue.state === 'draining') return { kind: 'queue_draining', message: `the queue ${queue.name} is draining: what runs ends, nothing starts` };
  if (!facts.isServed) return { kind: 'no_worker', message: `no worker serves the queue ${queue.name}${refusalWords(facts.refusals ?? [])}` };
  if (queue.slots === 0) return { kind: 'no_slot', message: `the queue ${queue.name} has no slots` };
  if (queue.running >= queue.slots) return { kind: 'no_slot', message: `no slot of ${queue.name} is free: ${queue.running} of ${queue.slots} running` };
  return { kind: 'starting', message: 'starts in a moment' };
}

function refusalWords(refusals: readonly { readonly host: string; readonly reason: string }[]): string {
  const [first] = refusals;
  if (first === undefined) return '';
  return `; ${refusals.length === 1 ? 'a worker' : `${refusals.length} workers`} on ${first.host} may not join: ${first.reason}`;
}
