/** What can be done to a step as it stands. Pure; the server decides, this only hides what it would refuse. */
import type { Step } from '../../../src/contract/instances.ts';

export type StepAction = 'retry' | 'skip' | 'cancel' | 'rerun' | 'result' | 'complete';

export interface StepActionLook {
  readonly action: StepAction;
  readonly label: string;
  /** Of those that are done at once. */
  readonly done?: string;
}

/** The most likely first. */
export function stepActions(step: Pick<Step, 'path' | 'status' | 'endedAt' | 'waitReason'>): readonly StepActionLook[] {
  const isItem = step.path.endsWith(']');
  const rerun: readonly StepActionLook[] = step.path.includes('[') ? [] : [{ action: 'rerun', label: 'Rerun from here…' }];
  if (step.endedAt !== null) {
    const result: readonly StepActionLook[] = isItem || step.status === 'skipped' ? [] : [{ action: 'result', label: 'Edit the result…' }];
    return [{ action: 'retry', label: isItem ? 'Run this item again' : 'Run this step again', done: 'Runs again' }, ...rerun, ...result];
  }
  const complete: readonly StepActionLook[] = step.status === 'waiting' && !isItem ? [{ action: 'complete', label: 'Complete by hand…' }] : [];
  const cancel: readonly StepActionLook[] = step.status === 'pending' ? [] : [{ action: 'cancel', label: 'Cancel this step', done: 'Cancelled' }];
  return [...complete, { action: 'skip', label: 'Skip', done: 'Skipped' }, ...cancel, ...rerun];
}
