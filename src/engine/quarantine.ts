/** Steps that take their process down: found by what was in flight when it died, tried again later and alone, and given up at the third time.
 *  A kill from outside looks the same from here, so the guilty and the unlucky are told apart by patience: after the second crash a step waits
 *  half a minute of quiet; a death meanwhile, with no suspect in flight, clears it (suspects.ts). Its neighbours go on meanwhile.
 *  One thing to know: everything here is about inline steps; a job's process is another one, and its crashes are the job's (jobs). */
import { failure, type Core } from './core.ts';
import { walled } from './fault.ts';
import { finish } from './finish.ts';
import { changeStep, pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { keyOf, nextSuspect, type Suspect } from './suspects.ts';

/** So many crashes, and it is not tried again by itself. */
const MAX_CRASHES = 3;
/** How long a suspect waits from the start of this process, by its crashes so far: ms. */
const QUIET_MS: readonly number[] = [0, 1_000, 30_000];

/** Whether the step may not start now: it was in flight at a crash, and waits, or has been given up. */
export function holdSuspect(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): boolean {
  if (core.suspects.known.size === 0 || node.type.runs !== 'inline') return false;
  const key = keyOf({ instanceId: frame.live.id, path: pathOf(frame, node), generation: step.generation });
  const suspect = core.suspects.known.get(key);
  if (suspect === undefined || core.suspects.alone === key) return false;
  if (suspect.crashes >= MAX_CRASHES) quarantine(core, frame, node, step, suspect);
  else waitForQuiet(core, frame, node, step, key, QUIET_MS[suspect.crashes] ?? 0);
  return true;
}

function quarantine(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, suspect: Suspect): void {
  const path = pathOf(frame, node);
  core.log.error(
    { instanceId: frame.live.id, path, crashes: suspect.crashes },
    'a step was in flight at every one of these crashes of Studio; it is not tried again',
  );
  const error = failure(
    'quarantined',
    `Studio died ${suspect.crashes} times while ${path} was running, last at ${suspect.lastAt.toISOString()}; the step is not tried again by itself`,
    {
      remedy: 'Look at what it does (its params, what it calls), mend it, and retry the step: that opens a new generation with a clean record.',
      details: { crashes: suspect.crashes, lastAt: suspect.lastAt.toISOString() },
    },
  );
  finish(core, frame, node, step, { status: 'failed', attempt: step.attempt + 1, error, wait: null, endedAt: core.clock.now() }, false);
}

/** In memory only: a crash meanwhile begins the wait anew. */
function waitForQuiet(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, key: string, quietMs: number): void {
  const leftMs = core.startedAt + quietMs - core.clock.monotonic();
  const reason = `was in flight when Studio died; tried again alone in ${Math.ceil(Math.max(0, leftMs) / 1_000)} s`;
  changeStep(frame.live, step, { reason });
  const start = (): void => {
    if (frame.live.isGone || frame.isGone || frame.steps[node.index] !== step || step.status !== 'pending') return nextSuspect(core);
    core.suspects.alone = key;
    changeStep(frame.live, step, { reason: null });
    core.ready.push({ frame, node });
    core.pump();
  };
  const enter = (): void => {
    if (core.suspects.alone === undefined) walled(core, frame.live, start);
    else core.suspects.waiting.push(() => walled(core, frame.live, start));
  };
  if (leftMs <= 0) return enter();
  frame.timers.get(node.index)?.();
  frame.timers.set(
    node.index,
    core.clock.after(leftMs, () => {
      frame.timers.delete(node.index);
      enter();
    }),
  );
}
