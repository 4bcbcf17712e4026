/** Opening what has ended anew, by command: steps in a new generation, failed maps and loops with what they have already, single items.
 *  Everything reopened has a row that says so before anything of it starts: a crash right after must not forget it. */
import { isTerminalInstance, isTerminalStep } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import { goOn, outcomeOf, stageSkips, startAfter } from './advance.ts';
import { continueBody } from './bodies.ts';
import type { Body, BodyDetails } from './body.ts';
import { armPauses, itemPath } from './body-items.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { openStep, pathOf, removeStep, type Frame } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import type { Live } from './live.ts';
import { patiently } from './patient.ts';
import { isUndoneByRetry, rebuildPlan } from './rebuild.ts';
import { continueFrame } from './continue-frame.ts';
import { failedItems, reopenItems, restoreBody } from './recover-bodies.ts';
import type { Advance } from './plan.ts';
import { stageInstance, stageRow, stageStep } from './stage.ts';
import type { PathPart } from './step-path.ts';
import { armDeadline } from './timers.ts';

/** Sets an ended instance running again. */
function revive(core: Core, live: Live): void {
  const hadEnded = isTerminalInstance(live.status);
  live.isGone = false;
  live.top.isGone = false;
  core.lives.set(live.id, live);
  if (hadEnded) stageInstance(core, live, { status: 'running' });
}

/** Opens a new generation of `nodes` and of everything in their frame that ended with it, sets the instance running again when it had ended,
 *  and goes on. A map or loop that failed goes on with what it has. */
export async function reopen(core: Core, frame: Frame, nodes: readonly CompiledNode[]): Promise<void> {
  const { live } = frame;
  revive(core, live);
  forgetReady(frame);
  const again = new Set([...nodes, ...undoneIn(frame)]);
  const bodies = await openAll(core, frame, again);
  const decided = await rebuildPlan(core, frame);
  if (live.isGone || frame.isGone) return;
  stageSkips(core, frame, decided.skipped);
  goOn(core, frame, decided.ready, false);
  for (const opened of bodies) await goOnWith(core, opened);
}

/** What was ready and has not begun is decided again: it may have followed from the very result that is asked for anew. */
function forgetReady(frame: Frame): void {
  for (const node of frame.graph.nodes) {
    const step = frame.steps[node.index];
    if (step?.status === 'pending' && step.staged === null && !frame.running.has(node.index)) removeStep(frame, node);
  }
}

/** Opens steps of a frame anew. @returns the maps and loops among them that go on with what they have */
async function openAll(core: Core, frame: Frame, nodes: ReadonlySet<CompiledNode>): Promise<Opened[]> {
  const bodies: Opened[] = [];
  for (const node of nodes) {
    const step = frame.steps[node.index];
    if (node.body !== undefined && step?.details != null && step.hasOutput === false && isTerminalStep(step.status))
      bodies.push(await reopenBody(core, frame, node, true));
    else openPending(core, frame, node);
  }
  return bodies;
}

/** What ended with its graph. */
function undoneIn(frame: Frame): Set<CompiledNode> {
  const found = new Set<CompiledNode>();
  for (const node of frame.graph.nodes) {
    const step = frame.steps[node.index];
    if (step !== undefined && isUndoneByRetry(frame, node, step)) found.add(node);
  }
  return found;
}

function openPending(core: Core, frame: Frame, node: CompiledNode): void {
  const step = openStep(frame, node);
  if (step.staged === null) stageStep(core, frame, node, step, { status: 'pending', queuedAt: core.clock.now() });
}

interface Opened {
  readonly body: Body;
  readonly frames: readonly Frame[];
}

/** The next generation of a map or loop that had ended, with the items it has. @param withFailed opens those that failed, too */
async function reopenBody(core: Core, frame: Frame, node: CompiledNode, withFailed: boolean): Promise<Opened> {
  const old = frame.steps[node.index];
  const before = JSON.parse(old?.details ?? '') as BodyDetails;
  const details = { ...before, shownAt: before.shownAt ?? old?.generation ?? 1 };
  const step = openStep(frame, node);
  step.isContainer = true;
  frame.live.busy -= 1;
  stageStep(core, frame, node, step, { status: 'running', attempt: 1, startedAt: core.clock.now(), details: JSON.stringify(details) });
  const { body, frames } = await restoreBody(core, frame, node, step);
  requireUnderWay(body);
  for (const opened of frames) stageOpenItem(core, opened);
  const failed = withFailed ? await openItems(core, body, failedItems(body)) : [];
  return { body, frames: [...frames, ...failed] };
}

async function openItems(core: Core, body: Body, indexes: readonly number[]): Promise<readonly Frame[]> {
  const frames = await reopenItems(core, body, indexes);
  requireUnderWay(body);
  for (const frame of frames) stageOpenItem(core, frame);
  return frames;
}

/** @throws AppError conflict when it was ended while its rows were read: by another step's failure, say */
function requireUnderWay({ isOver, frame, node }: Body): void {
  if (isOver || frame.isGone || frame.live.isGone)
    fail('conflict', `step ${pathOf(frame, node)} of ${frame.live.id} ended again while it was opened; look at it and try again`);
}

/** The item's own row says that it goes on. */
function stageOpenItem(core: Core, frame: Frame): void {
  const { place } = frame;
  if (place === undefined || place.step.staged !== null) return;
  const { body, index, step } = place;
  const change = { status: 'running' as const, startedAt: core.clock.now(), details: JSON.stringify({ base: frame.base }) };
  stageRow(core, frame.live, { path: itemPath(body, index), key: body.node.key }, step, change);
}

/** Lets the open items of a body go on, then the rest of it. */
async function goOnWith(core: Core, { body, frames }: Opened): Promise<void> {
  for (const frame of frames) await continueFrame(core, frame);
  if (body.isOver || body.frame.live.isGone) return;
  armDeadline(core, body.frame, body.node);
  armPauses(core, body);
  walled(core, body.frame.live, () => continueBody(core, body));
}

export interface Chain {
  readonly frame: Frame;
  /** Lets the rest of what was opened around it go on: call it when the frame itself goes on. */
  goOn(): Promise<void>;
}

/** The frame of an item that may have ended, and of those around it: each is opened anew where it has.
 *  @param parts all of them name an item  @param isWhole the last item is to run from its beginning: it must have ended
 *  @throws AppError illegal_transition, also when a map or loop around it is about to begin anew */
export async function openChain(core: Core, live: Live, parts: readonly PathPart[], isWhole: boolean): Promise<Chain | undefined> {
  const opened: Opened[] = [];
  const decided: Decided[] = [];
  const frame = await openEach(core, live, parts, isWhole, { opened, decided });
  const chain = framesAround(frame);
  const goOnWithAll = async (): Promise<void> => {
    for (const one of decided) {
      if (live.isGone || one.frame.isGone) continue;
      stageSkips(core, one.frame, one.skipped);
      goOn(core, one.frame, one.ready, false);
    }
    for (const { body, frames } of opened) await goOnWith(core, { body, frames: frames.filter((one) => !chain.has(one)) });
  };
  if (frame !== undefined) return { frame, goOn: goOnWithAll };
  await goOnWithAll();
  return undefined;
}

/** A frame around what was asked for, and what its plan decided when it was opened. */
type Decided = Advance & { readonly frame: Frame };

/** @param found is given what had ended and was opened on the way */
async function openEach(
  core: Core,
  live: Live,
  parts: readonly PathPart[],
  isWhole: boolean,
  found: { readonly opened: Opened[]; readonly decided: Decided[] },
): Promise<Frame | undefined> {
  let frame: Frame = live.top;
  for (const [place, part] of parts.entries()) {
    const node = frame.graph.byKey.get(part.key);
    if (node?.body === undefined || part.index === undefined) return undefined;
    let body = frame.bodies.get(node.index);
    if (isWhole && place === parts.length - 1 && body?.frames.has(part.index) === true)
      fail('illegal_transition', `item ${itemPath(body, part.index)} is under way; retry applies to items that have ended, and to the steps in it`);
    if (body?.pauses.has(part.index) === true)
      fail('illegal_transition', `item ${itemPath(body, part.index)} is tried again by itself after a pause; retry it when it has ended`);
    if (body === undefined) {
      const step = frame.steps[node.index];
      if (step?.details == null) return undefined;
      if (!isTerminalStep(step.status))
        fail('illegal_transition', `step ${pathOf(frame, node)} is ${step.status} and begins anew by itself; retry its items when it has ended, or skip it`);
      revive(core, live);
      // What failed in it stays as it is: only this item was asked for.
      const again = await reopenBody(core, frame, node, false);
      body = again.body;
      // With it goes on what else ended with its graph.
      found.opened.push(again, ...(await openAll(core, frame, undoneIn(frame))));
      found.decided.push({ frame, ...(await rebuildPlan(core, frame)) });
    }
    const isThere = part.index < body.details.count || part.index < body.done;
    const inner = body.frames.get(part.index) ?? (isThere ? (await openItems(core, body, [part.index]))[0] : undefined);
    if (inner === undefined) return undefined;
    frame = inner;
    await rebuildPlan(core, frame);
  }
  return frame;
}

/** A frame and all around it. */
function framesAround(frame: Frame | undefined): ReadonlySet<Frame> {
  const found = new Set<Frame>();
  for (let at = frame; at !== undefined; at = at.place?.body.frame) found.add(at);
  return found;
}

/** Runs a whole item again, from its beginning. */
export async function rerunItem(core: Core, frame: Frame): Promise<void> {
  const { place, live } = frame;
  if (place === undefined) return;
  const { body, index } = place;
  const base = await patiently(core, () => core.store.readHighestGeneration(live.id, `${itemPath(body, index)}/`));
  for (const node of frame.graph.nodes) {
    removeStep(frame, node);
    delete frame.scope.steps[node.key];
    frame.generations[node.index] = base;
  }
  const { step } = place;
  stageRow(core, live, { path: itemPath(body, index), key: body.node.key }, step, {
    status: 'running',
    startedAt: core.clock.now(),
    details: JSON.stringify({ base }),
  });
  const { ready } = await rebuildPlan(core, frame);
  for (const node of ready) openStep(frame, node);
  startAfter(
    core,
    live,
    ready.map((node) => ({ frame, node })),
    false,
  );
}

/** Whether nothing that follows `node` has been decided, in its frame and around it. */
export function leadsOn(frame: Frame, node: CompiledNode): boolean {
  const here = node.outgoing.some((edge) => {
    const target = frame.steps[edge.to];
    return target === undefined || (target.status === 'pending' && target.staged === null) || !isTerminalStep(target.status);
  });
  if (here || frame.place === undefined) return here;
  return leadsOn(frame.place.body.frame, frame.place.body.node);
}

/** Whether this step is what its graph ended over. */
export function isFatal(frame: Frame, node: CompiledNode): boolean {
  const step = frame.steps[node.index];
  return step !== undefined && isTerminalStep(step.status) && (step.status === 'cancelled' || outcomeOf(node, step) === 'fatal');
}
