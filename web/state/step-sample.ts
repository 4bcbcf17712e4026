/** A step for tests of what is drawn from steps. Only tests import it. */
import type { Step } from '../../src/contract/instances.ts';

/** A step that is completed and has no times, unless `changes` says otherwise. */
export function sampleStep(path: string, changes: Partial<Step> = {}): Step {
  return {
    key: path.slice(path.lastIndexOf('/') + 1),
    path,
    generation: 1,
    status: 'completed',
    attempt: 1,
    input: null,
    output: null,
    queuedAt: null,
    startedAt: null,
    endedAt: null,
    seq: 1,
    ...changes,
  };
}
