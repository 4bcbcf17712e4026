/** The planner: which nodes are ready, which are skipped and why, and when all is said. Pure: no time, no store, no evaluation; it is told
 *  how a node ended and which conditional edges are closed. Compared with a slow, obvious simulator by a property test.
 *  Invariant: every node is decided at most once (ready or skipped), and only when its fan-in can no longer decide otherwise. */
import { ERROR_PORT, type CompiledEdge, type CompiledGraph, type CompiledNode } from './graph.ts';

/** How a node ended, as far as the plan cares. */
export type Outcome =
  /** Fires the edges of `port` and those that name none; null: those alone, and of the one port of a type that has one. */
  | { readonly kind: 'passed'; readonly port: string | null }
  /** Its failure is handled by the `error` port. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'skipped' };

export interface Skip {
  readonly node: CompiledNode;
  readonly reason: string;
}

export interface Advance {
  readonly ready: readonly CompiledNode[];
  /** In an order in which each skip follows from those before. */
  readonly skipped: readonly Skip[];
  /** Nodes that an edge fired at although they had started without it. */
  readonly late: readonly CompiledNode[];
}

const UNDECIDED = 0;
const DECIDED = 1;

export interface Plan {
  readonly graph: CompiledGraph;
  /** Per edge: 0 open, 1 fired, 2 dead. */
  readonly edges: Uint8Array;
  readonly decided: Uint8Array;
  /** Per node: trigger edges fired, and edges settled. */
  readonly fired: Uint32Array;
  readonly settled: Uint32Array;
  /** Nodes neither ended nor skipped. */
  open: number;
}

const OPEN = 0;
const FIRED = 1;
const DEAD = 2;

export function createPlan(graph: CompiledGraph): Plan {
  const size = graph.nodes.length;
  return {
    graph,
    edges: new Uint8Array(graph.edges.length),
    decided: new Uint8Array(size),
    fired: new Uint32Array(size),
    settled: new Uint32Array(size),
    open: size,
  };
}

/** Decides the nodes that nothing leads to. Call once: first, or last when a plan is rebuilt. */
export function begin(plan: Plan): Advance {
  const ready = plan.graph.nodes.filter((node) => node.incoming.length === 0 && plan.decided[node.index] === UNDECIDED);
  for (const node of ready) plan.decided[node.index] = DECIDED;
  return { ready, skipped: [], late: [] };
}

/** Marks `node` as already decided: recovery replays what is recorded. */
export function markDecided(plan: Plan, node: CompiledNode): void {
  plan.decided[node.index] = DECIDED;
}

/** Edges that fire when `node` ends so, before their own conditions. */
export function firingEdges(node: CompiledNode, outcome: Outcome): readonly CompiledEdge[] {
  if (outcome.kind === 'skipped') return [];
  return node.outgoing.filter((edge) => fires(edge, outcome, node));
}

function fires(edge: CompiledEdge, outcome: Outcome, node: CompiledNode): boolean {
  if (outcome.kind === 'skipped') return false;
  if (outcome.kind === 'failed') return edge.port === ERROR_PORT;
  if (edge.port === ERROR_PORT) return false;
  if (edge.port === null || edge.port === outcome.port) return true;
  // A type with one port need not name it in its result.
  return outcome.port === null && node.ports.length === 1;
}

/** Says that `node` ended. @param closed indexes of firing edges whose condition was false */
export function advance(plan: Plan, node: CompiledNode, outcome: Outcome, closed: ReadonlySet<number>): Advance {
  const ready: CompiledNode[] = [];
  const skipped: Skip[] = [];
  const late: CompiledNode[] = [];
  settle(plan, node, outcome, closed, { ready, skipped, late });
  // Skips spread; the list grows while it is walked.
  for (const skip of skipped) settle(plan, skip.node, { kind: 'skipped' }, NONE, { ready, skipped, late });
  return { ready, skipped, late };
}

const NONE: ReadonlySet<number> = new Set();

interface Findings {
  readonly ready: CompiledNode[];
  readonly skipped: Skip[];
  readonly late: CompiledNode[];
}

function settle(plan: Plan, node: CompiledNode, outcome: Outcome, closed: ReadonlySet<number>, found: Findings): void {
  plan.open--;
  for (const edge of node.outgoing) {
    const isFired = fires(edge, outcome, node) && !closed.has(edge.index);
    plan.edges[edge.index] = isFired ? FIRED : DEAD;
    plan.settled[edge.to] = (plan.settled[edge.to] ?? 0) + 1;
    if (isFired && edge.triggers) plan.fired[edge.to] = (plan.fired[edge.to] ?? 0) + 1;
  }
  for (const edge of node.outgoing) {
    const target = plan.graph.nodes[edge.to];
    if (target === undefined) continue;
    if (plan.decided[edge.to] !== UNDECIDED) {
      if (edge.triggers && plan.edges[edge.index] === FIRED) found.late.push(target);
      continue;
    }
    const decision = decide(plan, target);
    if (decision === 'wait') continue;
    plan.decided[edge.to] = DECIDED;
    if (decision === 'run') found.ready.push(target);
    else found.skipped.push({ node: target, reason: decision });
  }
}

/** 'run', 'wait', or the reason for a skip. */
function decide(plan: Plan, node: CompiledNode): string {
  const fired = plan.fired[node.index] ?? 0;
  const isSettled = (plan.settled[node.index] ?? 0) === node.incoming.length;
  if (node.triggerCount === 0) return isSettled ? 'run' : 'wait';
  if (node.need === 'all') {
    if (!isSettled) return 'wait';
    return fired > 0 ? 'run' : skipReason(plan, node);
  }
  // Context edges only hold a node back: it wants to read what they bring.
  if (fired >= node.need) return isSettled || node.incoming.every((edge) => edge.triggers || plan.edges[edge.index] !== OPEN) ? 'run' : 'wait';
  const open = node.incoming.filter((edge) => edge.triggers && plan.edges[edge.index] === OPEN).length;
  return fired + open < node.need ? skipReason(plan, node) : 'wait';
}

function skipReason(plan: Plan, node: CompiledNode): string {
  const fired = plan.fired[node.index] ?? 0;
  const sources = [...new Set(node.incoming.filter((edge) => edge.triggers).map((edge) => plan.graph.nodes[edge.from]?.key ?? ''))];
  const named = sources.slice(0, 5).join(', ') + (sources.length > 5 ? ', …' : '');
  if (node.need === 'all' || node.need === 1) return `no path from ${named} led here`;
  return `${fired} of ${node.triggerCount} paths led here, ${node.need} are needed (from ${named})`;
}

/** Keys of the nodes whose edges led to `node`. */
export function sourcesOf(plan: Plan, node: CompiledNode): readonly string[] {
  const keys = new Set<string>();
  for (const edge of node.incoming) if (edge.triggers && plan.edges[edge.index] === FIRED) keys.add(plan.graph.nodes[edge.from]?.key ?? '');
  return [...keys];
}
