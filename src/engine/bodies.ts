/** Maps and loops: begins them, starts their next items, and ends them. Their items are body-items.ts; after a crash, recover-bodies.ts.
 *  An item starts only when the row of its map or loop is durable. */
import type { Json } from '../contract/endpoint.ts';
import { isTruthy } from '../kernel/json.ts';
import { NodeError, type BodyNodeType, type BodyPlan } from '../nodes/kit.ts';
import { cancelOutside, noteActivity, type Outside } from './advance.ts';
import { parseParams, resolveParams, shortened } from './params.ts';
import { failWaiting } from './attempt-result.ts';
import { createBody, NOT_BEGUN, noteError, previousOf, type Body, type BodyDetails } from './body.ts';
import { closeBody, openItem } from './body-items.ts';
import { fromCache } from './cache.ts';
import { CHUNK, rowItems, storedItems } from './body-source.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { failureOf, finish, occupy, releaseHeld, vacate } from './finish.ts';
import { changeStep, pathOf, stepName, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { storeLarge } from './large.ts';
import { isTooLarge, MAX_OUTPUT_BYTES, MAX_STEPS } from './limits.ts';
import { patiently } from './patient.ts';
import { evaluate } from './resolve.ts';
import { durable, flush, stageStep, type StepChange } from './stage.ts';
import { armDeadline } from './timers.ts';

interface Begun {
  readonly details: BodyDetails;
  readonly input: string;
  readonly items: readonly Json[];
}

/** A result made from the same before. */
interface Known {
  readonly input: string;
  readonly cached: StepChange;
}

/** Begins the body of a ready step. */
export function startBody(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): void {
  const { live } = frame;
  const run = occupy(core, frame, node, step);
  prepare(core, frame, node, step).then(
    (begun) => {
      if (vacate(core, frame, node, run)) walled(core, live, () => begin(core, frame, node, step, begun));
      releaseHeld(core, live);
    },
    (error: unknown) => {
      if (!vacate(core, frame, node, run)) return;
      const change = { status: 'failed' as const, attempt: step.attempt + 1, error: failureOf(error), wait: null, endedAt: core.clock.now() };
      walled(core, live, () => finish(core, frame, node, step, change, false));
    },
  );
}

async function prepare(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): Promise<Begun | Known> {
  const { live } = frame;
  const resolved = await resolveParams(core, frame, node);
  const plan = (node.type as BodyNodeType).toBody(parseParams(node, resolved.live) as never);
  const cached = await fromCache(core, frame, node, step, resolved);
  if (cached !== undefined) return { input: inputOf(resolved.stored), cached };
  const path = pathOf(frame, node);
  // What an earlier round left keeps its generations.
  const isFirst = step.generation === 1 && step.attempt === 0;
  const base = isFirst ? 0 : await patiently(core, () => core.store.readHighestGeneration(live.id, `${path}[`));
  if (plan.kind === 'loop') return { details: { base, count: 0, stored: null, how: plan }, input: inputOf(resolved.stored), items: [] };
  const { items, ...how } = plan;
  requireRoom(frame, node, items.length);
  // They are kept in rows, and each item's steps read them.
  if (resolved.made.length > 0)
    throw new NodeError('secret_use', `the items of ${stepName(frame, node)} can not hold secrets; read them inside the body`, { final: true });
  const text = JSON.stringify(items);
  if (text.length <= MAX_OUTPUT_BYTES / 2) return { details: { base, count: items.length, stored: null, how }, input: inputOf(resolved.stored), items };
  await patiently(core, () => core.store.writeStepItems({ orgId: live.orgId, instanceId: live.id, path, generation: step.generation, items, chunk: CHUNK }));
  return { details: { base, count: items.length, stored: step.generation, how }, input: JSON.stringify({ items: { count: items.length } }), items };
}

/** The params as they are shown: the graph inside is the workflow's, not the step's. */
function inputOf(params: Json): string {
  const { body: _body, ...shown } = params as Record<string, Json>;
  return shortened(JSON.stringify(shown));
}

function requireRoom(frame: Frame, node: CompiledNode, count: number): void {
  const perItem = (node.body?.graph.nodes.length ?? 0) + 1;
  const steps = frame.live.stepCount + count * perItem;
  if (steps <= MAX_STEPS) return;
  throw new NodeError(
    'too_many_steps',
    `${stepName(frame, node)} would make ${count} × ${perItem} steps, ${steps} in this instance; the limit is ${MAX_STEPS}. Map over batches, or call a workflow for each part`,
    { final: true },
  );
}

function begin(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, begun: Begun | Known): void {
  if ('cached' in begun) return finish(core, frame, node, step, { ...begun.cached, input: begun.input }, false);
  const { details, input, items } = begun;
  changeStep(frame.live, step, { isContainer: true });
  stageStep(core, frame, node, step, {
    status: 'running',
    attempt: step.attempt + 1,
    startedAt: core.clock.now(),
    input,
    details: JSON.stringify(details),
    error: null,
    wait: null,
  });
  const itemAt = details.stored === null ? rowItems(items) : storedItems(core, frame.live, pathOf(frame, node), details.stored);
  const body = createBody({ frame, node, step, details, itemAt });
  frame.bodies.set(node.index, body);
  flush(core, frame.live, (lost) => {
    if (lost !== undefined || body.isOver) return;
    armDeadline(core, frame, node);
    walled(core, frame.live, () => continueBody(core, body));
  });
}

/** Starts what may start of a body, or ends it. */
export function continueBody(core: Core, body: Body): void {
  if (body.isOver || body.isBusy || body.frame.live.isGone) return;
  if (body.fatal !== undefined) return failBody(core, body.frame, body.node, body.fatal);
  if (body.details.how.kind === 'loop') return nextRound(core, body, body.details.how);
  const { count, how } = body.details;
  while (body.next < count && body.frames.size + body.pauses.size < how.concurrency) {
    if (body.states[body.next] !== NOT_BEGUN) {
      body.next += 1;
      continue;
    }
    const item = body.itemAt(body.next);
    if (item instanceof Promise) {
      whileBusy(core, body, item, () => continueBody(core, body));
      break;
    }
    openItem(core, body, body.next, item);
    body.next += 1;
  }
  noteActivity(core, body.frame.live);
  core.pump();
  // What ran in this moment may have brought it to its end already.
  if (!body.isOver && !body.isBusy && body.done + body.failed === count) endMap(core, body);
}

/** Does one thing at a time for a body; what goes wrong fails it. */
function whileBusy<T>(core: Core, body: Body, work: Promise<T>, then: (value: T) => void): void {
  const { frame, node } = body;
  body.isBusy = true;
  work.then(
    (value) => {
      body.isBusy = false;
      if (!body.isOver && !frame.live.isGone) walled(core, frame.live, () => then(value));
    },
    (error: unknown) => {
      body.isBusy = false;
      if (body.isOver || frame.live.isGone || core.state === 'stopped') return;
      const fault = error instanceof NodeError ? error : new NodeError('body_failed', failureOf(error).message, { cause: error });
      walled(core, frame.live, () => failBody(core, frame, node, fault));
    },
  );
}

function nextRound(core: Core, body: Body, how: Extract<BodyPlan, { kind: 'loop' }>): void {
  if (body.frames.size > 0 || body.pauses.size > 0) return;
  const index = body.done;
  const condition = body.node.body?.while;
  const decide = (holds: boolean): void => {
    if (!holds) return endLoop(core, body, `its condition is false after ${index} rounds: ${condition?.source ?? ''}`.slice(0, 500));
    if (index < how.maxIterations) {
      openItem(core, body, index, null);
      body.next = index + 1;
      noteActivity(core, body.frame.live);
      return core.pump();
    }
    if (how.onLimit === 'stop' || condition === undefined) return endLoop(core, body, `${index} rounds, as many as it may have`);
    const message = `${stepName(body.frame, body.node)} still goes on after ${index} rounds, its maxIterations; raise it, mend the condition, or set onLimit to "stop"`;
    failBody(core, body.frame, body.node, new NodeError('max_iterations', message, { final: true }));
  };
  if (condition === undefined) return decide(index < how.maxIterations);
  const scope = { ...body.frame.scope, index, previous: previousOf(body) };
  let value: Json | Promise<Json>;
  try {
    value = evaluate(condition, scope, core.evaluator);
  } catch (error) {
    value = Promise.reject(error as Error);
  }
  if (value instanceof Promise) whileBusy(core, body, value, (result) => decide(isTruthy(result)));
  else decide(isTruthy(value));
}

function endLoop(core: Core, body: Body, reason: string): void {
  endBody(core, body, { iterations: body.done, output: previousOf(body) }, reason);
}

function endMap(core: Core, body: Body): void {
  const { failed, outputs, errors } = body;
  const isCollecting = body.details.how.kind === 'map' && body.details.how.onItemError === 'collect';
  if (outputs === undefined) return whileBusy(core, body, gather(core, body), (output) => finishBody(core, body, output, null));
  const items = Array.from({ length: body.details.count }, (_, index) => outputs[index] ?? null);
  endBody(core, body, { items, failed, ...(isCollecting ? { errors: errors.toSorted((a, b) => a.index - b.index) as unknown as Json } : {}) }, null);
}

const GATHER_BITE = 1_000;

/** The output of a map whose results were not held, as text, from the rows of its items. */
async function gather(core: Core, body: Body): Promise<string> {
  const { frame, node, details } = body;
  await durable(core, frame.live);
  const isCollecting = details.how.kind === 'map' && details.how.onItemError === 'collect';
  const parts: string[] = [];
  for (let from = 0; from < details.count; from += GATHER_BITE) {
    const indexes = Array.from({ length: Math.min(GATHER_BITE, details.count - from) }, (_, offset) => from + offset);
    // Serial: one bite in memory beside the text that grows.
    const rows = await patiently(core, () => core.store.readItemResults({ instanceId: frame.live.id, path: pathOf(frame, node), base: details.base, indexes }));
    for (const index of indexes) {
      const row = rows.get(index);
      parts.push(row?.output ?? 'null');
      if (row?.error != null && !body.errors.some((one) => one.index === index)) noteError(body, index, row.error);
    }
  }
  const errors = isCollecting ? `,"errors":${JSON.stringify(body.errors.toSorted((a, b) => a.index - b.index))}` : '';
  return `{"items":[${parts.join(',')}],"failed":${body.failed}${errors}}`;
}

function endBody(core: Core, body: Body, output: Json, reason: string | null): void {
  finishBody(core, body, JSON.stringify(output), reason);
}

function finishBody(core: Core, body: Body, text: string, reason: string | null): void {
  if (!isTooLarge(text)) return settleBody(core, body, JSON.parse(text) as Json, text, reason);
  whileBusy(core, body, storeLarge(core, body.frame, body.node, text), (reference) => settleBody(core, body, reference, JSON.stringify(reference), reason));
}

function settleBody(core: Core, body: Body, output: Json, outputText: string, reason: string | null): void {
  const { frame, node, step } = body;
  body.isOver = true;
  frame.bodies.delete(node.index);
  frame.timers.get(node.index)?.();
  frame.timers.delete(node.index);
  finish(
    core,
    frame,
    node,
    step,
    { status: 'completed', output, hasOutput: true, outputText, reason, error: null, wait: null, endedAt: core.clock.now() },
    false,
  );
}

/** Ends a body as failed: what is under way in it is cancelled. Its own retry policy may begin it anew. */
export function failBody(core: Core, frame: Frame, node: CompiledNode, error: NodeError): void {
  const body = frame.bodies.get(node.index);
  const step = frame.steps[node.index];
  if (step === undefined) return;
  const outside: Outside = { jobIds: [], childIds: [] };
  if (body !== undefined) closeBody(core, body, `${node.type.type} ${pathOf(frame, node)} failed`, outside);
  frame.timers.get(node.index)?.();
  frame.timers.delete(node.index);
  changeStep(frame.live, step, { isContainer: false });
  failWaiting({ core, frame, node, step }, error);
  flush(core, frame.live, (lost) => void (lost === undefined && cancelOutside(core, frame.live, outside, `${stepName(frame, node)} failed`)));
}
