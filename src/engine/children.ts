/** Steps that wait for a called instance: watch for its end, take it, and go on. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import { isTerminalInstance } from '../contract/values.ts';
import { messageOf } from '../kernel/fail.ts';
import { NodeError } from '../nodes/kit.ts';
import { dropInFlight } from './advance.ts';
import { failWaiting } from './attempt-result.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { finish } from './finish.ts';
import { pathOf, type Ready } from './frame.ts';
import { ownReference } from './large.ts';
import { patiently } from './patient.ts';
import type { EngineStore } from './store-port.ts';

/** From now on the child's end goes to this step. It may have ended already. */
export function watchChild(core: Core, ready: Ready, childId: string): void {
  core.children.set(childId, ready);
  if (!core.lives.has(childId)) void takeChildEnd(core, childId);
}

/** The child may have ended: reads how, and goes on. Safe to call twice, and for instances that nobody called. */
export async function takeChildEnd(core: Core, childId: string): Promise<void> {
  const found = core.children.get(childId);
  if (found === undefined) return;
  try {
    const outcome = await patiently(core, () => core.store.readOutcome(childId));
    if (outcome !== undefined && !isTerminalInstance(outcome.status)) return;
    if (outcome !== undefined) Object.assign(outcome, { output: await ownReference(core, found.frame.live, pathOf(found.frame, found.node), outcome.output) });
    if (core.children.get(childId) !== found || found.frame.isGone || found.frame.live.isGone) return;
    core.children.delete(childId);
    walled(core, found.frame.live, () => settleChild(core, found, childId, outcome));
  } catch (error) {
    core.log.warn({ instanceId: childId, cause: messageOf(error) }, 'the end of a called instance could not be read; the poll will');
  }
}

function settleChild(core: Core, { frame, node }: Ready, childId: string, outcome: Awaited<ReturnType<EngineStore['readOutcome']>>): void {
  const step = frame.steps[node.index];
  if (step?.status !== 'waiting' || step.wait?.childId !== childId) return;
  dropInFlight(core, frame, node, 'its child ended', { jobIds: [], childIds: [] });
  if (outcome?.status === 'completed') {
    const change = { status: 'completed' as const, output: outcome.output, hasOutput: true, wait: null, error: null, endedAt: core.clock.now() };
    return finish(core, frame, node, step, { ...change, reason: `the result of ${childId}` }, false);
  }
  const root = rootOf(childId, outcome?.error ?? null);
  const how = outcome === undefined ? 'was deleted' : outcome.status === 'cancelled' ? 'was cancelled' : `failed: ${root?.message ?? 'no reason is known'}`;
  const details = { instanceId: childId, code: outcome?.error?.code ?? null, ...(root === undefined ? {} : { root }) };
  failWaiting(
    { core, frame, node, step },
    new NodeError(outcome?.status === 'cancelled' ? 'child_cancelled' : 'child_failed', `the called instance ${childId} ${how}`, { details }),
  );
}

interface Root {
  readonly [key: string]: Json;
  readonly instanceId: string;
  readonly code: string;
  readonly message: string;
}

/** Where the failure began: calls may be sixteen deep, and only the deepest tells what is wrong. */
function rootOf(childId: string, error: Failure | null): Root | undefined {
  if (error === null) return undefined;
  const { details } = error;
  const deeper = typeof details === 'object' && details !== null && !Array.isArray(details) ? details['root'] : undefined;
  if (error.code === 'child_failed' && typeof deeper === 'object' && deeper !== null) return deeper as unknown as Root;
  return { instanceId: childId, code: error.code, message: error.message, step: error.step ?? null };
}
