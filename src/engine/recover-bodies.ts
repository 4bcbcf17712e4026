/** Brings maps and loops back from their rows: after a crash, and when a command reopens what has ended. What has ended in them stays; what was
 *  under way becomes frames again. */
import type { Json } from '../contract/endpoint.ts';
import { isTerminalStep } from '../contract/values.ts';
import type { NodeError } from '../nodes/kit.ts';
import type { BodyRow, StoredStep } from '../store/stored-steps.ts';
import { createBody, DONE, FAILED, keepOutput, markItem, UNDER_WAY, type Body, type BodyDetails } from './body.ts';
import { failsWithItem, holdPause, itemFault, itemFrame, itemPath, itemStep } from './body-items.ts';
import { rowItems, storedItems } from './body-source.ts';
import { failure, type Core } from './core.ts';
import { pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { patiently } from './patient.ts';
import { fillFrame, stepFromRow } from './rebuild.ts';
import { durable } from './stage.ts';

/** Items of a body by what their rows say. */
interface Found {
  /** By index: the item's own newest row. */
  readonly ended: Map<number, BodyRow>;
  /** Indexes with rows inside and none that says they ended. */
  readonly open: readonly number[];
}

/** The body of a running step, as its rows say; its open items are frames without a plan yet.
 *  @returns the body and the frames that are to go on */
export async function restoreBody(
  core: Core,
  frame: Frame,
  node: CompiledNode,
  step: LiveStep,
): Promise<{ readonly body: Body; readonly frames: readonly Frame[] }> {
  const { live } = frame;
  const path = pathOf(frame, node);
  const details = JSON.parse(step.details ?? '') as BodyDetails;
  step.isContainer = true;
  const body = createBody({ frame, node, step, details, itemAt: await sourceOf(core, frame, node, step, details) });
  frame.bodies.set(node.index, body);
  const rows = await patiently(core, () => core.store.listBodyRows({ instanceId: live.id, prefix: `${path}[`, base: details.base }));
  live.stepCount += rows.length;
  const found = sortRows(path, rows);
  for (const [index, row] of found.ended) {
    const isDone = row.status === 'completed' || row.status === 'cached';
    markItem(body, index, isDone ? DONE : FAILED);
    if (isDone) body.done += 1;
    else body.failed += 1;
  }
  // What a map gave is read from its rows in the end; a loop needs its last round only.
  if (details.how.kind === 'map') body.outputs = found.ended.size > 0 ? undefined : [];
  else if (body.done > 0) await readLastRound(core, body);
  const frames: Frame[] = [];
  for (const index of found.open) {
    const opened = await openAgain(core, body, index);
    if (opened !== undefined) frames.push(opened);
  }
  if (failsWithItem(details.how) && body.failed > 0) {
    body.fatal = await failureSince(core, body, found);
    // A loop can't pass over a round that failed, nor such a map over an item: opened anew, it goes on with that one.
    if (body.fatal === undefined) frames.push(...(await reopenItems(core, body, failedItems(body))));
  }
  return { body, frames };
}

/** The failure of an item since the body began or was opened: it ends the body, and was recorded a moment before that could be. An older one was there when
 *  the body was opened anew. */
async function failureSince(core: Core, body: Body, found: Found): Promise<NodeError | undefined> {
  const { frame, node, details } = body;
  const path = pathOf(frame, node);
  const [own] = await patiently(core, () => core.store.loadStepsAt(frame.live.id, [path]));
  const index = failedItems(body).find((failed) => (found.ended.get(failed)?.seq ?? 0) > (own?.seq ?? Infinity));
  if (index === undefined) return undefined;
  const results = await patiently(core, () => core.store.readItemResults({ instanceId: frame.live.id, path, base: details.base, indexes: [index] }));
  return itemFault(details.how, index, results.get(index)?.error ?? failure('item_failed', 'the item failed'));
}

async function sourceOf(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, details: BodyDetails): Promise<Body['itemAt']> {
  const path = pathOf(frame, node);
  if (details.how.kind === 'loop') return rowItems([]);
  if (details.stored !== null) return storedItems(core, frame.live, path, details.stored);
  const input = await patiently(core, () => core.store.readStepInput({ instanceId: frame.live.id, path, generation: details.shownAt ?? step.generation }));
  const items = typeof input === 'object' && input !== null && !Array.isArray(input) ? input['items'] : undefined;
  return rowItems(Array.isArray(items) ? items : []);
}

function sortRows(path: string, rows: readonly BodyRow[]): Found {
  const ended = new Map<number, BodyRow>();
  const begun = new Set<number>();
  for (const row of rows) {
    const close = row.path.indexOf(']', path.length);
    const index = Number(row.path.slice(path.length + 1, close));
    if (close === row.path.length - 1 && isTerminalStep(row.status) && row.status !== 'cancelled') ended.set(index, row);
    else begun.add(index);
  }
  return { ended, open: [...begun].filter((index) => !ended.has(index)).toSorted((a, b) => a - b) };
}

async function readLastRound(core: Core, body: Body): Promise<void> {
  const index = body.done - 1;
  const { frame, node, details } = body;
  const rows = await patiently(core, () =>
    core.store.readItemResults({ instanceId: frame.live.id, path: pathOf(frame, node), base: details.base, indexes: [index] }),
  );
  const text = rows.get(index)?.output ?? null;
  body.outputs = [];
  keepOutput(body, index, text === null ? null : (JSON.parse(text) as Json), 0);
}

/** The step of an item that goes on: its row's, or the next generation of one that was cancelled with its map or loop. */
function itemStepOf(row: StoredStep): LiveStep {
  return row.status === 'cancelled' ? { ...itemStep(row.generation + 1), details: row.details } : stepFromRow(row, true);
}

/** An item that had begun. @returns undefined while it pauses before another try */
async function openAgain(core: Core, body: Body, index: number): Promise<Frame | undefined> {
  const { live } = body.frame;
  const path = itemPath(body, index);
  const [row] = await patiently(core, () => core.store.loadStepsAt(live.id, [path]));
  const isOurs = row !== undefined && row.generation > body.details.base;
  const step = isOurs ? itemStepOf(row) : itemStep(body.details.base + 1);
  const base = isOurs && row.details !== null ? (JSON.parse(row.details) as { base: number }).base : body.details.base;
  const inside = await patiently(core, () => core.store.loadStepsUnder(live.id, `${path}/`));
  if (isOurs && row.status === 'waiting') {
    if (!inside.some((one) => one.generation > base)) {
      markItem(body, index, UNDER_WAY);
      // Its time runs when all of the instance is there.
      holdPause(body, index, step, true);
      return undefined;
    }
    step.attempt += 1;
  }
  const frame = itemFrame(body, index, await body.itemAt(index), { step, base });
  fillFrame(frame, inside);
  return frame;
}

/** Opens items of a body that ended otherwise than well: their frames, from their rows, to be gone on with. */
export async function reopenItems(core: Core, body: Body, indexes: readonly number[]): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  for (const index of indexes) {
    const present = body.frames.get(index);
    if (present !== undefined) {
      frames.push(present);
      continue;
    }
    // Its end may be on its way to its row.
    await durable(core, body.frame.live);
    if (body.states[index] === DONE) body.done -= 1;
    if (body.states[index] === FAILED) body.failed -= 1;
    const [row] = await patiently(core, () => core.store.loadStepsAt(body.frame.live.id, [itemPath(body, index)]));
    const base = row?.details == null ? body.details.base : (JSON.parse(row.details) as { base: number }).base;
    const generation = Math.max(row?.generation ?? 0, body.details.base) + 1;
    const frame = itemFrame(body, index, await body.itemAt(index), { step: { ...itemStep(generation), details: row?.details ?? null }, base });
    fillFrame(frame, await patiently(core, () => core.store.loadStepsUnder(body.frame.live.id, frame.prefix)));
    frames.push(frame);
  }
  return frames;
}

/** Indexes of items that failed. */
export function failedItems(body: Body): readonly number[] {
  return [...body.states].flatMap((state, index) => (state === FAILED ? [index] : []));
}
