/** The clients of a chaos campaign: each submits runs, one at a time or in batches, notes what was acknowledged, tries again with the same
 *  Idempotency-Key when there was no answer, and does with its instances what their workflow asks for. */
import { asObject, type ApiClient } from '../api-client.ts';
import { createHand, insist, pause } from './hands.ts';
import type { Acknowledged, Act } from './history.ts';
import type { ChaosWorkflow } from './workflows.ts';

export interface Load {
  readonly acknowledged: readonly Acknowledged[];
  readonly acts: readonly Act[];
  readonly faults: readonly string[];
  readonly submitted: number;
  /** Ends submitting; resolves when every submit and every act under way is done or given up. */
  stop(): Promise<void>;
}

export interface PublishedWorkflow extends ChaosWorkflow {
  readonly id: string;
}

export interface LoadOptions {
  readonly client: ApiClient;
  readonly workflows: readonly PublishedWorkflow[];
  readonly clients: number;
  /** Submits a second, of each client. */
  readonly rate: number;
  readonly random: () => number;
}

/** Of submits, this part is a batch. */
const BATCH_SHARE = 0.05;
const BATCH_SIZE = 5;

export function startLoad(options: LoadOptions): Load {
  const { client, random } = options;
  const acknowledged: Acknowledged[] = [];
  const acts: Act[] = [];
  const faults: string[] = [];
  const acting = new Set<Promise<void>>();
  let submitted = 0;
  let isStopped = false;

  function acknowledge(workflow: PublishedWorkflow, run: string, instanceId: string): void {
    acknowledged.push({ run, instanceId });
    if (workflow.act === undefined) return;
    const hand = createHand({ client, instanceId, random, onAct: (act) => acts.push(act), isUnderFire: () => !isStopped });
    const done: Promise<void> = workflow
      .act(hand)
      .catch((error: unknown) => void faults.push(String(error)))
      .finally(() => acting.delete(done));
    acting.add(done);
  }

  async function submit(workflow: PublishedWorkflow, runs: readonly { readonly run: string; readonly n: number }[]): Promise<void> {
    const [first] = runs;
    if (first === undefined) return;
    submitted += runs.length;
    const path = `/api/v1/workflows/${workflow.id}/instances`;
    const [where, body] = runs.length === 1 ? [path, { input: first }] : [`${path}/batch`, { inputs: runs }];
    const reply = await insist(client, first.run, { method: 'POST', path: where, body, key: first.run }, (one) => one.status === 201);
    const ids = runs.length === 1 ? [asObject(reply.body)['id']] : asObject(reply.body)['ids'];
    for (const [index, { run }] of runs.entries()) acknowledge(workflow, run, String(Array.isArray(ids) ? ids[index] : undefined));
  }

  const lanes = Array.from({ length: options.clients }, async (_, lane) => {
    for (let n = 0; !isStopped; n++) {
      const workflow = options.workflows[Math.floor(random() * options.workflows.length)];
      const size = random() < BATCH_SHARE ? BATCH_SIZE : 1;
      const runs = Array.from({ length: size }, (_one, index) => ({ run: `r${lane}-${n}${size === 1 ? '' : `.${index}`}`, n: n + index }));
      if (workflow !== undefined) await submit(workflow, runs).catch((error: unknown) => void faults.push(String(error)));
      await pause((random() * 2 * 1000) / options.rate);
    }
  });
  return {
    acknowledged,
    acts,
    faults,
    get submitted() {
      return submitted;
    },
    async stop() {
      isStopped = true;
      await Promise.all(lanes);
      while (acting.size > 0) await Promise.all(acting);
    },
  };
}
