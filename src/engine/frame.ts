/** A frame: one run of a graph inside an instance. The top of the instance is one, and each item of a map and each round of a loop is one.
 *  It holds the steps of its graph as they will be once everything appended is durable. Never writes: stage.ts does. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import { isTerminalStep, type StepStatus } from '../contract/values.ts';
import type { StoredWait } from '../store/stored-steps.ts';
import type { Body } from './body.ts';
import type { CompiledGraph, CompiledNode } from './graph.ts';
import type { Live } from './live.ts';
import { createPlan, type Plan } from './plan.ts';
import type { ExpressionScope } from './resolve.ts';

export interface LiveStep {
  status: StepStatus;
  generation: number;
  attempt: number;
  port: string | null;
  output: Json;
  hasOutput: boolean;
  error: Failure | null;
  reason: string | null;
  wait: StoredWait | null;
  /** What the node asked to have back when it runs again. */
  state: Json | undefined;
  jobId: string | null;
  workerId: string | null;
  queuedAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  /** JSON text: of a map or loop what its body needs to go on, else the last heartbeat. */
  details: string | null;
  /** Under what its result is kept, when its policy says so. */
  cacheKey: Buffer | undefined;
  /** The status its row was last staged with; null: there is no row of this generation. */
  staged: StepStatus | null;
  /** It holds frames, whose steps are counted in its place. */
  isContainer: boolean;
  /** Somebody let it start, or it had begun before. */
  isReleased: boolean;
}

/** An attempt in flight inside this process. */
export interface Running {
  readonly generation: number;
  readonly attempt: number;
  readonly abort: AbortController;
  /** Stops its timers. */
  release(): void;
  /** It is in flight no more, whatever came of it. */
  land?(): void;
}

/** Where a frame hangs: the item of a body. */
export interface Place {
  readonly body: Body;
  readonly index: number;
  /** The item's own row. */
  readonly step: LiveStep;
}

export interface FrameScope extends ExpressionScope {
  readonly steps: Record<string, { output: Json; error?: Json }>;
}

export interface Frame {
  readonly live: Live;
  readonly graph: CompiledGraph;
  /** Stands before the key in a step's path: '' at the top, `map[3]/` in an item. */
  readonly prefix: string;
  readonly place: Place | undefined;
  /** Generations begin after this one. */
  readonly base: number;
  plan: Plan;
  /** By node index. */
  readonly steps: (LiveStep | undefined)[];
  /** By node index: the newest generation there ever was. */
  readonly generations: number[];
  readonly scope: FrameScope;
  readonly running: Map<number, Running>;
  readonly timers: Map<number, () => void>;
  /** By node index: maps and loops under way. */
  readonly bodies: Map<number, Body>;
  /** It has ended, or its item was given up: late results are dropped. */
  isGone: boolean;
}

/** A node of a frame: what is ready, held back, or waited for. */
export interface Ready {
  readonly frame: Frame;
  readonly node: CompiledNode;
}

export function createFrame(made: {
  readonly live: Live;
  readonly graph: CompiledGraph;
  readonly prefix: string;
  readonly place: Place | undefined;
  readonly base: number;
  readonly scope: FrameScope;
}): Frame {
  return {
    ...made,
    plan: createPlan(made.graph),
    steps: Array.from({ length: made.graph.nodes.length }),
    generations: made.graph.nodes.map(() => made.base),
    running: new Map(),
    timers: new Map(),
    bodies: new Map(),
    isGone: false,
  };
}

/** Opens the next generation of a node's step: pending, without a row. One that a command has opened already is taken as it is. */
export function openStep(frame: Frame, node: CompiledNode): LiveStep {
  const present = frame.steps[node.index];
  if (present?.status === 'pending') return present;
  const generation = (frame.generations[node.index] ?? 0) + 1;
  frame.generations[node.index] = generation;
  return placeStep(frame, node, newStep(generation));
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
    state: undefined,
    jobId: null,
    workerId: null,
    queuedAt: null,
    startedAt: null,
    endedAt: null,
    details: null,
    cacheKey: undefined,
    staged: null,
    isContainer: false,
    isReleased: false,
  };
}

/** The step's path in its instance. */
export function pathOf(frame: Frame, node: CompiledNode): string {
  return frame.prefix + node.key;
}

/** Where a step is, for messages. */
export function stepName(frame: Frame, node: CompiledNode): string {
  return `${frame.live.id}/${pathOf(frame, node)}`;
}

/** Puts a step in its place, replacing an older generation; counts what it holds. */
export function placeStep(frame: Frame, node: CompiledNode, step: LiveStep): LiveStep {
  const before = frame.steps[node.index];
  if (before !== undefined) count(frame.live, before, -1);
  frame.steps[node.index] = step;
  count(frame.live, step, 1);
  return step;
}

/** Takes a step that never began out of its place: its generation is open again. */
export function removeStep(frame: Frame, node: CompiledNode): void {
  const step = frame.steps[node.index];
  if (step === undefined) return;
  count(frame.live, step, -1);
  frame.steps[node.index] = undefined;
  frame.generations[node.index] = step.generation - 1;
}

/** Changes what a step is and keeps the counts right. */
export function changeStep(live: Live, step: LiveStep, change: Partial<LiveStep>): void {
  count(live, step, -1);
  Object.assign(step, change);
  count(live, step, 1);
}

function count(live: Live, step: LiveStep, by: 1 | -1): void {
  if (isTerminalStep(step.status) || step.isContainer) return;
  if (isOutsideWait(step)) live.waiting += by;
  else live.busy += by;
}

/** It waits for something beyond this engine's own doing: not a retry's pause, not an instance that it called. */
export function isOutsideWait(step: LiveStep): boolean {
  return step.status === 'waiting' && step.wait?.kind !== 'retry' && step.wait?.kind !== 'child';
}

/** Whether an attempt may still report: nothing else happened to its step meanwhile. */
export function isCurrent(frame: Frame, node: CompiledNode, run: Running): boolean {
  return !frame.isGone && !frame.live.isGone && frame.running.get(node.index) === run;
}

/** What later steps see of an ended one. */
export function exposeStep(frame: Frame, node: CompiledNode, step: LiveStep): void {
  if (isReference(step.output)) frame.live.hasLarge = true;
  if (step.hasOutput || step.error !== null)
    frame.scope.steps[node.key] = step.error === null ? { output: step.output } : { output: step.output, error: step.error as Json };
  else delete frame.scope.steps[node.key];
}

/** The output of the graph: of its nodes without successors. One: its value. Several: by key, those that have one. */
export function outputOf(frame: Frame): Json {
  const [only, ...more] = frame.graph.leaves;
  if (only !== undefined && more.length === 0) return frame.steps[only.index]?.output ?? null;
  const entries = frame.graph.leaves.flatMap((node) => {
    const step = frame.steps[node.index];
    return step?.hasOutput === true ? [[node.key, step.output] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** A result too large for its row is kept as an artifact; this stands in its place. */
export interface LargeReference {
  readonly $artifact: { readonly id: string; readonly bytes: number; readonly sha256: string };
}

export function isReference(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, '$artifact');
}

/** Every frame under way: this one, then those of its bodies. */
export function* framesOf(frame: Frame): Generator<Frame> {
  yield frame;
  for (const body of frame.bodies.values()) for (const inner of body.frames.values()) yield* framesOf(inner);
}
