/** Rebuilds a live instance from its rows, and its plan from its steps: after a crash, and when a command reopens steps.
 *  The plan is a function of the steps' rows; conditions of edges whose target is undecided are asked again. */
import { isTerminalStep } from '../contract/values.ts';
import type { StoredInstance } from '../store/instances.ts';
import type { StoredStep } from '../store/stored-steps.ts';
import { closedEdges, outcomeOf } from './advance.ts';
import type { Core } from './core.ts';
import type { CompiledGraph, CompiledNode } from './graph.ts';
import { exposeStep, newStep, placeStep, type Frame, type LiveStep } from './frame.ts';
import { createLive, type Live } from './live.ts';
import { advance, begin, createPlan, markDecided, type Advance, type Outcome, type Plan } from './plan.ts';

/** The instance as its rows say: the steps of its top. Bodies are opened one by one (recover-bodies.ts). */
export function liveFromRows(stored: StoredInstance, graph: CompiledGraph, steps: readonly StoredStep[]): Live {
  const live = createLive(stored, graph);
  live.stepCount = steps.length;
  fillFrame(live.top, steps);
  return live;
}

/** Puts the newest rows of a frame's steps in their places. Rows of older rounds than the frame's are left out. */
export function fillFrame(frame: Frame, steps: readonly StoredStep[]): void {
  for (const row of steps) {
    const node = row.path.startsWith(frame.prefix) ? frame.graph.byKey.get(row.path.slice(frame.prefix.length)) : undefined;
    if (node === undefined || row.generation <= frame.base) continue;
    frame.generations[node.index] = row.generation;
    const step = placeStep(frame, node, stepFromRow(row, node.type.runs === 'body' && row.status === 'running'));
    exposeStep(frame, node, step);
  }
}

export function stepFromRow(row: StoredStep, isContainer: boolean): LiveStep {
  const { status, attempt, port, output, hasOutput, error, reason, wait, jobId, workerId, queuedAt, startedAt, endedAt, details } = row;
  return {
    ...newStep(row.generation),
    ...{ status, attempt, port, output, hasOutput, error, reason, wait, jobId, workerId, queuedAt, startedAt, endedAt, details },
    staged: row.status,
    isContainer,
    // It had begun: between two looks of a poll nobody is asked again to let it start.
    isReleased: status !== 'pending' && wait?.kind !== 'manual_trigger' && wait?.kind !== 'debug_pause',
  };
}

/** Whether a step's end is undone when its instance is retried: it failed its graph, or was cancelled by an end around it. */
export function isUndoneByRetry(frame: Frame, node: CompiledNode, step: LiveStep): boolean {
  if (step.status === 'cancelled' && (frame.place === undefined ? step.reason?.startsWith('the instance ') === true : step.reason !== BY_HAND)) return true;
  return isTerminalStep(step.status) && outcomeOf(node, step) === 'fatal';
}

/** The reason of a step that a person cancelled. */
export const BY_HAND = 'cancelled by hand';

/** A fresh plan over the steps as they are now, with what it decides beyond them. Steps that are pending count as undecided.
 *  The evaluation may take turns of the loop: when something moved meanwhile, it is done again. */
export async function rebuildPlan(core: Core, frame: Frame): Promise<Advance> {
  for (;;) {
    const { seq } = frame.live;
    const outcomes = await outcomesOf(core, frame);
    if (frame.live.seq !== seq) continue;
    const plan = createPlan(frame.graph);
    frame.plan = plan;
    return replay(plan, frame, outcomes);
  }
}

interface KnownOutcome {
  readonly outcome: Outcome;
  readonly closed: ReadonlySet<number>;
}

async function outcomesOf(core: Core, frame: Frame): Promise<ReadonlyMap<number, KnownOutcome>> {
  const outcomes = new Map<number, KnownOutcome>();
  for (const node of frame.graph.nodes) {
    const step = frame.steps[node.index];
    if (step === undefined || !isTerminalStep(step.status)) continue;
    const outcome = outcomeOf(node, step);
    // Serial: expressions share one child.
    if (outcome !== 'fatal') outcomes.set(node.index, { outcome, closed: await closedEdges(core, frame, node, outcome) });
  }
  return outcomes;
}

function replay(plan: Plan, frame: Frame, outcomes: ReadonlyMap<number, KnownOutcome>): Advance {
  const { graph } = frame;
  for (const node of graph.nodes) {
    const step = frame.steps[node.index];
    if (step !== undefined && step.status !== 'pending') markDecided(plan, node);
  }
  const ready: CompiledNode[] = [];
  const skipped: Advance['skipped'][number][] = [];
  for (const index of graph.order) {
    const node = graph.nodes[index];
    const known = node === undefined ? undefined : outcomes.get(index);
    if (node === undefined || known === undefined) continue;
    const more = advance(plan, node, known.outcome, known.closed);
    ready.push(...more.ready);
    skipped.push(...more.skipped);
  }
  ready.push(...begin(plan).ready);
  return { ready, skipped, late: [] };
}
