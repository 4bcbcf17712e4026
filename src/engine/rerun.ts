/** Reruns: a new instance from an old one, from the start or from a step with what came before it taken over. */
import type { Json } from '../contract/endpoint.ts';
import { isTerminalStep } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { StoredInstance } from '../store/instances.ts';
import { enqueue, limitKeysOf, limitWait } from './admission.ts';
import { goOn, outcomeOf, stageSkips } from './advance.ts';
import type { Core } from './core.ts';
import { makeLive, stageCreated } from './create-instance.ts';
import { requireCredentials } from './credentials.ts';
import { openStep } from './frame.ts';
import { descendantsOf } from './graph.ts';
import { requireInputs } from './input-schema.ts';
import { ownReference } from './large.ts';
import type { Live } from './live.ts';
import { liveFromRows, rebuildPlan } from './rebuild.ts';
import { durable, stageStep } from './stage.ts';
import { isThere, requireAccepting, requireWorkflow } from './start.ts';
import { loadVersion } from './versions.ts';

export interface RerunRequest {
  readonly id?: string;
  readonly orgId: string;
  readonly instanceId: string;
  readonly from?: string | undefined;
  readonly version: 'same' | 'newest';
  readonly input?: Json | undefined;
  /** The user who asks for it. */
  readonly starter?: string | null | undefined;
  readonly requestId: string;
}

/** A new instance from an old one; with `from`, results of what does not follow that step are taken over. */
export async function rerunInstance(core: Core, request: RerunRequest): Promise<{ readonly id: string }> {
  requireAccepting(core);
  const old = await core.store.readStoredInstance({ orgId: request.orgId, id: request.instanceId });
  if (old === undefined) fail('not_found', `there is no instance ${request.instanceId}`);
  const head = await requireWorkflow(core, { orgId: request.orgId, workflowId: old.workflowId });
  const number = request.version === 'same' ? old.version : head.version;
  const version = await loadVersion(core, { orgId: request.orgId, workflowId: old.workflowId, version: number });
  if (request.from !== undefined && !version.graph.byKey.has(request.from))
    fail('invalid_body', `version ${number} has no step "${request.from}"; name one of ${[...version.graph.byKey.keys()].slice(0, 20).join(', ')}`);
  const input = request.input ?? old.input;
  await requireInputs(core.evaluator, version.definition.inputSchema, [input]);
  if (version.credentials.length > 0) await requireCredentials(core, old.orgId, version);
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
  const limits = await limitKeysOf(core, version, { input, labels: old.labels });
  const live = makeLive(core, {
    id,
    orgId: old.orgId,
    workflowId: old.workflowId,
    input,
    priority: old.priority,
    labels: old.labels,
    startedBy: 'rerun',
    starter: request.starter,
    // A test that runs again as it was is one; the published version is not.
    isTest: old.isTest && request.version === 'same',
    requestId: request.requestId,
    head: { name: head.name, version: number },
    version,
    limits,
  });
  core.lives.set(id, live);
  stageCreated(core, live, { startedBy: 'rerun', rerunOf: old.id, waiting: limits === undefined ? undefined : limitWait(version, limits) });
  if (request.from !== undefined) await takeOver(core, live, old, request.from);
  if (limits !== undefined) {
    await durable(core, live);
    await enqueue(core, live);
    return { id };
  }
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
  const before = liveFromRows(old, graph, await core.store.loadSteps([old.id]));
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
    const { hasOutput, port, error } = step;
    // Serial: few are kept as artifacts.
    const output = await ownReference(core, live, node.key, step.output);
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
