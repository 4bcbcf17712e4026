/** Timers of waiting steps: armed from their rows, so that they outlive this process. Wall-clock time decides; a clock that jumps is looked at
 *  again at least once a minute. */
import { finish } from './finish.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import type { CompiledNode } from './graph.ts';
import { changeStep, type Live } from './live.ts';

const LOOK_AGAIN_MS = 60_000;

/** Arms the timer of a waiting step; call when its row is durable. */
export function armTimer(core: Core, live: Live, node: CompiledNode): void {
  const step = live.steps[node.index];
  if (live.isGone || step?.status !== 'waiting' || step.wait?.until === undefined) return;
  const generation = step.generation;
  const leftMs = Date.parse(step.wait.until) - core.clock.now();
  live.timers.get(node.index)?.();
  const cancel = core.clock.after(Math.min(Math.max(0, leftMs), LOOK_AGAIN_MS), () => {
    live.timers.delete(node.index);
    const now = live.steps[node.index];
    if (live.isGone || core.state === 'stopped' || now !== step || step.generation !== generation || step.status !== 'waiting') return;
    if (Date.parse(step.wait?.until ?? '') > core.clock.now()) return armTimer(core, live, node);
    walled(core, live, () => fire(core, live, node));
  });
  live.timers.set(node.index, cancel);
}

function fire(core: Core, live: Live, node: CompiledNode): void {
  const step = live.steps[node.index];
  if (step === undefined) return;
  if (step.wait?.kind === 'retry') {
    // The row stays `waiting` until the attempt says more; in memory the step is ready again.
    changeStep(live, step, { status: 'pending', wait: null, error: null });
    core.ready.push({ live, node });
    return core.pump();
  }
  const now = core.clock.now();
  const output = { waitedMs: now - (step.startedAt ?? now) };
  finish(core, live, node, step, { status: 'completed', output, hasOutput: true, wait: null, endedAt: now }, false);
}
