/** What follows when a step ends: its outcome, the conditions of its edges, skips, the next ready nodes, the end of the instance.
 *  The plan moves with staging; starting waits for durability: a step starts only after the transition that allows it is on disk,
 *  unless that transition is a pure step's, which may be repeated. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure, Instance } from '../contract/instances.ts';
import { isTerminalStep } from '../contract/values.ts';
import { isTruthy } from '../kernel/json.ts';
import { failure, notifyEnd, type Core } from './core.ts';
import type { CompiledEdge, CompiledNode } from './graph.ts';
import { isOutsideWait, openStep, outputOf, pathOf, type Live, type LiveStep } from './live.ts';
import { advance, firingEdges, type Outcome } from './plan.ts';
import { evaluate } from './resolve.ts';
import { bufferOf, flush, stageInstance, stageStep, type StepChange } from './stage.ts';

/** A skipped step whose successors go on all the same (disabled, or skipped by hand) carries this in `port`. */
export const PASS_PORT = 'out';

/** How an ended step counts for the plan; 'fatal' ends the instance. */
export function outcomeOf(node: CompiledNode, step: LiveStep): Outcome | 'fatal' {
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
      throw new Error(`step ${pathOf(node)} is ${step.status} and has no outcome`);
  }
}

/** Indexes of edges that would fire but whose condition is false. At once when no condition needs the evaluator. */
export function closedEdges(core: Core, live: Live, node: CompiledNode, outcome: Outcome): ReadonlySet<number> | Promise<ReadonlySet<number>> {
  const conditional = firingEdges(node, outcome).filter((edge) => edge.when !== undefined);
  if (conditional.length === 0) return NONE;
  return evaluateAll(core, live, conditional);
}

const NONE: ReadonlySet<number> = new Set();

async function evaluateAll(core: Core, live: Live, edges: readonly CompiledEdge[]): Promise<ReadonlySet<number>> {
  const closed = new Set<number>();
  for (const edge of edges) if (edge.when !== undefined && !isTruthy(await evaluate(edge.when, live.scope, core.evaluator))) closed.add(edge.index);
  return closed;
}

export interface Settled {
  readonly change: StepChange;
  /** A pure step's result needs no commit of its own. */
  readonly isPure: boolean;
  readonly closed: ReadonlySet<number>;
}

/** Ends a step and moves the plan on. The caller has evaluated the conditions of its edges. */
export function settle(core: Core, live: Live, node: CompiledNode, step: LiveStep, settled: Settled): void {
  stageStep(core, live, node, step, settled.change);
  const outcome = outcomeOf(node, step);
  if (outcome === 'fatal') {
    const cause = step.error ?? failure('step_failed', `step ${pathOf(node)} ended ${step.status}`);
    return endInstance(core, live, { status: 'failed', error: { ...cause, step: pathOf(node) } });
  }
  const { ready, skipped } = advance(live.plan, node, outcome, settled.closed);
  const now = core.clock.now();
  for (const skip of skipped) stageStep(core, live, skip.node, openStep(live, skip.node), { status: 'skipped', reason: skip.reason, endedAt: now });
  goOn(core, live, ready, settled.isPure);
}

/** Starts what is ready, ends what is done, and says when everything waits. */
export function goOn(core: Core, live: Live, ready: readonly CompiledNode[], isPure: boolean): void {
  for (const node of ready) openStep(live, node);
  if (live.plan.open === 0) return endInstance(core, live, { status: 'completed', output: outputOf(live) });
  noteActivity(core, live);
  if (isPure && live.inFlight === 0) {
    for (const node of ready) core.ready.push({ live, node });
    return core.pump();
  }
  live.startsAfter.push(...ready);
  flush(core, live);
}

/** Keeps `running` and `waiting` true to what the steps do. */
export function noteActivity(core: Core, live: Live): void {
  if (live.status === 'running' && live.busy === 0 && live.waiting > 0) stageInstance(core, live, { status: 'waiting', waiting: waitingOf(live) });
  else if (live.status === 'waiting' && live.busy > 0) stageInstance(core, live, { status: 'running' });
}

/** What the instance waits for: the step that time will release first, else any. */
function waitingOf(live: Live): NonNullable<Instance['waiting']> {
  let first: { node: CompiledNode; step: LiveStep } | undefined;
  for (const node of live.graph.nodes) {
    const step = live.steps[node.index];
    if (step === undefined || !isOutsideWait(step)) continue;
    if (first === undefined || (step.wait?.until ?? '9') < (first.step.wait?.until ?? '9')) first = { node, step };
  }
  const wait = first?.step.wait;
  const kind = wait?.kind === 'approval' || wait?.kind === 'webhook' || wait?.kind === 'manual_trigger' || wait?.kind === 'debug_pause' ? wait.kind : 'timer';
  return {
    kind,
    message: first === undefined ? 'waits' : `step ${pathOf(first.node)}: ${wait?.message ?? 'waits'}`,
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
  const jobIds = cancelSteps(core, live, end.reason ?? reasonOf(end), now);
  // A fault in what ends it must not keep it from ending: the row is what counts.
  stageInstance(core, live, { status: end.status, output: end.output, error: end.error, endedAt: now });
  live.isGone = true;
  live.startsAfter = [];
  live.held.length = 0;
  flush(core, live, (lost) => {
    if (lost !== undefined) return;
    if (core.lives.get(live.id) === live) core.lives.delete(live.id);
    for (const jobId of jobIds) {
      core.parts.jobs
        .cancel(jobId, `instance ${live.id} ended`)
        .catch((error: unknown) => core.log.error({ jobId, instanceId: live.id, cause: String(error) }, 'a job of an ended instance could not be cancelled'));
    }
    core.log.debug({ instanceId: live.id, status: end.status }, 'instance ended');
    notifyEnd(core, live.id, end.status);
  });
}

function reasonOf(end: InstanceEnd): string {
  if (end.status === 'cancelled') return 'the instance was cancelled';
  if (end.status === 'completed') return 'the instance was stopped';
  return end.error?.step === undefined ? 'the instance failed' : `the instance failed at ${end.error.step}`;
}

/** Cancels every step in flight. @returns their open jobs */
function cancelSteps(core: Core, live: Live, reason: string, now: number): readonly string[] {
  const jobIds: string[] = [];
  for (const node of live.graph.nodes) {
    const step = live.steps[node.index];
    if (step === undefined || isTerminalStep(step.status)) continue;
    const wasInFlight = step.staged !== null || live.running.has(node.index);
    if (step.jobId !== null && core.jobs.delete(step.jobId)) jobIds.push(step.jobId);
    dropInFlight(live, node, reason);
    // A step that never began leaves no row.
    if (wasInFlight) stageStep(core, live, node, step, { status: 'cancelled', reason, wait: null, endedAt: now });
  }
  return jobIds;
}

/** Aborts the attempt and timer of a step, if any. */
export function dropInFlight(live: Live, node: CompiledNode, reason: string): void {
  const run = live.running.get(node.index);
  if (run !== undefined) {
    live.running.delete(node.index);
    run.release();
    run.abort.abort(new Error(reason));
  }
  live.timers.get(node.index)?.();
  live.timers.delete(node.index);
}

/** Forgets a live instance without a word to the store: it was lost, or this process stops. */
export function releaseLive(core: Core, live: Live, reason: string): void {
  live.isGone = true;
  live.isReleased = true;
  for (const node of live.graph.nodes) dropInFlight(live, node, reason);
  for (const step of live.steps) if (step?.jobId !== null && step?.jobId !== undefined) core.jobs.delete(step.jobId);
  core.dirty.delete(live);
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
