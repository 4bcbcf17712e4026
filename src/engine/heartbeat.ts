/** What an attempt says of itself while it runs: how far it is, for a person and for the attempt after it. Durable within a second. */
import type { Json } from '../contract/endpoint.ts';
import { NodeError } from '../nodes/kit.ts';
import type { Trial } from './attempt.ts';
import type { Core } from './core.ts';
import { changeStep, isCurrent, pathOf, type Frame, type LiveStep, type Running } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { flush, stageStep } from './stage.ts';

/** The column `details` of an attempt. */
interface Details {
  readonly heartbeat?: Json;
  readonly progress?: { readonly fraction: number; readonly message?: string };
}

/** More is a result, not a note. */
const MAX_DETAILS_BYTES = 16 * 1024;
const FLUSH_MS = 1_000;

/** The last heartbeat of the attempts before. */
export function attemptDetails(step: LiveStep): Json | undefined {
  return parse(step.details).heartbeat;
}

/** Notes what the attempt says; written at most once a second. @throws NodeError details_too_large */
export function beat(
  core: Core,
  frame: Frame,
  node: CompiledNode,
  run: Running,
  said: Details,
  trial: Pick<Trial, 'attempt' | 'startedAt' | 'inputText'>,
): void {
  const step = frame.steps[node.index];
  if (step === undefined || !isCurrent(frame, node, run)) return;
  const details = JSON.stringify({ ...parse(step.details), ...said });
  if (details.length > MAX_DETAILS_BYTES)
    throw new NodeError(
      'details_too_large',
      `the heartbeat of ${pathOf(frame, node)} has ${details.length} characters of JSON, the limit is ${MAX_DETAILS_BYTES}; keep a position in it, not data`,
      { final: true },
    );
  changeStep(frame.live, step, { details });
  if (pending.has(run)) return;
  pending.add(run);
  core.clock.after(FLUSH_MS, () => {
    pending.delete(run);
    if (!isCurrent(frame, node, run)) return;
    const { attempt, startedAt, inputText } = trial;
    stageStep(core, frame, node, step, { status: 'running', attempt, startedAt, input: inputText, wait: null }, 'engine:step:progress');
    flush(core, frame.live);
  });
}

/** Attempts whose last word is not written yet. */
const pending = new WeakSet<Running>();

function parse(text: string | null): Details {
  return text === null ? {} : (JSON.parse(text) as Details);
}
