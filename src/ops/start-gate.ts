/** The start gate: endpoints that must answer before Studio is ready. Any HTTP answer counts; time over fails the start. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { BootProgress } from '../supervise/boot-progress.ts';
import { Refusal } from '../supervise/refusal.ts';

export interface GateParts {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly progress: BootProgress;
  readonly signal: AbortSignal;
}

/** @throws Refusal naming the first endpoint that did not answer in time */
export async function waitForEndpoints(parts: GateParts): Promise<void> {
  const deadline = parts.clock.monotonic() + parts.timeoutMs;
  await Promise.all(parts.endpoints.map((endpoint) => waitForOne(endpoint, deadline, parts)));
  parts.progress.setFault(undefined);
}

async function waitForOne(endpoint: string, deadline: number, parts: GateParts): Promise<void> {
  for (;;) {
    const fault = await ask(endpoint, parts.signal);
    if (fault === undefined) return;
    if (parts.clock.monotonic() > deadline) {
      throw new Refusal(
        'gate',
        `${endpoint} (MCP_REQUIRED_ENDPOINTS) did not answer within ${parts.timeoutMs / 1_000} s: ${fault}. Start it, or set MCP_WAIT_ENABLED=false.`,
      );
    }
    parts.progress.setFault(`Waiting for ${endpoint}: ${fault}`);
    await parts.clock.sleep(500, parts.signal);
  }
}

async function ask(endpoint: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const reply = await fetch(endpoint, { method: 'GET', redirect: 'manual', signal: AbortSignal.any([signal, AbortSignal.timeout(3_000)]) });
    await reply.body?.cancel();
    return undefined;
  } catch (error) {
    return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
  }
}
