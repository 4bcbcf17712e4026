/** A live instance in the memory of its owner: the state its rows will have once everything appended is durable. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure, WaitReason } from '../contract/instances.ts';
import { isTerminalStep, type InstanceStatus, type StepStatus } from '../contract/values.ts';
import type { StoredInstance } from '../store/instances.ts';
import type { CompiledGraph, CompiledNode } from './graph.ts';
import type { Group } from './journal.ts';
import { createPlan, type Plan } from './plan.ts';
import type { ExpressionScope } from './resolve.ts';

/** Why a step waits, as its row keeps it. `until` in the reason is the same moment as text. */
export type StepWait = WaitReason;

export interface LiveStep {
  status: StepStatus;
  generation: number;
  attempt: number;
  port: string | null;
  output: Json;
  hasOutput: boolean;
  error: Failure | null;
  reason: string | null;
  wait: StepWait | null;
  jobId: string | null;
  workerId: string | null;
  queuedAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  /** The status its row was last staged with; null: there is no row of this generation. */
  staged: StepStatus | null;
}

/** An attempt in flight inside this process. */
export interface Running {
  readonly generation: number;
  readonly attempt: number;
  readonly abort: AbortController;
  /** Stops its timers. */
  release(): void;
}

export interface Live {
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly version: number;
  readonly graph: CompiledGraph;
  readonly input: Json;
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly principal: string | null;
  readonly createdAt: number;
  startedAt: number | null;
  status: InstanceStatus;
  seq: number;
  plan: Plan;
  /** By node index. */
  readonly steps: (LiveStep | undefined)[];
  /** By node index: the newest generation there ever was. */
  readonly generations: number[];
  readonly scope: ExpressionScope & { readonly steps: Record<string, { output: Json; error?: Json }> };
  readonly running: Map<number, Running>;
  readonly timers: Map<number, () => void>;
  /** Ready, but held back: paused, or as many run as may. */
  readonly held: CompiledNode[];
  /** Steps that are ready, run, queue or wait for a retry. */
  busy: number;
  /** Steps that wait for something outside. */
  waiting: number;
  /** Transitions not handed to the journal yet. */
  buffer: Group | undefined;
  /** Groups handed over and not durable yet. */
  inFlight: number;
  /** Ready nodes that start with the durability of the last group. */
  startsAfter: CompiledNode[];
  requestId: string | null;
  /** It has ended, or this process no longer holds it: late results are dropped. */
  isGone: boolean;
  /** This process holds it no more: nothing of it may be written or acknowledged. */
  isReleased: boolean;
}

export function createLive(stored: StoredInstance, graph: CompiledGraph): Live {
  return {
    id: stored.id,
    orgId: stored.orgId,
    workflowId: stored.workflowId,
    workflowName: stored.workflowName,
    version: stored.version,
    graph,
    input: stored.input,
    labels: stored.labels,
    priority: stored.priority,
    principal: stored.principal,
    createdAt: stored.createdAt,
    startedAt: stored.startedAt,
    status: stored.status,
    seq: stored.seq,
    plan: createPlan(graph),
    steps: Array.from({ length: graph.nodes.length }),
    generations: graph.nodes.map(() => 0),
    scope: {
      input: stored.input,
      steps: Object.create(null) as Record<string, { output: Json }>,
      instance: { id: stored.id, createdAt: new Date(stored.createdAt).toISOString(), startedBy: stored.startedBy, labels: stored.labels },
      workflow: { id: stored.workflowId, name: stored.workflowName, version: stored.version },
    },
    running: new Map(),
    timers: new Map(),
    held: [],
    busy: 0,
    waiting: 0,
    buffer: undefined,
    inFlight: 0,
    startsAfter: [],
    requestId: null,
    isGone: false,
    isReleased: false,
  };
}

/** Opens the next generation of a node's step: pending, without a row. One that a command has opened already is taken as it is. */
export function openStep(live: Live, node: CompiledNode): LiveStep {
  const present = live.steps[node.index];
  if (present?.status === 'pending') return present;
  const generation = (live.generations[node.index] ?? 0) + 1;
  live.generations[node.index] = generation;
  return placeStep(live, node, newStep(generation));
}

export function newStep(generation: number): LiveStep {
  return {
    status: 'pending',
    generation,
    attempt: 0,
    port: null,
    output: null,
    hasOutput: false,
    error: null,
    reason: null,
    wait: null,
    jobId: null,
    workerId: null,
    queuedAt: null,
    startedAt: null,
    endedAt: null,
    staged: null,
  };
}

/** The step's path. Bodies will put their item before it. */
export function pathOf(node: CompiledNode): string {
  return node.key;
}

/** Puts a step in its place, replacing an older generation; counts what it holds. */
export function placeStep(live: Live, node: CompiledNode, step: LiveStep): LiveStep {
  const before = live.steps[node.index];
  if (before !== undefined) count(live, before, -1);
  live.steps[node.index] = step;
  count(live, step, 1);
  return step;
}

/** Changes what a step is and keeps the counts right. */
export function changeStep(live: Live, step: LiveStep, change: Partial<LiveStep>): void {
  count(live, step, -1);
  Object.assign(step, change);
  count(live, step, 1);
}

function count(live: Live, step: LiveStep, by: 1 | -1): void {
  if (isTerminalStep(step.status)) return;
  if (isOutsideWait(step)) live.waiting += by;
  else live.busy += by;
}

/** It waits for something beyond this engine's own doing (a retry's pause is not). */
export function isOutsideWait(step: LiveStep): boolean {
  return step.status === 'waiting' && step.wait?.kind !== 'retry';
}

/** Whether an attempt may still report: nothing else happened to its step meanwhile. */
export function isCurrent(live: Live, node: CompiledNode, run: Running): boolean {
  return !live.isGone && live.running.get(node.index) === run;
}

/** What later steps see of an ended one. */
export function exposeStep(live: Live, node: CompiledNode, step: LiveStep): void {
  if (step.hasOutput || step.error !== null)
    live.scope.steps[node.key] = step.error === null ? { output: step.output } : { output: step.output, error: step.error as Json };
  else delete live.scope.steps[node.key];
}

/** The output of the whole: of its nodes without successors. One: its value. Several: by key, those that have one. */
export function outputOf(live: Live): Json {
  const [only, ...more] = live.graph.leaves;
  if (only !== undefined && more.length === 0) return live.steps[only.index]?.output ?? null;
  const entries = live.graph.leaves.flatMap((node) => {
    const step = live.steps[node.index];
    return step?.hasOutput === true ? [[node.key, step.output] as const] : [];
  });
  return Object.fromEntries(entries);
}
