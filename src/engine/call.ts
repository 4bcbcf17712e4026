/** Workflows calling workflows: starts the child under an id that a second try makes too, waits without a slot, takes its end.
 *  One thing to know: the child is durable before the step that waits for it, so a crash between the two finds it by its id. */
import { AppError, messageOf } from '../kernel/fail.ts';
import { derivedId } from '../kernel/ids.ts';
import { isTerminalInstance } from '../contract/values.ts';
import { NodeError, type NodeResult } from '../nodes/kit.ts';
import { readOutcome } from '../store/instances.ts';
import { cancelOutside, dropInFlight, noteActivity } from './advance.ts';
import type { Trial } from './attempt.ts';
import { failWaiting, onFailure } from './attempt-result.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { finish, occupy, releaseHeld, vacate } from './finish.ts';
import { pathOf, type Ready } from './frame.ts';
import { MAX_DEPTH } from './limits.ts';
import { patiently } from './patient.ts';
import { flush, stageStep } from './stage.ts';
import { startInstance } from './start.ts';
import { armTimer, boundedWait } from './timers.ts';

type Call = Extract<NodeResult, { kind: 'call' }>;

export function callWorkflow(trial: Trial, call: Call): void {
  const { core, frame, node, step, attempt } = trial;
  const { live } = frame;
  if (live.depth + 1 > MAX_DEPTH)
    return onFailure(
      trial,
      new NodeError('too_deep', `workflows call each other ${MAX_DEPTH} deep here, which is the limit; does one call itself without end?`, { final: true }),
    );
  const path = pathOf(frame, node);
  const run = occupy(core, frame, node, step);
  const childId = derivedId('inst', live.createdAt, `${live.id}/${path}/${step.generation}/${attempt}`);
  const request = {
    id: childId,
    orgId: live.orgId,
    workflowId: call.workflowId,
    version: call.version,
    input: call.input,
    priority: node.node.priority ?? live.priority,
    labels: live.labels,
    startedBy: `workflow:${live.workflowId}`,
    requestId: live.requestId ?? `req_${live.id}`,
    parent: { instanceId: live.id, path, generation: call.wait ? step.generation : null },
    depth: live.depth + 1,
  };
  patiently(core, () => startInstance(core, request)).then(
    () => {
      if (vacate(core, frame, node, run)) walled(core, live, () => (call.wait ? awaitChild(trial, childId) : detach(trial, childId)));
      else if (call.wait) cancelOutside(core, live, { jobIds: [], childIds: [childId] }, 'nobody waits for it');
      releaseHeld(core, live);
    },
    (error: unknown) => {
      const isOurs = vacate(core, frame, node, run);
      // This process stops: the next one makes the same call.
      if (!isOurs || (error instanceof AppError && (error.code === 'draining' || error.code === 'starting'))) return;
      walled(core, live, () => onFailure(trial, error));
      releaseHeld(core, live);
    },
  );
}

function detach(trial: Trial, childId: string): void {
  const { core, frame, node, step, attempt, startedAt, inputText: input } = trial;
  const change = { status: 'completed' as const, attempt, startedAt, input, wait: null, error: null, endedAt: core.clock.now() };
  finish(core, frame, node, step, { ...change, output: { instanceId: childId }, hasOutput: true, reason: `started ${childId}` }, false);
}

function awaitChild(trial: Trial, childId: string): void {
  const { core, frame, node, step, attempt, startedAt, inputText: input } = trial;
  const wait = boundedWait(node, startedAt, { kind: 'child', message: `waits for ${childId}`, childId }, undefined);
  stageStep(core, frame, node, step, { status: 'waiting', attempt, startedAt, input, error: null, wait });
  noteActivity(core, frame.live);
  flush(core, frame.live, (lost) => {
    if (lost !== undefined) return;
    armTimer(core, frame, node);
    watchChild(core, { frame, node }, childId);
  });
}

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
    if (core.children.get(childId) !== found || found.frame.isGone || found.frame.live.isGone) return;
    core.children.delete(childId);
    walled(core, found.frame.live, () => settleChild(core, found, childId, outcome));
  } catch (error) {
    core.log.warn({ instanceId: childId, cause: messageOf(error) }, 'the end of a called instance could not be read; the poll will');
  }
}

function settleChild(core: Core, { frame, node }: Ready, childId: string, outcome: Awaited<ReturnType<typeof readOutcome>>): void {
  const step = frame.steps[node.index];
  if (step?.status !== 'waiting' || step.wait?.childId !== childId) return;
  dropInFlight(core, frame, node, 'its child ended', { jobIds: [], childIds: [] });
  if (outcome?.status === 'completed') {
    const change = { status: 'completed' as const, output: outcome.output, hasOutput: true, wait: null, error: null, endedAt: core.clock.now() };
    return finish(core, frame, node, step, { ...change, reason: `the result of ${childId}` }, false);
  }
  const how =
    outcome === undefined ? 'was deleted' : outcome.status === 'cancelled' ? 'was cancelled' : `failed: ${outcome.error?.message ?? 'no reason is known'}`;
  const details = { instanceId: childId, code: outcome?.error?.code ?? null };
  failWaiting(
    { core, frame, node, step },
    new NodeError(outcome?.status === 'cancelled' ? 'child_cancelled' : 'child_failed', `the called instance ${childId} ${how}`, { details }),
  );
}
