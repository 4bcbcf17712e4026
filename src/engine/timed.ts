/** What follows when a timer fires: a wait is over, an attempt is due, or time is up. */
import { NodeError } from '../nodes/kit.ts';
import { cancelOutside, dropOutside, type Outside } from './advance.ts';
import { failWaiting } from './attempt-result.ts';
import { failBody } from './bodies.ts';
import type { Core } from './core.ts';
import { finish } from './finish.ts';
import { changeStep, stepName, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { signalStep } from './signals.ts';

/** The timer of a waiting step has fired. */
export function onTimer(core: Core, frame: Frame, node: CompiledNode): void {
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

/** A body has run as long as it may. */
export function onDeadline(core: Core, frame: Frame, node: CompiledNode): void {
  const message = `${stepName(frame, node)} ran longer than ${node.node.timeoutMs ?? 0} ms; raise timeoutMs of the node or give it less to do`;
  failBody(core, frame, node, new NodeError('timeout', message));
}
