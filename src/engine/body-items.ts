/** The items of a body: opens them, takes their end, tries them again, gives them up. One item is one frame and one row of its own. */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import { isTerminalStep } from '../contract/values.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import { NodeError } from '../nodes/kit.ts';
import { cancelOutside, cancelSteps, noteActivity, type FrameEnd, type Outside } from './advance.ts';
import { DONE, endPause, FAILED, keepOutput, markItem, noteError, previousOf, releaseBody, UNDER_WAY, type Body, type BodyKind } from './body.ts';
import { failure, type Core } from './core.ts';
import { walled } from './fault.ts';
import { changeStep, createFrame, newStep, openStep, pathOf, type Frame, type FrameScope, type LiveStep, type Place } from './frame.ts';
import { isTooLarge, MAX_OUTPUT_BYTES } from './limits.ts';
import { begin } from './plan.ts';
import { bufferOf, flush, flushSoon, stageRow, type StepChange } from './stage.ts';

/** Starts an item from its beginning. @param generation of its row; its steps' begin after `base` */
export function openItem(core: Core, body: Body, index: number, item: Json, from?: { readonly step: LiveStep; readonly base: number }): void {
  const frame = itemFrame(body, index, item, from ?? { step: itemStep(body.details.base + 1), base: body.details.base });
  for (const node of begin(frame.plan).ready) {
    openStep(frame, node);
    core.ready.push({ frame, node });
  }
}

export function itemStep(generation: number): LiveStep {
  return { ...newStep(generation), attempt: 1, isContainer: true };
}

/** The frame of an item, in its place and empty. */
export function itemFrame(body: Body, index: number, item: Json, of: { readonly step: LiveStep; readonly base: number }): Frame {
  const { frame: outer, node } = body;
  const graph = node.body?.graph;
  if (graph === undefined) throw new Error(`step ${pathOf(outer, node)} has no body`);
  const frame = createFrame({
    live: outer.live,
    graph,
    prefix: `${itemPath(body, index)}/`,
    place: { body, index, step: of.step },
    base: of.base,
    scope: scopeOf(body, index, item),
  });
  markItem(body, index, UNDER_WAY);
  body.frames.set(index, frame);
  return frame;
}

export function itemPath(body: Body, index: number): string {
  return `${pathOf(body.frame, body.node)}[${index}]`;
}

function scopeOf(body: Body, index: number, item: Json): FrameScope {
  const outer = body.frame.scope;
  const steps = Object.create(null) as FrameScope['steps'];
  const reads = body.node.body?.reads ?? null;
  // The same item's step where there is one, else the outer one.
  for (const key of reads === null ? Object.keys(outer.steps) : reads) {
    const value = outer.steps[key];
    if (value !== undefined) steps[key] = value;
  }
  const parent = { item: outer.item ?? null, index: outer.index ?? null, parent: outer.parent ?? null } as Json;
  const { input, instance, workflow } = outer;
  return body.details.how.kind === 'loop'
    ? { input, instance, workflow, steps, item: outer.item ?? null, index, parent, previous: previousOf(body) }
    : { input, instance, workflow, steps, item, index, parent };
}

/** An item's graph came to its end. */
export function endItem(core: Core, frame: Frame, place: Place, end: FrameEnd, isPure: boolean): void {
  const { body, index, step } = place;
  if (frame.isGone || body.isOver) return;
  const now = core.clock.now();
  const outside = cancelSteps(core, frame, `its item failed`, now);
  frame.isGone = true;
  body.frames.delete(index);
  const isWaiting = outside.jobIds.length > 0 || outside.childIds.length > 0;
  if (isWaiting)
    flush(core, frame.live, (lost) => void (lost === undefined && cancelOutside(core, frame.live, outside, `item ${itemPath(body, index)} ended`)));
  const text = end.status === 'completed' ? JSON.stringify(end.output ?? null) : 'null';
  const error = end.status === 'failed' ? (end.error ?? failure('item_failed', 'the item failed')) : tooLarge(body, index, text);
  if (error === undefined) completeItem(core, body, { index, step, output: end.output ?? null, text, now });
  else if (pauseItem(core, body, { index, step, frame, error, now })) return noteActivity(core, frame.live);
  else if (failItem(core, body, { index, step, error, now })) return;
  afterItem(core, body, isPure);
}

function tooLarge(body: Body, index: number, text: string): Failure | undefined {
  if (!isTooLarge(text)) return undefined;
  const message = `the results of ${itemPath(body, index)} have ${Buffer.byteLength(text)} bytes together, the limit is ${MAX_OUTPUT_BYTES}; let one step gather what matters`;
  return failure('too_large', message);
}

function stageItem(core: Core, body: Body, index: number, step: LiveStep, change: StepChange): void {
  stageRow(core, body.frame.live, { path: itemPath(body, index), key: body.node.key }, step, change);
}

interface ItemEnd {
  readonly index: number;
  readonly step: LiveStep;
  readonly now: number;
}

function completeItem(core: Core, body: Body, end: ItemEnd & { readonly output: Json; readonly text: string }): void {
  const { index, step, output, text, now } = end;
  stageItem(core, body, index, step, { status: 'completed', output, hasOutput: true, outputText: text, error: null, wait: null, endedAt: now });
  // The row holds it: what memory keeps of it, keepOutput decides.
  changeStep(body.frame.live, step, { output: null });
  markItem(body, index, DONE);
  body.done += 1;
  keepOutput(body, index, output, body.details.how.kind === 'loop' ? 0 : text.length);
  if (body.details.how.kind === 'loop' && body.outputs !== undefined) body.outputs[index - 1] = undefined;
}

/** @returns true when the whole body failed with it */
function failItem(core: Core, body: Body, end: ItemEnd & { readonly error: Failure }): boolean {
  const { index, step, error, now } = end;
  const { how } = body.details;
  stageItem(core, body, index, step, { status: 'failed', error, wait: null, endedAt: now });
  markItem(body, index, FAILED);
  body.failed += 1;
  noteError(body, index, error);
  if (!failsWithItem(how)) return false;
  core.turns.failBody(body.frame, body.node, itemFault(how, index, error));
  return true;
}

/** Whether the failure of one is that of all. */
export function failsWithItem(how: BodyKind): boolean {
  return how.kind === 'loop' || how.onItemError === 'fail';
}

/** What a map or loop fails with when it fails with this item. */
export function itemFault(how: BodyKind, index: number, error: Failure): NodeError {
  const what = how.kind === 'map' ? 'item' : 'round';
  const message = `${what} ${index} failed${error.step === undefined ? '' : ` at ${error.step}`}: ${error.message}`;
  return new NodeError(`${what}_failed`, message, { details: { index, code: error.code, step: error.step ?? null } });
}

/** A pause before the whole item is tried again. @returns false when its policy allows none */
function pauseItem(core: Core, body: Body, end: ItemEnd & { readonly frame: Frame; readonly error: Failure }): boolean {
  const { how } = body.details;
  const { index, step, frame, error, now } = end;
  if (how.kind !== 'map' || step.attempt >= how.itemRetry.maxAttempts) return false;
  if (how.itemRetry.on !== undefined && !how.itemRetry.on.includes(error.code)) return false;
  const { backoffMs, factor, maxBackoffMs, jitter } = how.itemRetry;
  const delayMs = backoffDelayMs({ baseMs: backoffMs, factor, maxMs: maxBackoffMs, jitter }, step.attempt, core.random());
  const until = new Date(now + delayMs).toISOString();
  const message = `attempt ${step.attempt} of ${how.itemRetry.maxAttempts} failed (${error.code}); the item is tried again at ${until}`;
  const base = Math.max(frame.base, ...frame.generations);
  stageItem(core, body, index, step, { status: 'waiting', error, details: JSON.stringify({ base }), wait: { kind: 'retry', message, until } });
  bufferOf(core, frame.live).attempts.push({
    instanceId: frame.live.id,
    orgId: frame.live.orgId,
    path: itemPath(body, index),
    generation: step.generation,
    attempt: step.attempt,
    status: 'failed',
    output: null,
    error: JSON.stringify(error),
    jobId: null,
    startedAt: null,
    endedAt: now,
  });
  holdPause(body, index, step, false);
  flush(core, frame.live, (lost) => void (lost === undefined && armPause(core, body, index, step)));
  return true;
}

/** A pause is this engine's own doing: the instance counts as busy meanwhile, also before its row is durable. */
export function holdPause(body: Body, index: number, step: LiveStep, isRecorded: boolean): void {
  body.frame.live.busy += 1;
  body.pauses.set(index, { step, isRecorded, cancel: () => undefined });
}

/** Waits until a paused item may begin anew. */
function armPause(core: Core, body: Body, index: number, step: LiveStep): void {
  const held = body.pauses.get(index);
  if (held?.step !== step || body.isOver || body.frame.live.isGone) return;
  held.cancel();
  const cancel = core.clock.after(Math.max(0, Date.parse(step.wait?.until ?? '') - core.clock.now()), () => {
    endPause(body, index);
    if (!body.isOver && !body.frame.live.isGone) walled(core, body.frame.live, () => tryAgain(core, body, index, step));
  });
  body.pauses.set(index, { ...held, cancel });
}

/** Lets the time of the pauses that a body was brought back with run. One that began since is armed when its row is durable, and once: an item must not
 *  be tried again twice. */
export function armPauses(core: Core, body: Body): void {
  for (const [index, { step, isRecorded }] of [...body.pauses]) if (isRecorded) armPause(core, body, index, step);
}

function tryAgain(core: Core, body: Body, index: number, step: LiveStep): void {
  const item = body.itemAt(index);
  if (item instanceof Promise) {
    // Its chunk has to be read again.
    item.then(
      () => walled(core, body.frame.live, () => (body.isOver ? undefined : tryAgain(core, body, index, step))),
      (error: unknown) => core.log.error({ instanceId: body.frame.live.id, cause: String(error) }, 'the item of a map could not be read'),
    );
    return;
  }
  const { base } = JSON.parse(step.details ?? '{"base":0}') as { base: number };
  changeStep(body.frame.live, step, { attempt: step.attempt + 1 });
  openItem(core, body, index, item, { step, base });
  noteActivity(core, body.frame.live);
  core.pump();
}

/** What follows an item: another one, the next round, the end of the body. */
function afterItem(core: Core, body: Body, isPure: boolean): void {
  const { live } = body.frame;
  if (body.details.how.kind === 'map') {
    if (!isPure) flushSoon(core, live);
    return core.turns.continueBody(body);
  }
  // A round builds on the one before: that has to be durable, unless it may be repeated.
  if (isPure && live.inFlight === 0 && !live.mustFlush) return core.turns.continueBody(body);
  flush(core, live, (lost) => void (lost === undefined && walled(core, live, () => core.turns.continueBody(body))));
}

/** Gives a body up: everything under way in it is cancelled. */
export function closeBody(core: Core, body: Body, reason: string, outside: Outside): void {
  const now = core.clock.now();
  body.isOver = true;
  body.frame.bodies.delete(body.node.index);
  for (const [index, frame] of body.frames) {
    cancelSteps(core, frame, reason, now, outside);
    frame.isGone = true;
    const step = frame.place?.step;
    if (step !== undefined && step.staged !== null && !isTerminalStep(step.staged))
      stageItem(core, body, index, step, { status: 'cancelled', reason, wait: null, endedAt: now });
  }
  // Those that pause have a row that waits.
  for (const [index, { step }] of body.pauses) stageItem(core, body, index, step, { status: 'cancelled', reason, wait: null, endedAt: now });
  body.frames.clear();
  releaseBody(body);
}
