/** The clients of a chaos campaign: each submits runs, notes what was acknowledged, and tries again with the same Idempotency-Key
 *  when there was no answer, as a careful caller does. */
import { asObject, type ApiClient, type ApiReply } from '../api-client.ts';
import type { Acknowledged } from './history.ts';

export interface Load {
  readonly acknowledged: readonly Acknowledged[];
  readonly faults: readonly string[];
  readonly submitted: number;
  /** Ends submitting; resolves when every submit under way was acknowledged or given up. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly client: ApiClient;
  readonly workflowIds: readonly string[];
  readonly clients: number;
  /** Runs a second, of each client. */
  readonly rate: number;
  readonly random: () => number;
}

/** How long a client tries to hand in one run: longer than any restart. */
const PATIENCE_MS = 120_000;

export function startLoad(options: LoadOptions): Load {
  const acknowledged: Acknowledged[] = [];
  const faults: string[] = [];
  let submitted = 0;
  let isStopped = false;

  async function submit(run: string): Promise<void> {
    const workflowId = options.workflowIds[Math.floor(options.random() * options.workflowIds.length)] ?? '';
    const deadline = performance.now() + PATIENCE_MS;
    let last = 'no answer';
    while (performance.now() < deadline) {
      const reply = await options.client
        .call('POST', `/api/v1/workflows/${workflowId}/instances`, { body: { input: { run } }, headers: { 'idempotency-key': run }, timeoutMs: 30_000 })
        .catch(() => undefined);
      if (reply?.status === 201) return void acknowledged.push({ run, instanceId: String(asObject(reply.body)['id']) });
      if (reply !== undefined && !isPassing(reply)) return void faults.push(`${run}: ${reply.status} ${reply.text.slice(0, 500)}`);
      if (reply !== undefined) last = `${reply.status} ${reply.text.slice(0, 300)}`;
      await pause(50 + options.random() * 100);
    }
    faults.push(`${run}: not acknowledged within ${PATIENCE_MS} ms; last: ${last}`);
  }

  const lanes = Array.from({ length: options.clients }, async (_, client) => {
    for (let n = 0; !isStopped; n++) {
      submitted++;
      await submit(`r${client}-${n}`);
      await pause((options.random() * 2 * 1000) / options.rate);
    }
  });
  return {
    acknowledged,
    faults,
    get submitted() {
      return submitted;
    },
    async stop() {
      isStopped = true;
      await Promise.all(lanes);
    },
  };
}

/** Answers that say "again in a moment": starting, draining, database away, or the first try of this key still under way. */
function isPassing(reply: ApiReply): boolean {
  return reply.status === 409 || (reply.status === 503 && reply.headers['retry-after'] !== undefined);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
