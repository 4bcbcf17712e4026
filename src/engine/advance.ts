/** What follows when a step ends: its outcome, the conditions of its edges, skips, the next ready nodes, the end of the instance.
 *  The plan moves with staging; starting waits for durability: a step starts only after the transition that allows it is on disk,
 *  unless that transition is a pure step's, which may be repeated. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure, Instance } from '../contract/instances.ts';
import { isTerminalStep } from '../contract/values.ts';
import { isTruthy } from '../kernel/json.ts';
import { releaseBody } from './body.ts';
import { failure, notifyEnd, type Core } from './core.ts';
import { framesOf, isOutsideWait, openStep, outputOf, pathOf, removeStep, type Frame, type LiveStep, type Ready } from './frame.ts';
import type { CompiledEdge, CompiledNode } from './graph.ts';
import type { Live } from './live.ts';
import { patiently } from './patient.ts';
import { advance, firingEdges, type Advance, type Outcome } from './plan.ts';
import { evaluateIn } from './large.ts';
import { bufferOf, flush, flushSoon, stageInstance, stageStep, type StepChange } from './stage.ts';

/** A skipped step whose successors go on all the same (disabled, or skipped by hand) carries this in `port`. */
export const PASS_PORT = 'out';

/** How an ended step counts for the plan; 'fatal' ends the instance. */
export function outcomeOf(node: CompiledNode, step: Pick<LiveStep, 'status' | 'port'>): Outcome | 'fatal' {
  switch (step.status) {
    case 'completed':
    case 'cached':
      return { kind: 'passed', port: step.port };
    case 'skipped':
      return step.port === null ? { kind: 'skipped' } : { kind: 'passed', port: null };
    case 'failed':
    case 'timed_out':
    case 'cancelled':
      if (node.onError === 'continue') return { kind: 'passed', port: null };
      return node.onError === 'branch' ? { kind: 'failed' } : 'fatal';
    default:
      throw new Error(`step ${node.key} is ${step.status} and has no outcome`);
  }
}

/** Indexes of edges that would fire but whose condition is false. At once when no condition needs the evaluator. */
export function closedEdges(core: Core, frame: Frame, node: CompiledNode, outcome: Outcome): ReadonlySet<number> | Promise<ReadonlySet<number>> {
  if (!node.asks) return NONE;
  const conditional = firingEdges(node, outcome).filter((edge) => edge.when !== undefined);
  if (conditional.length === 0) return NONE;
  return evaluateAll(core, frame, conditional);
}

const NONE: ReadonlySet<number> = new Set();

async function evaluateAll(core: Core, frame: Frame, edges: readonly CompiledEdge[]): Promise<ReadonlySet<number>> {
  const closed = new Set<number>();
  for (const edge of edges) if (edge.when !== undefined && !isTruthy(await evaluateIn(core, frame, edge.when))) closed.add(edge.index);
  return closed;
}

export interface Settled {
  readonly change: StepChange;
  /** A pure step's result needs no commit of its own. */
  readonly isPure: boolean;
  readonly closed: ReadonlySet<number>;
}

/** Ends a step and moves the plan on. The caller has evaluated the conditions of its edges. */
export function settle(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, settled: Settled): void {
  stageStep(core, frame, node, step, settled.change);
  const outcome = outcomeOf(node, step);
  if (outcome === 'fatal') {
    const path = pathOf(frame, node);
    const cause = step.error ?? failure('step_failed', `step ${path} ended ${step.status}`);
    return endFrame(core, frame, { status: 'failed', error: { ...cause, step: cause.step ?? path } }, settled.isPure);
  }
  const { ready, skipped, late } = advance(frame.plan, node, outcome, settled.closed);
  stageSkips(core, frame, skipped);
  for (const drop of late) noteLate(core, frame, node, drop);
  goOn(core, frame, ready, settled.isPure);
}

/** Records what the plan passed over. */
export function stageSkips(core: Core, frame: Frame, skipped: Advance['skipped']): void {
  const now = core.clock.now();
  for (const skip of skipped) stageStep(core, frame, skip.node, openStep(frame, skip.node), { status: 'skipped', reason: skip.reason, endedAt: now });
}

/** A token that came after its target had started: dropped, with a line in the target's log. */
function noteLate(core: Core, frame: Frame, from: CompiledNode, to: CompiledNode): void {
  const step = frame.steps[to.index];
  if (step === undefined) return;
  const line = `a late token from ${from.key} was dropped: ${to.key} had ${step.status === 'skipped' ? 'been skipped' : 'started without it'}`;
  stageLog(core, frame.live, [{ path: pathOf(frame, to), generation: step.generation, attempt: Math.max(1, step.attempt), at: core.clock.now(), line }]);
}

/** Starts what is ready, ends what is done, and says when everything waits. */
export function goOn(core: Core, frame: Frame, decided: readonly CompiledNode[], isPure: boolean): void {
  const { live } = frame;
  // A plan made anew may name a step that was in flight, and has moved on since.
  const ready = decided.filter((node) => (frame.steps[node.index]?.status ?? 'pending') === 'pending');
  for (const node of ready) openStep(frame, node);
  if (frame.plan.open === 0) return endFrame(core, frame, { status: 'completed', output: outputOf(frame) }, isPure);
  noteActivity(core, live);
  startAfter(
    core,
    live,
    ready.map((node) => ({ frame, node })),
    isPure,
  );
}

/** Starts what is ready: at once after pure steps, else when all that is staged is durable. */
export function startAfter(core: Core, live: Live, ready: readonly Ready[], isPure: boolean): void {
  if (isPure && live.inFlight === 0 && !live.mustFlush) {
    for (const one of ready) core.ready.push(one);
    return core.pump();
  }
  live.startsAfter.push(...ready);
  flushSoon(core, live);
}

/** Ends a frame: the whole instance, or one item of a body. */
function endFrame(core: Core, frame: Frame, end: FrameEnd, isPure: boolean): void {
  if (frame.place === undefined) return endInstance(core, frame.live, end);
  core.turns.endItem(frame, frame.place, end, isPure);
}

/** How a graph came to its end. */
export interface FrameEnd {
  readonly status: 'completed' | 'failed';
  readonly output?: Json;
  readonly error?: Failure;
}

/** Keeps `running` and `waiting` true to what the steps do. */
export function noteActivity(core: Core, live: Live): void {
  if (live.status === 'running' && live.busy === 0 && live.waiting > 0) stageInstance(core, live, { status: 'waiting', waiting: waitingOf(live) });
  else if (live.status === 'waiting' && live.busy > 0) stageInstance(core, live, { status: 'running' });
}

/** What the instance waits for: the step that time will release first, else any. */
function waitingOf(live: Live): NonNullable<Instance['waiting']> {
  let first: { frame: Frame; node: CompiledNode; step: LiveStep } | undefined;
  for (const frame of framesOf(live.top))
    for (const node of frame.graph.nodes) {
      const step = frame.steps[node.index];
      if (step === undefined || !isOutsideWait(step)) continue;
      if (first === undefined || (step.wait?.until ?? '9') < (first.step.wait?.until ?? '9')) first = { frame, node, step };
    }
  const wait = first?.step.wait;
  const kind = wait?.kind === 'approval' || wait?.kind === 'webhook' || wait?.kind === 'manual_trigger' || wait?.kind === 'debug_pause' ? wait.kind : 'timer';
  return {
    kind,
    message: first === undefined ? 'waits' : `step ${pathOf(first.frame, first.node)}: ${wait?.message ?? 'waits'}`,
    ...(wait?.until === undefined ? {} : { until: wait.until }),
  };
}

export interface InstanceEnd {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly output?: Json | undefined;
  readonly error?: Failure | undefined;
  /** Why steps in flight are cancelled; default: made from the status. */
  readonly reason?: string | undefined;
}

/** Ends the instance now: what is in flight is cancelled, its processes once this is durable. */
export function endInstance(core: Core, live: Live, end: InstanceEnd): void {
  const now = core.clock.now();
  const inside = cancelSteps(core, live.top, end.reason ?? reasonOf(end), now);
  // A fault in what ends it must not keep it from ending: the row is what counts.
  stageInstance(core, live, { status: end.status, output: end.output, error: end.error, endedAt: now });
  live.isGone = true;
  live.startsAfter = [];
  live.held.length = 0;
  flush(core, live, (lost) => {
    if (lost !== undefined) return;
    cancelOutside(core, live, inside, `instance ${live.id} ended`);
    // A command has set it running again meanwhile.
    if (!live.isGone) return;
    if (core.lives.get(live.id) === live) core.lives.delete(live.id);
    core.log.debug({ instanceId: live.id, status: end.status }, 'instance ended');
    notifyEnd(core, live.id, end.status);
    core.onEnded(live);
  });
}

function reasonOf(end: InstanceEnd): string {
  if (end.status === 'cancelled') return 'the instance was cancelled';
  if (end.status === 'completed') return 'the instance was stopped';
  return end.error?.step === undefined ? 'the instance failed' : `the instance failed at ${end.error.step}`;
}

/** What steps in flight have outside this process's memory: ended once it is durable that nobody waits for it. */
export interface Outside {
  readonly jobIds: string[];
  readonly childIds: string[];
}

/** Cancels every step in flight of a frame and of the bodies in it. @returns their open jobs and children */
export function cancelSteps(core: Core, frame: Frame, reason: string, now: number, outside: Outside = { jobIds: [], childIds: [] }): Outside {
  for (const node of frame.graph.nodes) {
    const step = frame.steps[node.index];
    if (step === undefined || isTerminalStep(step.status)) continue;
    const wasInFlight = step.staged !== null || frame.running.has(node.index);
    dropOutside(core, step, outside);
    dropInFlight(core, frame, node, reason, outside);
    // A step that never began leaves no row, and is not to be counted any more.
    if (wasInFlight) stageStep(core, frame, node, step, { status: 'cancelled', reason, wait: null, endedAt: now });
    else removeStep(frame, node);
  }
  return outside;
}

/** Forgets the job or child of a step, and notes it in `outside`. */
export function dropOutside(core: Core, step: LiveStep, outside: Outside): void {
  if (step.jobId !== null && core.jobs.delete(step.jobId)) outside.jobIds.push(step.jobId);
  const childId = step.wait?.childId;
  if (childId !== undefined && core.children.delete(childId)) outside.childIds.push(childId);
}

/** Ends jobs and children that nobody waits for any more. */
export function cancelOutside(core: Core, live: Live, outside: Outside, reason: string): void {
  const report = (error: unknown, what: object): void =>
    core.log.error({ ...what, instanceId: live.id, cause: String(error) }, 'what a step had started could not be cancelled');
  for (const jobId of outside.jobIds) patiently(core, () => core.parts.jobs.cancel(jobId, reason)).catch((error: unknown) => report(error, { jobId }));
  for (const childId of outside.childIds) patiently(core, () => core.cancelChild(live.orgId, childId)).catch((error: unknown) => report(error, { childId }));
}

/** Aborts the attempt, timer and body of a step, if any. */
export function dropInFlight(core: Core, frame: Frame, node: CompiledNode, reason: string, outside: Outside): void {
  const run = frame.running.get(node.index);
  if (run !== undefined) {
    frame.running.delete(node.index);
    frame.live.runningCount -= 1;
    run.release();
    run.abort.abort(new Error(reason));
  }
  frame.timers.get(node.index)?.();
  frame.timers.delete(node.index);
  const body = frame.bodies.get(node.index);
  if (body !== undefined) core.turns.closeBody(body, reason, outside);
}

/** Forgets a live instance without a word to the store: it was lost, or this process stops. */
export function releaseLive(core: Core, live: Live, reason: string): void {
  live.isGone = true;
  live.isReleased = true;
  for (const frame of [...framesOf(live.top)]) {
    frame.isGone = true;
    for (const run of frame.running.values()) {
      run.release();
      run.abort.abort(new Error(reason));
    }
    frame.running.clear();
    for (const cancel of frame.timers.values()) cancel();
    frame.timers.clear();
    for (const step of frame.steps) {
      if (step?.jobId !== null && step?.jobId !== undefined) core.jobs.delete(step.jobId);
      if (step?.wait?.childId !== undefined) core.children.delete(step.wait.childId);
    }
    for (const body of frame.bodies.values()) releaseBody(body);
  }
  core.dirty.delete(live);
  core.toFlush.delete(live);
  live.buffer = undefined;
  live.startsAfter = [];
  live.held.length = 0;
  if (core.lives.get(live.id) === live) core.lives.delete(live.id);
}

/** Adds lines to the log of a step, with its next transition. */
export function stageLog(
  core: Core,
  live: Live,
  lines: readonly { readonly path: string; readonly generation: number; readonly attempt: number; readonly at: number; readonly line: string }[],
): void {
  if (lines.length === 0) return;
  bufferOf(core, live).logs.push(...lines.map((one) => ({ instanceId: live.id, orgId: live.orgId, ...one })));
}
