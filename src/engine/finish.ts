/** The end of an attempt: what is in flight, giving its place back, and a step's way from its result to its settled state. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import { AppError } from '../kernel/fail.ts';
import { NodeError } from '../nodes/kit.ts';
import { remember } from './cache.ts';
import { clearSuspect } from './suspects.ts';
import { closedEdges, outcomeOf, settle } from './advance.ts';
import { failure, type Core } from './core.ts';
import { walled } from './fault.ts';
import { isCurrent, type Frame, type LiveStep, type Running } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import type { Live } from './live.ts';
import { noRedaction, type Redaction } from './redaction.ts';
import type { StepChange } from './stage.ts';

/** Marks a step as in flight. */
export function occupy(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): Running {
  const run: Running = { generation: step.generation, attempt: step.attempt, abort: new AbortController(), release: () => undefined };
  frame.running.set(node.index, run);
  frame.live.runningCount += 1;
  core.runningCount += 1;
  return run;
}

/** The attempt is over. @returns false when something else happened to the step meanwhile: its result is dropped */
export function vacate(core: Core, frame: Frame, node: CompiledNode, run: Running): boolean {
  core.runningCount -= 1;
  const isOurs = isCurrent(frame, node, run);
  if (isOurs) {
    frame.running.delete(node.index);
    frame.live.runningCount -= 1;
  }
  run.release();
  run.land?.();
  if (core.ready.length > 0) setImmediate(() => core.pump());
  return isOurs;
}

/** Ends a step: asks the conditions of its edges, then settles it. */
export function finish(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, change: StepChange, isPure: boolean): void {
  clearSuspect(core, frame, node, step);
  if (step.cacheKey !== undefined) remember(core, frame, node, step, change);
  const outcome = outcomeOf(node, { status: change.status, port: change.port === undefined ? step.port : change.port });
  // The conditions may read what this step gives.
  if (node.asks && (change.hasOutput === true || change.error !== undefined))
    frame.scope.steps[node.key] = { output: change.output ?? null, ...(change.error == null ? {} : { error: change.error as Json }) };
  const closed = outcome === 'fatal' ? NONE : closedEdges(core, frame, node, outcome);
  if (!(closed instanceof Promise)) {
    settle(core, frame, node, step, { change, isPure, closed });
    return releaseHeld(core, frame.live);
  }
  const { live } = frame;
  const run = occupy(core, frame, node, step);
  closed.then(
    (edges) => {
      if (vacate(core, frame, node, run)) walled(core, live, () => settle(core, frame, node, step, { change, isPure, closed: edges }));
      releaseHeld(core, live);
    },
    (error: unknown) => {
      // A condition that can't be evaluated is a failure of the step before it.
      if (vacate(core, frame, node, run))
        walled(core, live, () =>
          settle(core, frame, node, step, { change: { ...change, status: 'failed', error: failureOf(error) }, isPure: false, closed: NONE }),
        );
      releaseHeld(core, live);
    },
  );
}

const NONE: ReadonlySet<number> = new Set();

/** What went wrong, as the step's row tells it. */
export function failureOf(error: unknown, redaction: Redaction = noRedaction): Failure {
  const mask = redaction.text;
  // Details hold what came from outside: it may have sent back what it was sent.
  if (error instanceof NodeError)
    return failure(error.code, mask(error.message), error.details === undefined ? {} : { details: redaction.json(error.details) });
  // A refusal of Studio's own rooms (a full disk, say) names itself: it is no fault of the node type.
  if (error instanceof AppError) return failure(error.code, mask(error.message));
  return failure('node_crashed', mask(error instanceof Error ? error.message : String(error)), {
    remedy: 'This is a fault of the node type: look for the instance id in the log of Studio.',
  });
}

/** Lets held-back steps try again: after a resume, and when an attempt made room. */
export function releaseHeld(core: Core, live: Live): void {
  if (live.held.length === 0 || live.isGone || live.status === 'paused') return;
  for (const ready of live.held.splice(0)) core.ready.push(ready);
  core.pump();
}
