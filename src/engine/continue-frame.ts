/** Goes on with what was brought back from rows: frames, the steps in flight in them, and maps and loops with theirs. Never reads an instance itself
 *  (recover.ts does), and starts nothing before all of it is there. */
import { isTerminalStep } from '../contract/values.ts';
import { messageOf } from '../kernel/fail.ts';
import { goOn, stageSkips } from './advance.ts';
import type { Body } from './body.ts';
import { continueBody } from './bodies.ts';
import { armPauses } from './body-items.ts';
import { watchChild } from './children.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { changeStep, openStep, type Frame } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { onJobEnded } from './job-steps.ts';
import { isUndoneByRetry, rebuildPlan } from './rebuild.ts';
import { restoreBody } from './recover-bodies.ts';
import { armDeadline, armTimer } from './timers.ts';

/** Goes on with a frame that was brought back from rows. */
export async function continueFrame(core: Core, frame: Frame): Promise<void> {
  const { live } = frame;
  await restoreBodies(core, frame);
  // Cannot be in rows written by a whole group; if it is, going on beats being stuck.
  for (const node of frame.graph.nodes) {
    const step = frame.steps[node.index];
    if (step !== undefined && isUndoneByRetry(frame, node, step)) openStep(frame, node);
  }
  const decided = await rebuildPlan(core, frame);
  if (live.isGone || frame.isGone) return;
  stageSkips(core, frame, decided.skipped);
  const again: CompiledNode[] = [];
  // Serial: bodies read their rows one after another.
  for (const node of frame.graph.nodes) if (await takeUp(core, frame, node)) again.push(node);
  if (live.isGone || frame.isGone) return;
  goOn(core, frame, [...decided.ready, ...again], false);
}

/** Goes on with a step that was in flight. @returns true when it is to be started again */
async function takeUp(core: Core, frame: Frame, node: CompiledNode): Promise<boolean> {
  const step = frame.steps[node.index];
  if (step === undefined || step.status === 'pending' || isTerminalStep(step.status)) return false;
  if (node.type.runs === 'body' && step.status === 'running') {
    const body = frame.bodies.get(node.index);
    if (body !== undefined) await resumeBody(core, body);
    return false;
  }
  if (step.jobId !== null) {
    core.jobs.set(step.jobId, { frame, node });
    void onJobEnded(core, step.jobId).catch((error: unknown) =>
      core.log.warn({ instanceId: frame.live.id, cause: messageOf(error) }, 'the end of a job could not be read; the poll will'),
    );
    return false;
  }
  if (step.status === 'waiting') {
    if (step.wait?.childId !== undefined) watchChild(core, { frame, node }, step.wait.childId);
    armTimer(core, frame, node);
    return false;
  }
  // An inline attempt that was in flight: the same attempt once more.
  changeStep(frame.live, step, { status: 'pending', attempt: Math.max(0, step.attempt - 1), isReleased: true });
  return true;
}

/** Goes on with a map or loop that was brought back: with its open items first, then with the rest. */
async function resumeBody(core: Core, body: Body): Promise<void> {
  const { frame, node, toContinue } = body;
  body.toContinue = [];
  for (const inner of toContinue) await continueFrame(core, inner);
  if (body.isOver || frame.live.isGone) return;
  armDeadline(core, frame, node);
  armPauses(core, body);
  walled(core, frame.live, () => continueBody(core, body));
}

/** Brings the bodies under way in a frame back, and those in them. */
export async function restoreBodies(core: Core, frame: Frame): Promise<void> {
  for (const node of frame.graph.nodes) {
    const step = frame.steps[node.index];
    if (node.type.runs !== 'body' || step?.status !== 'running' || frame.bodies.has(node.index)) continue;
    // Serial: bodies read their rows one after another.
    const { body, frames } = await restoreBody(core, frame, node, step);
    body.toContinue = frames;
    for (const inner of frames) await restoreBodies(core, inner);
  }
}
