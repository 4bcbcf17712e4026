/** Timers of waiting steps and deadlines of bodies: armed from their rows, so that they outlive this process. Wall-clock time decides; a clock that jumps is looked at
 *  again at least once a minute. */
import { NodeError } from '../nodes/kit.ts';
import type { StoredWait } from '../store/steps.ts';
import { cancelOutside, dropOutside, type Outside } from './advance.ts';
import { failWaiting } from './attempt-result.ts';
import { failBody } from './bodies.ts';
import { finish } from './finish.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { changeStep, stepName, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { signalStep } from './signals.ts';

const LOOK_AGAIN_MS = 60_000;

/** Arms the timer of a waiting step; call when its row is durable. */
export function armTimer(core: Core, frame: Frame, node: CompiledNode): void {
  const step = frame.steps[node.index];
  if (frame.live.isGone || frame.isGone || step?.status !== 'waiting' || step.wait?.until === undefined) return;
  const generation = step.generation;
  const leftMs = Date.parse(step.wait.until) - core.clock.now();
  frame.timers.get(node.index)?.();
  const cancel = core.clock.after(Math.min(Math.max(0, leftMs), LOOK_AGAIN_MS), () => {
    frame.timers.delete(node.index);
    const now = frame.steps[node.index];
    if (frame.live.isGone || frame.isGone || core.state === 'stopped' || now !== step || step.generation !== generation || step.status !== 'waiting') return;
    if (Date.parse(step.wait?.until ?? '') > core.clock.now()) return armTimer(core, frame, node);
    walled(core, frame.live, () => fire(core, frame, node));
  });
  frame.timers.set(node.index, cancel);
}

function fire(core: Core, frame: Frame, node: CompiledNode): void {
  const step = frame.steps[node.index];
  if (step === undefined) return;
  const { wait } = step;
  if (wait?.timesOut === true) return timeOut(core, frame, node, step);
  if (wait?.kind === 'retry' || wait?.kind === 'poll') {
    // The row stays `waiting` until the attempt says more; in memory the step is ready again.
    changeStep(frame.live, step, {
      status: 'pending',
      wait: null,
      error: null,
      state: wait.state,
      attempt: wait.kind === 'poll' ? step.attempt - 1 : step.attempt,
    });
    core.ready.push({ frame, node });
    return core.pump();
  }
  const now = core.clock.now();
  const output = { waitedMs: now - (step.startedAt ?? now) };
  finish(core, frame, node, step, { status: 'completed', output, hasOutput: true, wait: null, endedAt: now }, false);
}

/** A wait with its end: its own moment, or the node's `timeoutMs` when that comes first. Times are ms since the epoch. */
export function boundedWait(
  node: CompiledNode,
  startedAt: number,
  wait: StoredWait,
  own: { readonly until: number; readonly timesOut: boolean } | undefined,
): StoredWait {
  const limit = node.node.timeoutMs === undefined ? undefined : startedAt + node.node.timeoutMs;
  if (limit !== undefined && (own === undefined || limit < own.until)) return { ...wait, until: new Date(limit).toISOString(), timesOut: true };
  if (own === undefined) return wait;
  return { ...wait, until: new Date(own.until).toISOString(), ...(own.timesOut ? { timesOut: true } : {}) };
}

/** Nothing came in time. A type that waits for signals is asked what that means; for others it is a failure. */
function timeOut(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): void {
  const outside: Outside = { jobIds: [], childIds: [] };
  dropOutside(core, step, outside);
  cancelOutside(core, frame.live, outside, `${stepName(frame, node)} timed out`);
  const late = (step.startedAt ?? 0) + (node.node.timeoutMs ?? Infinity) <= core.clock.now();
  if (!late && (step.wait?.kind === 'webhook' || step.wait?.kind === 'approval')) return signalStep(core, frame, node, step, { kind: 'timeout' });
  failWaiting(
    { core, frame, node, step },
    new NodeError('timeout', `${stepName(frame, node)} waited longer than ${node.node.timeoutMs ?? 0} ms: ${step.wait?.message ?? ''}`),
  );
}

/** Arms the limit of a body under way; call when its row is durable. */
export function armDeadline(core: Core, frame: Frame, node: CompiledNode): void {
  const step = frame.steps[node.index];
  const { timeoutMs } = node.node;
  if (timeoutMs === undefined || step === undefined || step.status !== 'running') return;
  const leftMs = (step.startedAt ?? 0) + timeoutMs - core.clock.now();
  frame.timers.get(node.index)?.();
  const cancel = core.clock.after(Math.min(Math.max(0, leftMs), LOOK_AGAIN_MS), () => {
    frame.timers.delete(node.index);
    if (frame.live.isGone || frame.isGone || core.state === 'stopped' || frame.steps[node.index] !== step || step.status !== 'running') return;
    if ((step.startedAt ?? 0) + timeoutMs > core.clock.now()) return armDeadline(core, frame, node);
    const error = new NodeError('timeout', `${stepName(frame, node)} ran longer than ${timeoutMs} ms; raise timeoutMs of the node or give it less to do`);
    walled(core, frame.live, () => failBody(core, frame, node, error));
  });
  frame.timers.set(node.index, cancel);
}
