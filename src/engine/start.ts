/** Starting instances: one, or a batch in one transaction. The starter owns what it starts. */
import type { Json } from '../contract/endpoint.ts';
import { AppError, fail } from '../kernel/fail.ts';
import { failpoint } from '../kernel/failpoint.ts';
import { newId } from '../kernel/ids.ts';
import type { StoredInstance } from '../store/instances.ts';
import { isUnexpectedState } from '../store/journal.ts';
import type { Owner } from '../store/owners.ts';
import type { RunnableHead } from '../store/workflows.ts';
import { admitPending, enqueue, hasLimits, limitKeysOf, limitWait } from './admission.ts';
import { goOn } from './advance.ts';
import type { Core } from './core.ts';
import { makeLive, stageCreated } from './create-instance.ts';
import { requireCredentials } from './credentials.ts';
import { requireInputs } from './input-schema.ts';
import { emptyGroup, type Group } from './journal.ts';
import type { Live } from './live.ts';
import { patiently } from './patient.ts';
import { begin } from './plan.ts';
import { readRecorded, type Recorded } from './recorded.ts';
import { resumeAll } from './recover.ts';
import { durable } from './stage.ts';
import { loadVersion } from './versions.ts';

export interface StartRequest {
  /** Made by the caller when a request may come twice: an instance of this id is then not started again. */
  readonly id?: string;
  /** `id` was made for this request just now: nobody has to look for it. */
  readonly isNew?: boolean;
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
  /** A test run, or called by one. */
  readonly isTest?: boolean | undefined;
  /** The user who starts it, by hand or with a key. */
  readonly starter?: string | null | undefined;
}

export interface Started {
  readonly id: string;
  /** What is durable of it by now, where this process made it just now; without an answer, ask its rows. */
  readonly recorded?: () => Recorded | undefined;
}

/** @returns the id, durably started. @throws AppError not_found, conflict (archived), invalid_body (input), draining */
export async function startInstance(core: Core, request: StartRequest): Promise<Started> {
  requireAccepting(core);
  const head = await requireWorkflow(core, request);
  const number = request.version ?? head.version;
  const version = await loadVersion(core, { ...request, version: number });
  const input = request.input ?? {};
  await requireInputs(core.evaluator, version.definition.inputSchema, [input]);
  if (version.credentials.length > 0) await requireCredentials(core, request.orgId, version);
  const id = request.id ?? newId('inst', core.clock);
  if (request.id !== undefined && request.isNew !== true) {
    if (!core.lives.has(id) && (await isThere(core, request.orgId, id))) return { id };
    // Another try of the same request may have staged it meanwhile: it is acknowledged when that one is durable.
    const present = core.lives.get(id);
    if (present !== undefined) {
      await durable(core, present);
      return { id };
    }
  }
  const limits = await limitKeysOf(core, version, { input, labels: request.labels ?? {} });
  const live = makeLive(core, { ...request, id, input, head: { name: head.name, version: number }, version, limits });
  core.lives.set(id, live);
  stageCreated(core, live, { startedBy: request.startedBy, rerunOf: null, waiting: limits === undefined ? undefined : limitWait(version, limits) });
  await failpoint('start.staged');
  if (limits === undefined) goOn(core, live.top, begin(live.top.plan).ready, false);
  try {
    await durable(core, live);
    if (limits !== undefined) await enqueue(core, live);
  } catch (error) {
    // The first try of the same request was faster.
    if (request.id !== undefined && error instanceof AppError && error.code === 'conflict' && (await isThere(core, request.orgId, id))) return { id };
    throw error;
  }
  return { id, recorded: () => readRecorded(live, request.startedBy) };
}

export function requireAccepting(core: Core): void {
  if (core.state === 'starting') fail('starting', { retryAfterS: 1 });
  if (core.state !== 'running') fail('draining', { retryAfterS: 5 });
}

export async function isThere(core: Core, orgId: string, id: string): Promise<boolean> {
  return (await core.store.readStoredInstance({ orgId, id })) !== undefined;
}

export async function requireWorkflow(core: Core, request: { readonly orgId: string; readonly workflowId: string }): Promise<RunnableHead> {
  const head = await core.store.readRunnableHead({ orgId: request.orgId, id: request.workflowId });
  if (head === undefined) fail('not_found', `there is no workflow ${request.workflowId}`);
  if (head.isArchived)
    fail('conflict', `workflow ${request.workflowId} is archived; take it back with POST workflows/${request.workflowId}/unarchive to run it`);
  return head;
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
  if (version.credentials.length > 0) await requireCredentials(core, request.orgId, version);
  const [firstId] = request.ids ?? [];
  if (firstId !== undefined && request.isNew !== true && (await isThere(core, request.orgId, firstId))) return request.ids ?? [];
  const lives: Live[] = [];
  for (const [index, input] of request.inputs.entries()) {
    const limits = hasLimits(version) ? await limitKeysOf(core, version, { input, labels: request.labels ?? {} }) : undefined;
    const live = makeLive(core, { ...request, id: request.ids?.[index] ?? newId('inst', core.clock), input, head, version, limits });
    stageCreated(core, live, { startedBy: request.startedBy, rerunOf: null, waiting: limits === undefined ? undefined : limitWait(version, limits) });
    lives.push(live);
  }
  const groups = lives.map((live) => live.buffer ?? emptyGroup(live.id, live));
  for (const live of lives) {
    live.buffer = undefined;
    core.dirty.delete(live);
  }
  const ids = lives.map((live) => live.id);
  const isOurs = await writeWhole(core, owner, groups);
  await failpoint('start.batch_written');
  core.parts.database.announce();
  // Whoever has them by now found them in their rows.
  if (!isOurs || core.owner !== owner) return ids;
  for (const live of lives) {
    core.lives.set(live.id, live);
    if (live.status === 'pending') core.pending.set(live.id, live);
    else goOn(core, live.top, begin(live.top.plan).ready, false);
  }
  if (hasLimits(version)) void admitPending(core);
  return ids;
}

/** Writes new instances in one statement, all or none: it does not pass through the journal, which may split what it gathers. Asks until the database
 *  answers. @returns false when they were there already, perhaps by a try whose answer was lost: they have been brought to memory from their rows
 *  @throws AppError starting, when this process was taken for dead */
async function writeWhole(core: Core, owner: Owner, groups: readonly Group[]): Promise<boolean> {
  const batch = {
    created: groups.flatMap((group) => (group.created === undefined ? [] : [group.created])),
    events: groups.flatMap((group) => group.events),
    ...{ inserts: [], updates: [], instances: [], attempts: [], logs: [] },
  };
  const startedAt = core.clock.monotonic();
  try {
    await patiently(core, () => core.store.writeGroups({ ownerId: owner.id, epoch: owner.epoch }, batch, []));
    core.parts.observe?.({ ms: core.clock.monotonic() - startedAt, groups });
    return true;
  } catch (error) {
    if (!isUnexpectedState(error)) throw error;
    const ids = groups.map((group) => group.instanceId);
    const stored = await patiently(core, () => core.store.readStoredInstances(ids));
    if (stored.length < ids.length)
      throw new AppError('starting', {
        message: 'this process was taken for dead and is coming back; nothing was started, try again',
        retryAfterS: 1,
        cause: error,
      });
    await resumeAll(core, ids);
    return false;
  }
}
