/** Workflows calling workflows: starts the child under an id that a second try makes too, waits without a slot, takes its end.
 *  One thing to know: the child is durable before the step that waits for it, so a crash between the two finds it by its id. */
import { AppError } from '../kernel/fail.ts';
import { derivedId } from '../kernel/ids.ts';
import { NodeError, type NodeResult } from '../nodes/kit.ts';
import { cancelOutside, noteActivity } from './advance.ts';
import type { Trial } from './attempt.ts';
import { onFailure } from './attempt-result.ts';
import { watchChild } from './children.ts';
import { walled } from './fault.ts';
import { finish, occupy, releaseHeld, vacate } from './finish.ts';
import { isCurrent, pathOf } from './frame.ts';
import { MAX_DEPTH } from './limits.ts';
import { patiently } from './patient.ts';
import { flush, stageStep } from './stage.ts';
import { startInstance } from './start.ts';
import { armTimer, boundedWait } from './timers.ts';

type Call = Extract<NodeResult, { kind: 'call' }>;

export function callWorkflow(trial: Trial, call: Call): void {
  const { core, frame, node, step, attempt, startedAt } = trial;
  const { live } = frame;
  if (live.depth + 1 > MAX_DEPTH)
    return onFailure(
      trial,
      new NodeError('too_deep', `workflows call each other ${MAX_DEPTH} deep here, which is the limit; does one call itself without end?`, { final: true }),
    );
  const path = pathOf(frame, node);
  const run = occupy(core, frame, node, step);
  const childId = derivedId('inst', startedAt, `${live.id}/${path}/${step.generation}/${attempt}`);
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
    starter: live.starter,
    isTest: live.isTest,
  };
  // When it began is durable first: the child's id is made of it, so that a second try makes the same.
  stageStep(core, frame, node, step, { status: 'running', attempt, startedAt, input: trial.inputText, error: null, wait: null });
  flush(core, live, (lost) => {
    if (lost === undefined && isCurrent(frame, node, run)) start();
    else vacate(core, frame, node, run);
  });

  function start(): void {
    patiently(core, () => startInstance(core, request)).then(onStarted, onRefused);
  }

  function onStarted(): void {
    if (vacate(core, frame, node, run)) walled(core, live, () => (call.wait ? awaitChild(trial, childId) : detach(trial, childId)));
    // Released is not cancelled: whoever holds the instance now waits for this very child.
    else if (call.wait && !live.isReleased) cancelOutside(core, live, { jobIds: [], childIds: [childId] }, 'nobody waits for it');
    releaseHeld(core, live);
  }

  function onRefused(error: unknown): void {
    const isOurs = vacate(core, frame, node, run);
    // This process stops: the next one makes the same call.
    if (!isOurs || (error instanceof AppError && (error.code === 'draining' || error.code === 'starting'))) return;
    walled(core, live, () => onFailure(trial, error));
    releaseHeld(core, live);
  }
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
