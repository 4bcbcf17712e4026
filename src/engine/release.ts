/** Steps that start only when a person says so: those with `start: manual`, and every step of an instance in debug mode. */
import { fail } from '../kernel/fail.ts';
import { noteActivity, startAfter } from './advance.ts';
import type { Core } from './core.ts';
import { changeStep, framesOf, pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import type { Live } from './live.ts';
import { flush, stageStep } from './stage.ts';
import { armTimer, boundedWait } from './timers.ts';

/** Holds a ready step until somebody lets it start. @returns false when it may start by itself */
export function holdForRelease(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): boolean {
  const isManual = node.node.start === 'manual';
  if (step.isReleased || step.attempt > 0 || (!isManual && !frame.live.debug)) return false;
  const path = pathOf(frame, node);
  const now = core.clock.now();
  const wait = isManual
    ? { kind: 'manual_trigger', message: `waits for somebody to start it: POST …/steps/${path}/start` }
    : { kind: 'debug_pause', message: `paused for debugging: POST …/steps/${path}/start, or resume the instance` };
  stageStep(core, frame, node, step, { status: 'waiting', startedAt: now, queuedAt: now, wait: boundedWait(node, now, wait, undefined) });
  noteActivity(core, frame.live);
  flush(core, frame.live, (lost) => void (lost === undefined && armTimer(core, frame, node)));
  return true;
}

/** Lets a held step start. Its row says so first. @throws AppError illegal_transition */
export function releaseStep(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, by: string | undefined): void {
  const { kind } = step.wait ?? {};
  if (kind !== 'manual_trigger' && kind !== 'debug_pause')
    fail('illegal_transition', `step ${pathOf(frame, node)} waits for ${kind ?? 'nothing'}; start applies to steps that wait for somebody to start them`);
  frame.timers.get(node.index)?.();
  frame.timers.delete(node.index);
  stageStep(core, frame, node, step, { status: 'queued', reason: by === undefined ? null : `started by ${by}`, wait: null, startedAt: null });
  step.isReleased = true;
  changeStep(frame.live, step, { status: 'pending' });
  noteActivity(core, frame.live);
  startAfter(core, frame.live, [{ frame, node }], false);
}

/** Lets every step that is paused for debugging start. @returns how many */
export function releasePauses(core: Core, live: Live): number {
  let released = 0;
  for (const frame of [...framesOf(live.top)])
    for (const node of frame.graph.nodes) {
      const step = frame.steps[node.index];
      if (step?.status !== 'waiting' || step.wait?.kind !== 'debug_pause') continue;
      releaseStep(core, frame, node, step, undefined);
      released += 1;
    }
  return released;
}
