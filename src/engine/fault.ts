/** The wall between one instance's fault and its neighbours: whatever throws where nothing should is logged and fails that instance alone. */
import { messageOf } from '../kernel/fail.ts';
import { endInstance, releaseLive } from './advance.ts';
import { failure, type Core } from './core.ts';
import type { Live } from './live.ts';

/** Runs `work` on behalf of an instance. Never throws. */
export function walled(core: Core, live: Live, work: () => void): void {
  try {
    work();
  } catch (error) {
    core.log.error({ instanceId: live.id, err: error }, 'the engine failed over an instance');
    if (live.isGone) return;
    try {
      endInstance(core, live, {
        status: 'failed',
        error: failure('engine_fault', `Studio failed over this instance: ${messageOf(error)}`, {
          remedy: 'Look for the instance id in the log of Studio, and report it.',
        }),
      });
    } catch (again) {
      core.log.error({ instanceId: live.id, err: again }, 'an instance could not even be failed; it is read again at the next start');
      releaseLive(core, live, 'the engine failed over this instance');
    }
  }
}
