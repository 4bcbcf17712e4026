/** Timers of waiting steps and deadlines of bodies: armed from their rows, so that they outlive this process. Wall-clock time decides; a
 *  clock that jumps is looked at again at least once a minute. What follows when one fires: timed.ts. */
import type { StoredWait } from '../store/stored-steps.ts';
import type { Core } from './core.ts';
import type { Frame } from './frame.ts';
import type { CompiledNode } from './graph.ts';

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
    core.turns.onTimer(frame, node);
  });
  frame.timers.set(node.index, cancel);
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
    core.turns.onDeadline(frame, node);
  });
  frame.timers.set(node.index, cancel);
}
