/** A change of a queue as people ask for it. */
import type { Queue } from '../contract/queues.ts';
import type { Database } from '../store/client.ts';
import { upsertQueue, type QueueChange } from '../store/queues.ts';
import { BASE_SLOTS } from './adaptive.ts';

export interface QueuePatch {
  /** `auto`: as many as the machine bears. */
  readonly slots?: number | 'auto' | undefined;
  readonly defaultGpus?: number | undefined;
  readonly paused?: boolean | undefined;
  readonly draining?: boolean | undefined;
  readonly maxPending?: number | undefined;
  readonly defaultTimeoutMs?: number | undefined;
}

/** A new name makes a queue. */
export function patchQueue(
  database: Pick<Database, 'engine'>,
  request: { readonly name: string; readonly patch: QueuePatch; readonly requestId: string },
): Promise<Queue> {
  return database.engine.transaction((sql) => upsertQueue(sql, changeOf(request.name, request.patch, request.requestId)));
}

function changeOf(name: string, patch: QueuePatch, requestId: string): QueueChange {
  const { slots, ...others } = patch;
  // A number ends the finding of one.
  const found = slots === undefined ? {} : slots === 'auto' ? { slots: BASE_SLOTS, adaptive: true } : { slots, adaptive: false };
  return { name, ...others, ...found, state: stateOf(patch), requestId };
}

/** Both stop claims; draining refuses new jobs too. */
function stateOf(patch: QueuePatch): Queue['state'] | undefined {
  if (patch.draining === true) return 'draining';
  if (patch.paused === true) return 'paused';
  return patch.paused === false || patch.draining === false ? 'running' : undefined;
}
