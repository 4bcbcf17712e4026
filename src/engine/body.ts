/** A body under way: what a map or loop holds while its items run. Never decides (bodies.ts, body-items.ts); the items' state only.
 *  One thing to know: of items that are not under way it keeps one byte each. */
import type { Json } from '../contract/endpoint.ts';
import type { BodyPlan, NodeError } from '../nodes/kit.ts';
import type { Frame, LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';

export const NOT_BEGUN = 0;
export const UNDER_WAY = 1;
export const DONE = 2;
export const FAILED = 3;

/** How a body is run: a map's items are elsewhere. */
export type BodyKind = Omit<Extract<BodyPlan, { kind: 'map' }>, 'items'> | Extract<BodyPlan, { kind: 'loop' }>;

/** What the row of a map or loop keeps in `details`: enough to go on after a crash. */
export interface BodyDetails {
  /** Rows inside with a higher generation belong to this round of the body. */
  readonly base: number;
  /** Items of a map. */
  readonly count: number;
  /** The generation under which step_items holds the items; null: they are in the row's input. */
  readonly stored: number | null;
  /** The generation whose input shows the items, where it is not the row's own: it was opened again. */
  readonly shownAt?: number;
  readonly how: BodyKind;
}

/** An item that waits before it is tried again. */
export interface Pause {
  readonly step: LiveStep;
  /** Its row said so when it was brought to memory: nothing of it is on its way. */
  readonly isRecorded: boolean;
  readonly cancel: () => void;
}

export interface Body {
  readonly frame: Frame;
  readonly node: CompiledNode;
  readonly step: LiveStep;
  readonly details: BodyDetails;
  /** By item: NOT_BEGUN, UNDER_WAY, DONE or FAILED. A loop grows it. */
  states: Uint8Array;
  /** Items before it have begun, as far as they will. */
  next: number;
  done: number;
  failed: number;
  /** Items under way. */
  readonly frames: Map<number, Frame>;
  /** Of a body that was brought back: items under way that have not been gone on with. */
  toContinue: readonly Frame[];
  /** Items that pause before they are tried again. */
  readonly pauses: Map<number, Pause>;
  /** Results of items, while they are few; undefined: they are read from their rows in the end. */
  outputs: (Json | undefined)[] | undefined;
  outputBytes: number;
  /** First failures, for messages and for `collect`. */
  readonly errors: { readonly index: number; readonly code: string; readonly message: string }[];
  /** An item failed all of it, and a crash came before that was said. */
  fatal: NodeError | undefined;
  /** The items: at once, or after their chunk was read. */
  itemAt(index: number): Json | Promise<Json>;
  /** A chunk is being read, or the end is being written. */
  isBusy: boolean;
  isOver: boolean;
}

export function createBody(made: Pick<Body, 'frame' | 'node' | 'step' | 'details' | 'itemAt'>): Body {
  return {
    ...made,
    states: new Uint8Array(made.details.how.kind === 'map' ? made.details.count : 16),
    next: 0,
    done: 0,
    failed: 0,
    frames: new Map(),
    toContinue: [],
    pauses: new Map(),
    outputs: [],
    outputBytes: 0,
    errors: [],
    fatal: undefined,
    isBusy: false,
    isOver: false,
  };
}

/** Failures that a map's output or error names. */
const MAX_ERRORS = 1_000;

export function noteError(body: Body, index: number, error: { readonly code: string; readonly message: string }): void {
  if (body.errors.length < MAX_ERRORS) body.errors.push({ index, code: error.code, message: error.message });
}

/** Beyond this, results are not held but read back from their rows. */
const MAX_HELD_BYTES = 256 * 1024;

export function keepOutput(body: Body, index: number, output: Json, bytes: number): void {
  if (body.outputs === undefined) return;
  body.outputBytes += bytes;
  if (body.outputBytes > MAX_HELD_BYTES) body.outputs = undefined;
  else body.outputs[index] = output;
}

export function markItem(body: Body, index: number, state: number): void {
  if (index >= body.states.length) {
    const larger = new Uint8Array(body.states.length * 2 + index);
    larger.set(body.states);
    body.states = larger;
  }
  body.states[index] = state;
}

/** What the round before gave. */
export function previousOf(body: Body): Json {
  return body.outputs?.[body.done - 1] ?? null;
}

/** The pause of an item is over. */
export function endPause(body: Body, index: number): void {
  body.pauses.get(index)?.cancel();
  if (body.pauses.delete(index)) body.frame.live.busy -= 1;
}

/** Stops the timers of a body without a word to the store. */
export function releaseBody(body: Body): void {
  body.isOver = true;
  for (const index of [...body.pauses.keys()]) endPause(body, index);
}
