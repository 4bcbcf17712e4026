/** Commands on one step, run by the instance's owner. Each opens a new generation or ends the current one, is durable when it resolves, and
 *  says whether it moves the graph on (advancing) or changes this step alone (isolated). */
import type { Json } from '../contract/endpoint.ts';
import { isTerminalInstance, isTerminalStep } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import { dropInFlight, outcomeOf, PASS_PORT } from './advance.ts';
import { failure, type Core } from './core.ts';
import { finish } from './finish.ts';
import type { CompiledNode } from './graph.ts';
import { leadsOn, reopen } from './instance-commands.ts';
import { MAX_OUTPUT_BYTES } from './limits.ts';
import { openStep, pathOf, type Live, type LiveStep } from './live.ts';
import { markDecided } from './plan.ts';
import { durable, stageStep } from './stage.ts';
import { requireStepState, type StepCommand } from './state.ts';

export type Effect = 'advancing' | 'isolated';

export interface StepRequest {
  readonly path: string;
  readonly command: StepCommand;
  /** Of `complete` and `result`. */
  readonly output?: Json | undefined;
  readonly requestId: string;
}

export async function runStepCommand(core: Core, live: Live, request: StepRequest): Promise<Effect> {
  const node = live.graph.byKey.get(request.path);
  if (node === undefined) fail('not_found', `instance ${live.id} has no step "${request.path}"`);
  const step = live.steps[node.index];
  const status = step?.status ?? 'pending';
  requireStepState(request.path, status, request.command);
  live.requestId = request.requestId;
  const effect = await run(core, live, node, step, request);
  await durable(core, live);
  return effect;
}

async function run(core: Core, live: Live, node: CompiledNode, step: LiveStep | undefined, request: StepRequest): Promise<Effect> {
  switch (request.command) {
    case 'retry':
      return retry(core, live, node);
    case 'skip':
      return skip(core, live, node, step);
    case 'cancel':
      return cancel(core, live, node, step);
    case 'complete':
      return complete(core, live, node, step, request.output ?? {});
    case 'result':
      return editResult(core, live, node, step, request.output ?? null);
    case 'approve':
    case 'reject':
      fail('illegal_transition', `step ${pathOf(node)} waits for ${step?.wait?.kind ?? 'nothing'}, not for an approval; use complete to end it by hand`);
  }
}

async function retry(core: Core, live: Live, node: CompiledNode): Promise<Effect> {
  const isAdvancing = isTerminalInstance(live.status) ? live.status !== 'completed' || leadsOn(live, node) : leadsOn(live, node);
  await reopen(core, live, [node]);
  return isAdvancing ? 'advancing' : 'isolated';
}

function requireLive(live: Live, node: CompiledNode, command: string): void {
  if (isTerminalInstance(live.status))
    fail('illegal_transition', `instance ${live.id} is ${live.status}; ${command} of step ${pathOf(node)} applies while it lives`);
}

function skip(core: Core, live: Live, node: CompiledNode, step: LiveStep | undefined): Effect {
  requireLive(live, node, 'skip');
  stopStep(core, live, node, step, 'skipped by hand');
  // Not decided yet: the plan must not come by and run it.
  markDecided(live.plan, node);
  const open = step ?? openStep(live, node);
  finish(core, live, node, open, { status: 'skipped', port: PASS_PORT, reason: 'skipped by hand', error: null, wait: null, endedAt: core.clock.now() }, false);
  return 'advancing';
}

function cancel(core: Core, live: Live, node: CompiledNode, step: LiveStep | undefined): Effect {
  requireLive(live, node, 'cancel');
  stopStep(core, live, node, step, 'cancelled by hand');
  if (step !== undefined)
    finish(
      core,
      live,
      node,
      step,
      {
        status: 'cancelled',
        reason: 'cancelled by hand',
        error: failure('cancelled', `step ${pathOf(node)} was cancelled by hand`),
        wait: null,
        endedAt: core.clock.now(),
      },
      false,
    );
  return 'advancing';
}

function complete(core: Core, live: Live, node: CompiledNode, step: LiveStep | undefined, output: Json): Effect {
  requireLive(live, node, 'complete');
  requireSize(node, output);
  stopStep(core, live, node, step, 'completed by hand');
  if (step !== undefined) finish(core, live, node, step, { ...byHand(node, output, 'completed by hand'), endedAt: core.clock.now() }, false);
  return 'advancing';
}

async function editResult(core: Core, live: Live, node: CompiledNode, step: LiveStep | undefined, output: Json): Promise<Effect> {
  requireSize(node, output);
  const change = { ...byHand(node, output, 'edited by hand'), attempt: step?.attempt ?? 1, startedAt: core.clock.now(), endedAt: core.clock.now() };
  const endedIt =
    step !== undefined &&
    isTerminalInstance(live.status) &&
    live.status !== 'completed' &&
    isTerminalStep(step.status) &&
    (step.status === 'cancelled' || outcomeOf(node, step) === 'fatal');
  const isAdvancing = endedIt || (!isTerminalInstance(live.status) && leadsOn(live, node));
  stageStep(core, live, node, openStep(live, node), change);
  // It was what stopped the instance: with a result in its place the rest goes on.
  if (endedIt) await reopen(core, live, []);
  return isAdvancing ? 'advancing' : 'isolated';
}

function byHand(
  node: CompiledNode,
  output: Json,
  reason: string,
): { status: 'completed'; output: Json; hasOutput: true; port: string | null; reason: string; error: null; wait: null } {
  return { status: 'completed', output, hasOutput: true, port: node.type.portOf?.(output) ?? null, reason, error: null, wait: null };
}

function requireSize(node: CompiledNode, output: Json): void {
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes > MAX_OUTPUT_BYTES)
    fail('too_large', `the output for step ${pathOf(node)} has ${bytes} bytes, the limit is ${MAX_OUTPUT_BYTES}; put it into a file and pass the path on`);
}

/** Ends what the step has in flight: attempt, timer, job. */
function stopStep(core: Core, live: Live, node: CompiledNode, step: LiveStep | undefined, reason: string): void {
  dropInFlight(live, node, reason);
  const jobId = step?.jobId;
  if (jobId === null || jobId === undefined || !core.jobs.delete(jobId)) return;
  core.parts.jobs
    .cancel(jobId, reason)
    .catch((error: unknown) => core.log.error({ jobId, instanceId: live.id, cause: String(error) }, 'the job of a step could not be cancelled'));
}
