/** Starting instances: one, a batch in one transaction, or anew from an earlier one. The starter owns what it starts. */
import type { Json } from '../contract/endpoint.ts';
import type { InstancePayload } from '../contract/events.ts';
import { isTerminalStep } from '../contract/values.ts';
import { AppError, fail } from '../kernel/fail.ts';
import { failpoint } from '../kernel/failpoint.ts';
import { newId } from '../kernel/ids.ts';
import { readStoredInstance, type StoredInstance } from '../store/instances.ts';
import { writeBatch, type InstanceInsert } from '../store/journal.ts';
import { loadSteps } from '../store/steps.ts';
import { readWorkflowHead, type WorkflowHead } from '../store/workflows.ts';
import { goOn, outcomeOf } from './advance.ts';
import type { Core, LoadedVersion } from './core.ts';
import { descendantsOf } from './graph.ts';
import { requireInputs } from './input-schema.ts';
import { emptyGroup } from './journal.ts';
import { openStep } from './frame.ts';
import { createLive, type Live } from './live.ts';
import { begin } from './plan.ts';
import { liveFromRows, rebuildPlan } from './rebuild.ts';
import { stageSkips } from './recover.ts';
import { bufferOf, durable, isoOf, pushEvent, stageStep } from './stage.ts';
import { loadVersion } from './versions.ts';

export interface StartRequest {
  /** Made by the caller when a request may come twice: an instance of this id is then not started again. */
  readonly id?: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly input?: Json | undefined;
  readonly priority?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** `manual`, `cron:<key>`, `webhook:<key>`, … */
  readonly startedBy: string;
  readonly requestId: string;
  /** Default: the newest. */
  readonly version?: number | undefined;
  /** The step that calls it; `generation` null: it does not wait for the end. */
  readonly parent?: StoredInstance['parent'];
  /** Calls above it. */
  readonly depth?: number | undefined;
  /** Every step waits for a person's word. */
  readonly debug?: boolean | undefined;
}

const DEFAULT_PRIORITY = 50;

/** @returns the id, durably started. @throws AppError not_found, conflict (archived), invalid_body (input), draining */
export async function startInstance(core: Core, request: StartRequest): Promise<{ readonly id: string }> {
  requireAccepting(core);
  const head = await requireWorkflow(core, request);
  const number = request.version ?? head.version;
  const version = await loadVersion(core, { ...request, version: number });
  const input = request.input ?? {};
  await requireInputs(core.evaluator, version.definition.inputSchema, [input]);
  const id = request.id ?? newId('inst', core.clock);
  if (request.id !== undefined) {
    if (!core.lives.has(id) && (await isThere(core, request.orgId, id))) return { id };
    // Another try of the same request may have staged it meanwhile: it is acknowledged when that one is durable.
    const present = core.lives.get(id);
    if (present !== undefined) {
      await durable(core, present);
      return { id };
    }
  }
  const live = makeLive(core, { ...request, id, input, head: { name: head.name, version: number }, version });
  core.lives.set(id, live);
  stageCreated(core, live, { startedBy: request.startedBy, rerunOf: null });
  await failpoint('start.staged');
  goOn(core, live.top, begin(live.top.plan).ready, false);
  try {
    await durable(core, live);
  } catch (error) {
    // The first try of the same request was faster.
    if (request.id !== undefined && error instanceof AppError && error.code === 'conflict' && (await isThere(core, request.orgId, id))) return { id };
    throw error;
  }
  return { id };
}

export function requireAccepting(core: Core): void {
  if (core.state === 'starting') fail('starting', { retryAfterS: 1 });
  if (core.state !== 'running') fail('draining', { retryAfterS: 5 });
}

async function isThere(core: Core, orgId: string, id: string): Promise<boolean> {
  return (await readStoredInstance(core.parts.database.engine, { orgId, id })) !== undefined;
}

async function requireWorkflow(core: Core, request: { readonly orgId: string; readonly workflowId: string }): Promise<WorkflowHead> {
  const head = await readWorkflowHead(core.parts.database.engine, { orgId: request.orgId, id: request.workflowId, lock: false });
  if (head === undefined) fail('not_found', `there is no workflow ${request.workflowId}`);
  if (head.isArchived) fail('conflict', `workflow ${request.workflowId} is archived; publish it again to run it`);
  return head;
}

interface NewLive {
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly input: Json;
  readonly priority?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly startedBy: string;
  readonly requestId: string;
  readonly head: Pick<WorkflowHead, 'name'>;
  readonly version: LoadedVersion;
  readonly parent?: StoredInstance['parent'];
  readonly depth?: number | undefined;
  readonly debug?: boolean | undefined;
}

function makeLive(core: Core, made: NewLive & { readonly head: Pick<WorkflowHead, 'name' | 'version'> }): Live {
  const now = core.clock.now();
  const live = createLive(
    {
      id: made.id,
      orgId: made.orgId,
      workflowId: made.workflowId,
      workflowName: made.head.name,
      version: made.head.version,
      status: 'running',
      input: made.input,
      labels: { ...made.labels },
      priority: made.priority ?? made.version.definition.settings?.priority ?? DEFAULT_PRIORITY,
      startedBy: made.startedBy,
      principal: made.version.principal,
      ownerEpoch: core.owner?.epoch ?? null,
      seq: 0,
      createdAt: now,
      startedAt: now,
      parent: made.parent,
      depth: made.depth ?? 0,
      debug: made.debug ?? false,
    },
    made.version.graph,
  );
  live.requestId = made.requestId;
  return live;
}

/** The row of a new instance and its first two events. */
function stageCreated(core: Core, live: Live, origin: { readonly startedBy: string; readonly rerunOf: string | null }): void {
  const group = bufferOf(core, live);
  live.seq = 1;
  const facts: InstancePayload = {
    status: 'running',
    workflowId: live.workflowId,
    workflowName: live.workflowName,
    version: live.version,
    labels: { ...live.labels },
    priority: live.priority,
    startedBy: origin.startedBy,
    ...(origin.rerunOf === null ? {} : { rerunOf: origin.rerunOf }),
    createdAt: new Date(live.createdAt).toISOString(),
    startedAt: isoOf(live.startedAt),
    endedAt: null,
  };
  pushEvent(live, group, 'engine:instance:created', facts);
  live.seq = 2;
  pushEvent(live, group, 'engine:instance:started', { status: 'running', startedAt: isoOf(live.startedAt) });
  group.created = createdRow(live, origin);
}

function createdRow(live: Live, origin: { readonly startedBy: string; readonly rerunOf: string | null }): InstanceInsert {
  return {
    id: live.id,
    orgId: live.orgId,
    workflowId: live.workflowId,
    version: live.version,
    status: 'running',
    input: JSON.stringify(live.input),
    labels: JSON.stringify(live.labels),
    priority: live.priority,
    startedBy: origin.startedBy,
    rerunOf: origin.rerunOf,
    principal: live.principal,
    seq: live.seq,
    createdAt: live.createdAt,
    startedAt: live.startedAt,
    parentId: live.parent?.instanceId ?? null,
    parentPath: live.parent?.path ?? null,
    parentGeneration: live.parent?.generation ?? null,
    depth: live.depth,
    debug: live.debug,
  };
}

export interface BatchRequest extends Omit<StartRequest, 'id' | 'input' | 'version'> {
  readonly inputs: readonly Json[];
  /** One a input, as above. */
  readonly ids?: readonly string[];
}

/** Starts one instance per input, all or none. @returns their ids, in the order of the inputs */
export async function startBatch(core: Core, request: BatchRequest): Promise<readonly string[]> {
  requireAccepting(core);
  const { owner } = core;
  if (owner === undefined) fail('starting', { retryAfterS: 1 });
  const head = await requireWorkflow(core, request);
  const version = await loadVersion(core, { ...request, version: head.version });
  await requireInputs(core.evaluator, version.definition.inputSchema, request.inputs);
  const [firstId] = request.ids ?? [];
  if (firstId !== undefined && (await isThere(core, request.orgId, firstId))) return request.ids ?? [];
  const lives = request.inputs.map((input, index) =>
    makeLive(core, { ...request, id: request.ids?.[index] ?? newId('inst', core.clock), input, head, version }),
  );
  for (const live of lives) stageCreated(core, live, { startedBy: request.startedBy, rerunOf: null });
  const groups = lives.map((live) => live.buffer ?? emptyGroup(live.id));
  for (const live of lives) {
    live.buffer = undefined;
    core.dirty.delete(live);
  }
  // One statement, one transaction: it does not pass through the journal, which may split what it gathers.
  await writeBatch(
    core.parts.database.engine,
    { ownerId: owner.id, epoch: owner.epoch },
    {
      created: groups.flatMap((group) => (group.created === undefined ? [] : [group.created])),
      events: groups.flatMap((group) => group.events),
      inserts: [],
      updates: [],
      instances: [],
      attempts: [],
      logs: [],
    },
  );
  await failpoint('start.batch_written');
  core.parts.database.announce();
  for (const live of lives) {
    core.lives.set(live.id, live);
    goOn(core, live.top, begin(live.top.plan).ready, false);
  }
  return lives.map((live) => live.id);
}

export interface RerunRequest {
  readonly id?: string;
  readonly orgId: string;
  readonly instanceId: string;
  readonly from?: string | undefined;
  readonly version: 'same' | 'newest';
  readonly input?: Json | undefined;
  readonly requestId: string;
}

/** A new instance from an old one; with `from`, results of what does not follow that step are taken over. */
export async function rerunInstance(core: Core, request: RerunRequest): Promise<{ readonly id: string }> {
  requireAccepting(core);
  const sql = core.parts.database.engine;
  const old = await readStoredInstance(sql, { orgId: request.orgId, id: request.instanceId });
  if (old === undefined) fail('not_found', `there is no instance ${request.instanceId}`);
  const head = await requireWorkflow(core, { orgId: request.orgId, workflowId: old.workflowId });
  const number = request.version === 'same' ? old.version : head.version;
  const version = await loadVersion(core, { orgId: request.orgId, workflowId: old.workflowId, version: number });
  if (request.from !== undefined && !version.graph.byKey.has(request.from))
    fail('invalid_body', `version ${number} has no step "${request.from}"; name one of ${[...version.graph.byKey.keys()].slice(0, 20).join(', ')}`);
  const input = request.input ?? old.input;
  await requireInputs(core.evaluator, version.definition.inputSchema, [input]);
  const id = request.id ?? newId('inst', core.clock);
  if (request.id !== undefined) {
    if (!core.lives.has(id) && (await isThere(core, request.orgId, id))) return { id };
    // Another try of the same request may have staged it meanwhile: it is acknowledged when that one is durable.
    const present = core.lives.get(id);
    if (present !== undefined) {
      await durable(core, present);
      return { id };
    }
  }
  const live = makeLive(core, {
    id,
    orgId: old.orgId,
    workflowId: old.workflowId,
    input,
    priority: old.priority,
    labels: old.labels,
    startedBy: 'rerun',
    requestId: request.requestId,
    head: { name: head.name, version: number },
    version,
  });
  core.lives.set(id, live);
  stageCreated(core, live, { startedBy: 'rerun', rerunOf: old.id });
  if (request.from !== undefined) await takeOver(core, live, old, request.from);
  const decided = await rebuildPlan(core, live.top);
  stageSkips(core, live.top, decided.skipped);
  goOn(core, live.top, decided.ready, false);
  await durable(core, live);
  return { id };
}

/** Takes over results of steps that do not follow `from` and ended well. */
async function takeOver(core: Core, live: Live, old: StoredInstance, from: string): Promise<void> {
  const fromNode = live.graph.byKey.get(from);
  if (fromNode === undefined) return;
  const rerun = descendantsOf(live.graph, fromNode.index);
  const { graph } = await loadVersion(core, old);
  const before = liveFromRows(old, graph, await loadSteps(core.parts.database.engine, [old.id]));
  const now = core.clock.now();
  for (const node of live.graph.nodes) {
    const oldNode = before.graph.byKey.get(node.key);
    const step = oldNode === undefined ? undefined : before.top.steps[oldNode.index];
    if (
      oldNode === undefined ||
      step === undefined ||
      rerun.has(node.index) ||
      !isTerminalStep(step.status) ||
      outcomeOf(oldNode, step) === 'fatal' ||
      step.status === 'cancelled'
    )
      continue;
    const isSkipped = step.status === 'skipped';
    const { output, hasOutput, port, error } = step;
    const reason = isSkipped ? step.reason : `taken over from ${old.id}`;
    // A failure that was let through stays one; everything else is a result that was not worked for again.
    const status = isSkipped || error !== null ? step.status : 'cached';
    stageStep(core, live.top, node, openStep(live.top, node), {
      status,
      attempt: step.attempt,
      output,
      hasOutput,
      port,
      error,
      reason,
      startedAt: now,
      endedAt: now,
    });
  }
}
