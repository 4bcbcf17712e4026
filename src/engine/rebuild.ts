/** Rebuilds a live instance from its rows, and its plan from its steps: after a crash, and when a command reopens steps.
 *  The plan is a function of the steps' rows; conditions of edges whose target is undecided are asked again. */
import { isTerminalStep } from '../contract/values.ts';
import type { StoredInstance } from '../store/instances.ts';
import type { StoredStep } from '../store/steps.ts';
import { closedEdges, outcomeOf } from './advance.ts';
import type { Core } from './core.ts';
import type { CompiledGraph, CompiledNode } from './graph.ts';
import { createLive, exposeStep, newStep, placeStep, type Live, type LiveStep } from './live.ts';
import { advance, begin, createPlan, markDecided, type Advance, type Outcome, type Plan } from './plan.ts';

/** The instance as its rows say. */
export function liveFromRows(stored: StoredInstance, graph: CompiledGraph, steps: readonly StoredStep[]): Live {
  const live = createLive(stored, graph);
  for (const row of steps) {
    const node = graph.byKey.get(row.path);
    // A path of a body, or of nothing: bodies are not there yet.
    if (node === undefined) continue;
    live.generations[node.index] = row.generation;
    const step = placeStep(live, node, { ...newStep(row.generation), ...stateOf(row), staged: row.status });
    exposeStep(live, node, step);
  }
  return live;
}

function stateOf(row: StoredStep): Partial<LiveStep> {
  const { status, attempt, port, output, hasOutput, error, reason, wait, jobId, workerId, queuedAt, startedAt, endedAt } = row;
  return { status, attempt, port, output, hasOutput, error, reason, wait, jobId, workerId, queuedAt, startedAt, endedAt };
}

/** Whether a step's end is undone when its instance is retried: it failed the instance, or was cancelled by its end. */
export function isUndoneByRetry(node: CompiledNode, step: LiveStep): boolean {
  if (step.status === 'cancelled' && step.reason?.startsWith('the instance ') === true) return true;
  return isTerminalStep(step.status) && outcomeOf(node, step) === 'fatal';
}

/** A fresh plan over the steps as they are now, with what it decides beyond them. Steps that are pending count as undecided.
 *  The evaluation may take turns of the loop: when something moved meanwhile, it is done again. */
export async function rebuildPlan(core: Core, live: Live): Promise<Advance> {
  for (;;) {
    const seq = live.seq;
    const outcomes = await outcomesOf(core, live);
    if (live.seq !== seq) continue;
    const plan = createPlan(live.graph);
    live.plan = plan;
    return replay(plan, live, outcomes);
  }
}

interface KnownOutcome {
  readonly outcome: Outcome;
  readonly closed: ReadonlySet<number>;
}

async function outcomesOf(core: Core, live: Live): Promise<ReadonlyMap<number, KnownOutcome>> {
  const outcomes = new Map<number, KnownOutcome>();
  for (const node of live.graph.nodes) {
    const step = live.steps[node.index];
    if (step === undefined || !isTerminalStep(step.status)) continue;
    const outcome = outcomeOf(node, step);
    // Serial: expressions share one child.
    if (outcome !== 'fatal') outcomes.set(node.index, { outcome, closed: await closedEdges(core, live, node, outcome) });
  }
  return outcomes;
}

function replay(plan: Plan, live: Live, outcomes: ReadonlyMap<number, KnownOutcome>): Advance {
  const { graph } = live;
  for (const node of graph.nodes) {
    const step = live.steps[node.index];
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
  return { ready, skipped };
}
