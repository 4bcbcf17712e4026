/** Asks the database on behalf of a step until it answers: its absence is a pause, never a step's failure. */
import { isConnectionLoss } from '../store/client.ts';
import type { Core } from './core.ts';

const PAUSE_MS = 250;

/** @throws what `ask` throws, lost connections excepted; those too once the engine has stopped */
export async function patiently<T>(core: Core, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isConnectionLoss(error) || core.state === 'stopped') throw error;
      await core.clock.sleep(PAUSE_MS);
    }
  }
}
