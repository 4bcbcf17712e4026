/** Commands on one step, run by the instance's owner. Each opens a new generation or ends the current one, is durable when it resolves, and
 *  says whether it moves the graph on (advancing) or changes this step alone (isolated). */
import type { Json } from '../contract/endpoint.ts';
import { isTerminalInstance, type Role } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import type { Signal } from '../nodes/kit.ts';
import { requireForm } from './approval-form.ts';
import { cancelOutside, dropInFlight, dropOutside, PASS_PORT, type Outside } from './advance.ts';
import { failure, type Core } from './core.ts';
import { finish } from './finish.ts';
import { openStep, pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { MAX_OUTPUT_BYTES } from './limits.ts';
import type { Live } from './live.ts';
import { markDecided } from './plan.ts';
import { BY_HAND } from './rebuild.ts';
import { releaseStep } from './release.ts';
import { isFatal, leadsOn, openChain, reopen, rerunItem } from './reopen.ts';
import { signalStep } from './signals.ts';
import { durable, flush, stageStep } from './stage.ts';
import { requireStepState, type StepCommand } from './state.ts';
import { findStep, nodeAt, parsePath, type PathPart } from './step-path.ts';

export type Effect = 'advancing' | 'isolated';

/** Who commands, for the record. */
export interface Actor {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
}

export interface StepRequest {
  readonly path: string;
  readonly command: StepCommand;
  /** Of `complete` and `result`: the output. Of `callback`: what came. */
  readonly output?: Json | undefined;
  readonly by?: Actor | undefined;
  /** Of `approve` and `reject`. */
  readonly comment?: string | undefined;
  readonly form?: Json | undefined;
  /** Of `callback`: the step must still wait for this one. */
  readonly token?: string | undefined;
  readonly requestId: string;
}

export async function runStepCommand(core: Core, live: Live, request: StepRequest): Promise<Effect> {
  const parts = parsePath(request.path);
  if (parts === undefined || nodeAt(live.graph, parts) === undefined) fail('not_found', `instance ${live.id} has no step "${request.path}"`);
  live.requestId = request.requestId;
  if (request.command === 'approve') await requireForm(core.evaluator, stepAt(live, request.path), request.form);
  const found = findStep(live, request.path);
  if (found === undefined) {
    const effect = await onEndedItem(core, live, parts, request);
    await durable(core, live);
    return effect;
  }
  const step = found.frame.steps[found.node.index];
  requireStepState(request.path, step?.status ?? 'pending', request.command);
  const effect = await run(core, found.frame, found.node, step, request);
  await durable(core, live);
  return effect;
}

function stepAt(live: Live, path: string): LiveStep | undefined {
  const found = findStep(live, path);
  return found?.frame.steps[found.node.index];
}

/** A step of an item that is not under way, or an item itself: it can be run again, and its map or loop with it. */
async function onEndedItem(core: Core, live: Live, parts: readonly PathPart[], request: StepRequest): Promise<Effect> {
  if (request.command !== 'retry')
    fail(
      'illegal_transition',
      parts.at(-1)?.index === undefined
        ? `"${request.path}" is part of an item that is not under way; ${request.command} applies to steps under way, retry runs it again`
        : `"${request.path}" is an item: it takes retry once it has ended; ${request.command} applies to the steps in it`,
    );
  // Before anything is opened for it.
  const item = request.path.slice(0, request.path.lastIndexOf(']') + 1);
  const rows = [...(await core.store.loadStepsAt(live.id, [item])), ...(await core.store.loadStepsUnder(live.id, `${item}/`))];
  if (rows.length === 0) fail('not_found', `instance ${live.id} has not run "${request.path}"`);
  const outermost = live.graph.byKey.get(parts[0]?.key ?? '');
  const wasStopped = isTerminalInstance(live.status) && live.status !== 'completed';
  const effect = wasStopped || (outermost !== undefined && leadsOn(live.top, outermost)) ? 'advancing' : 'isolated';
  const last = parts.at(-1);
  const isItem = last?.index !== undefined;
  const chain = await openChain(core, live, isItem ? parts : parts.slice(0, -1), isItem);
  if (chain === undefined) fail('not_found', `instance ${live.id} has not run "${request.path}"`);
  const node = chain.frame.graph.byKey.get(last?.key ?? '');
  if (isItem) await rerunItem(core, chain.frame);
  else if (node !== undefined) await reopen(core, chain.frame, [node]);
  await chain.goOn();
  return effect;
}

async function run(core: Core, frame: Frame, node: CompiledNode, step: LiveStep | undefined, request: StepRequest): Promise<Effect> {
  switch (request.command) {
    case 'retry':
      return retry(core, frame, node);
    case 'skip':
      return skip(core, frame, node, step);
    case 'cancel':
      return cancel(core, frame, node, step);
    case 'complete':
      return complete(core, frame, node, step, request.output ?? {});
    case 'result':
      return editResult(core, frame, node, step, request.output ?? null);
    case 'start':
    case 'callback':
    case 'approve':
    case 'reject':
      requireLive(frame, node, request.command);
      if (step !== undefined) answer(core, frame, node, step, request);
      return 'advancing';
  }
}

/** What a waiting step was waiting for. */
function answer(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, request: StepRequest): void {
  if (request.command === 'start') return releaseStep(core, frame, node, step, request.by?.name);
  const waitsFor = step.wait?.kind;
  const expected = request.command === 'callback' ? 'webhook' : 'approval';
  if (waitsFor !== expected)
    fail(
      'illegal_transition',
      `step ${pathOf(frame, node)} waits for ${waitsFor ?? 'nothing'}, not for ${expected === 'approval' ? 'an approval' : 'a callback'}; use complete to end it by hand`,
    );
  if (request.command === 'callback') {
    if (step.wait?.token !== request.token) fail('not_found', 'no step waits for this callback any more');
    return signalStep(core, frame, node, step, { kind: 'callback', payload: request.output ?? null });
  }
  if (request.by === undefined) fail('forbidden', 'a decision needs a person or a key that decides');
  const signal: Signal = {
    kind: 'decision',
    decision: request.command === 'approve' ? 'approve' : 'reject',
    by: request.by,
    comment: request.comment,
    form: request.form,
    at: new Date(core.clock.now()).toISOString(),
  };
  signalStep(core, frame, node, step, signal);
}

async function retry(core: Core, frame: Frame, node: CompiledNode): Promise<Effect> {
  const { status } = frame.live;
  const isAdvancing = (isTerminalInstance(status) && status !== 'completed') || leadsOn(frame, node);
  await reopen(core, frame, [node]);
  return isAdvancing ? 'advancing' : 'isolated';
}

function requireLive(frame: Frame, node: CompiledNode, command: string): void {
  const { live } = frame;
  if (isTerminalInstance(live.status))
    fail('illegal_transition', `instance ${live.id} is ${live.status}; ${command} of step ${pathOf(frame, node)} applies while it lives`);
}

function skip(core: Core, frame: Frame, node: CompiledNode, step: LiveStep | undefined): Effect {
  requireLive(frame, node, 'skip');
  const endOutside = stopStep(core, frame, node, step, 'skipped by hand');
  // Not decided yet: the plan must not come by and run it.
  markDecided(frame.plan, node);
  const open = step ?? openStep(frame, node);
  finish(core, frame, node, open, { status: 'skipped', port: PASS_PORT, reason: 'skipped by hand', error: null, wait: null, endedAt: core.clock.now() }, false);
  endOutside();
  return 'advancing';
}

function cancel(core: Core, frame: Frame, node: CompiledNode, step: LiveStep | undefined): Effect {
  requireLive(frame, node, 'cancel');
  const endOutside = stopStep(core, frame, node, step, BY_HAND);
  const error = failure('cancelled', `step ${pathOf(frame, node)} was cancelled by hand`);
  if (step !== undefined) finish(core, frame, node, step, { status: 'cancelled', reason: BY_HAND, error, wait: null, endedAt: core.clock.now() }, false);
  endOutside();
  return 'advancing';
}

function complete(core: Core, frame: Frame, node: CompiledNode, step: LiveStep | undefined, output: Json): Effect {
  requireLive(frame, node, 'complete');
  requireSize(frame, node, output);
  const endOutside = stopStep(core, frame, node, step, 'completed by hand');
  if (step !== undefined) finish(core, frame, node, step, { ...byHand(node, output, 'completed by hand'), endedAt: core.clock.now() }, false);
  endOutside();
  return 'advancing';
}

async function editResult(core: Core, frame: Frame, node: CompiledNode, step: LiveStep | undefined, output: Json): Promise<Effect> {
  const { live } = frame;
  requireSize(frame, node, output);
  const change = { ...byHand(node, output, 'edited by hand'), attempt: step?.attempt ?? 1, startedAt: core.clock.now(), endedAt: core.clock.now() };
  const endedIt = isTerminalInstance(live.status) && live.status !== 'completed' && isFatal(frame, node);
  const isAdvancing = endedIt || (!isTerminalInstance(live.status) && leadsOn(frame, node));
  stageStep(core, frame, node, openStep(frame, node), change);
  // It was what stopped the instance: with a result in its place the rest goes on.
  if (endedIt) await reopen(core, frame, []);
  return isAdvancing ? 'advancing' : 'isolated';
}

function byHand(
  node: CompiledNode,
  output: Json,
  reason: string,
): { status: 'completed'; output: Json; hasOutput: true; port: string | null; reason: string; error: null; wait: null } {
  return { status: 'completed', output, hasOutput: true, port: node.type.portOf?.(output) ?? null, reason, error: null, wait: null };
}

function requireSize(frame: Frame, node: CompiledNode, output: Json): void {
  const bytes = Buffer.byteLength(JSON.stringify(output));
  if (bytes > MAX_OUTPUT_BYTES)
    fail(
      'too_large',
      `the output for step ${pathOf(frame, node)} has ${bytes} bytes, the limit is ${MAX_OUTPUT_BYTES}; put it into a file and pass the path on`,
    );
}

/** Ends what the step has in flight: attempt, timer, body. @returns ends its jobs and children too, once what was staged by then is durable: their rows may be
 *  on their way yet, and what is not there can not be cancelled */
function stopStep(core: Core, frame: Frame, node: CompiledNode, step: LiveStep | undefined, reason: string): () => void {
  const outside: Outside = { jobIds: [], childIds: [] };
  if (step !== undefined) dropOutside(core, step, outside);
  dropInFlight(core, frame, node, reason, outside);
  return () => {
    if (outside.jobIds.length + outside.childIds.length === 0) return;
    flush(core, frame.live, (lost) => void (lost === undefined && cancelOutside(core, frame.live, outside, reason)));
  };
}
