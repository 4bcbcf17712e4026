/** A live instance in the memory of its owner: the state its rows will have once everything appended is durable. Its steps are in frames. */
import type { Json } from '../contract/endpoint.ts';
import type { InstanceStatus } from '../contract/values.ts';
import type { StoredInstance } from '../store/instances.ts';
import { createFrame, type Frame, type Ready } from './frame.ts';
import type { CompiledGraph } from './graph.ts';
import type { Group } from './journal.ts';
import type { RecordedRow } from './recorded.ts';

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
  /** The user who started it, by hand or with a key. */
  readonly starter: string | null;
  readonly createdAt: number;
  /** The step that called it, if any. */
  readonly parent: StoredInstance['parent'];
  /** Calls above it. */
  readonly depth: number;
  startedAt: number | null;
  status: InstanceStatus;
  seq: number;
  /** What the workflow's limits count it under; null: no such limit. */
  readonly limitKey: string | null;
  readonly rateKey: string | null;
  /** A test run, or called by one: what it calls is one, too. */
  readonly isTest: boolean;
  /** Every step waits for a person's word before it starts. */
  debug: boolean;
  readonly top: Frame;
  /** Some result is too large for its row: what reads it has to fetch it (large.ts). */
  hasLarge: boolean;
  /** Attempts in flight, of all frames. */
  runningCount: number;
  /** Rows of steps there are, as far as this process knows. */
  stepCount: number;
  /** Ready, but held back: paused, or as many run as may. */
  readonly held: Ready[];
  /** Steps that are ready, run, queue or wait for a retry. */
  busy: number;
  /** Steps that wait for something outside. */
  waiting: number;
  /** Transitions not handed to the journal yet. */
  buffer: Group | undefined;
  /** A result that has to be durable before what follows it starts is staged and not handed over. */
  mustFlush: boolean;
  /** Its row as it was last written by this process; undefined: it was not, yet. */
  recorded: RecordedRow | undefined;
  /** The last number of its stream that this process wrote. */
  recordedSeq: number;
  /** Groups handed over and not durable yet. */
  inFlight: number;
  /** Called when the last of them is. */
  onSettled: (() => void) | undefined;
  /** Ready nodes that start with the durability of the last group. */
  startsAfter: Ready[];
  requestId: string | null;
  /** It is being brought back from its rows: commands wait for it. */
  restored: Promise<void> | undefined;
  /** It has ended, or this process no longer holds it: late results are dropped. */
  isGone: boolean;
  /** This process holds it no more: nothing of it may be written or acknowledged. */
  isReleased: boolean;
}

export function createLive(stored: StoredInstance, graph: CompiledGraph): Live {
  const live = {
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
    starter: stored.starter,
    createdAt: stored.createdAt,
    parent: stored.parent,
    depth: stored.depth,
    startedAt: stored.startedAt,
    status: stored.status,
    seq: stored.seq,
    limitKey: stored.limitKey,
    rateKey: stored.rateKey,
    debug: stored.debug,
    isTest: stored.isTest,
    hasLarge: false,
    runningCount: 0,
    stepCount: 0,
    held: [],
    busy: 0,
    waiting: 0,
    buffer: undefined,
    mustFlush: false,
    recorded: undefined,
    recordedSeq: 0,
    inFlight: 0,
    onSettled: undefined,
    startsAfter: [],
    requestId: null,
    restored: undefined,
    isGone: false,
    isReleased: false,
  } as Omit<Live, 'top'> as Live;
  const scope = {
    input: stored.input,
    steps: Object.create(null) as Record<string, { output: Json }>,
    instance: { id: stored.id, createdAt: new Date(stored.createdAt).toISOString(), startedBy: stored.startedBy, labels: stored.labels },
    workflow: { id: stored.workflowId, name: stored.workflowName, version: stored.version },
  };
  return Object.assign(live, { top: createFrame({ live, graph, prefix: '', place: undefined, base: 0, scope }) });
}
