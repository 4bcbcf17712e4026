/** What can be done to an instance as it stands, and the call that does it. Pure but for `runAction`. */
import { asApiError, call } from '../../api.ts';
import type { ApiError } from '../../api.ts';
import type { Instance } from '../../../src/contract/instances.ts';
import type { InstanceStatus } from '../../../src/contract/values.ts';

export type InstanceAction = 'start' | 'pause' | 'resume' | 'cancel' | 'retry';

export interface ActionLook {
  readonly action: InstanceAction;
  readonly label: string;
  readonly done: string;
}

const looks: Readonly<Record<InstanceAction, ActionLook>> = {
  start: { action: 'start', label: 'Start', done: 'Started' },
  pause: { action: 'pause', label: 'Pause', done: 'Paused: what runs goes on to its end, nothing new starts' },
  resume: { action: 'resume', label: 'Resume', done: 'Resumed' },
  cancel: { action: 'cancel', label: 'Cancel', done: 'Cancelled' },
  retry: { action: 'retry', label: 'Retry', done: 'Goes on from what failed' },
};

const allowed: Readonly<Record<InstanceStatus, readonly InstanceAction[]>> = {
  pending: ['start', 'pause', 'cancel'],
  running: ['pause', 'cancel'],
  waiting: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  completed: [],
  failed: ['retry'],
  cancelled: ['retry'],
};

/** Actions of a status, the most likely first. The server decides; this only hides what it would refuse. */
export function actionsOf(status: InstanceStatus): readonly ActionLook[] {
  return allowed[status].map((action) => looks[action]);
}

export function can(status: InstanceStatus, action: InstanceAction): boolean {
  return allowed[status].includes(action);
}

/** @throws ApiError */
export async function runAction(id: string, action: InstanceAction): Promise<Instance> {
  if (action === 'resume') return await call('POST /api/v1/instances/{id}/resume', { params: { id }, body: {} });
  return await call(`POST /api/v1/instances/{id}/${action}`, { params: { id } });
}

/** Runs an action on many, a few at a time. @returns how many it worked for, and the first refusal */
export async function runOnAll<One>(
  all: readonly One[],
  run: (one: One) => Promise<unknown>,
): Promise<{ readonly done: number; readonly fault: ApiError | undefined }> {
  let done = 0;
  let fault: ApiError | undefined;
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      try {
        // Serial per worker: four requests at a time leave the browser's other connections free.
        await run(one);
        done += 1;
      } catch (thrown) {
        fault ??= asApiError(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return { done, fault };
}
