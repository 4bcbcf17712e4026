/** Waiting for the end of an instance, whoever owns it. */
import { isTerminalInstance } from '../contract/values.ts';
import type { Core, EndListener } from './core.ts';

const FOREIGN_LOOK_MS = 500;

/** Waits without asking the database for what this process owns; what another owns is looked at twice a second. */
export async function waitEnded(core: Core, instanceId: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = core.clock.monotonic() + timeoutMs;
  for (;;) {
    if (core.lives.has(instanceId)) {
      const status = await waitHere(core, instanceId, deadline - core.clock.monotonic(), signal);
      if (status !== 'released') return status !== undefined && isTerminalInstance(status);
    }
    const status = await core.store.readStatus(instanceId);
    if (status === undefined || isTerminalInstance(status)) return status !== undefined;
    if (core.lives.has(instanceId)) continue;
    const leftMs = deadline - core.clock.monotonic();
    if (leftMs <= 0 || signal.aborted || core.state === 'stopped') return false;
    await core.clock.sleep(Math.min(FOREIGN_LOOK_MS, leftMs), signal).catch(() => undefined);
  }
}

type EndStatus = Parameters<EndListener>[0];

/** @returns undefined when the time is over or the signal aborts */
function waitHere(core: Core, instanceId: string, timeoutMs: number, signal: AbortSignal): Promise<EndStatus | undefined> {
  return new Promise((resolve) => {
    const listeners = core.endListeners.get(instanceId) ?? new Set();
    core.endListeners.set(instanceId, listeners);
    const end = (status?: EndStatus): void => {
      cancel();
      signal.removeEventListener('abort', onAbort);
      listeners.delete(end);
      if (listeners.size === 0 && core.endListeners.get(instanceId) === listeners) core.endListeners.delete(instanceId);
      resolve(status);
    };
    const onAbort = (): void => end();
    const cancel = core.clock.after(Math.max(0, timeoutMs), () => end());
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return end();
    listeners.add(end);
  });
}
