/** Steps that take their process down: found by what was in flight when it died, tried again later and alone, and given up at the third time.
 *  A kill from outside looks the same from here, so the guilty and the unlucky are told apart by patience: after the second crash a step waits
 *  half a minute of quiet, which a storm of kills does not leave it. Its neighbours go on meanwhile.
 *  One thing to know: everything here is about inline steps; a job's process is another one, and its crashes are the job's (jobs). */
import { messageOf } from '../kernel/fail.ts';
import { countCrashes, forgetCrashes, listSuspects } from '../store/step-crashes.ts';
import { failure, type Core } from './core.ts';
import { walled } from './fault.ts';
import { finish } from './finish.ts';
import { changeStep, pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';

/** So many crashes, and it is not tried again by itself. */
const MAX_CRASHES = 3;
/** How long a suspect waits from the start of this process, by its crashes so far: ms. */
const QUIET_MS: readonly number[] = [0, 1_000, 30_000];

/** For so long after such a death steps that end at once are noted, too: they cost a write each. */
const CAREFUL_MS = 10 * 60_000;

export interface Suspect {
  readonly crashes: number;
  readonly lastAt: Date;
}

export interface Suspects {
  readonly known: Map<string, Suspect>;
  /** The one that runs; suspects run one at a time, so that the next crash tells. */
  alone: string | undefined;
  readonly waiting: (() => void)[];
}

function keyOf(step: { readonly instanceId: string; readonly path: string; readonly generation: number }): string {
  return `${step.instanceId} ${step.path} ${step.generation}`;
}

/** Counts what the processes before this one had in flight, and learns whom to watch. */
export async function learnSuspects(core: Core): Promise<void> {
  const recorder = core.parts.flightRecorder;
  const sql = core.parts.database.engine;
  if (recorder === undefined) return;
  const left = recorder.found();
  if (left.length > 0) core.carefulUntil = core.clock.monotonic() + CAREFUL_MS;
  for (const { file, attempts } of left) {
    if (attempts.length > 0) await countCrashes(sql, attempts);
    recorder.forget(file);
  }
  for (const suspect of await listSuspects(sql)) core.suspects.known.set(keyOf(suspect), suspect);
  if (core.suspects.known.size > 0) core.log.warn({ steps: core.suspects.known.size }, 'steps were in flight when a process died; they are watched');
}

/** Whether the step may not start now: it was in flight at a crash, and waits, or has been given up. */
export function holdSuspect(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): boolean {
  if (core.suspects.known.size === 0 || node.type.runs !== 'inline') return false;
  const key = keyOf({ instanceId: frame.live.id, path: pathOf(frame, node), generation: step.generation });
  const suspect = core.suspects.known.get(key);
  if (suspect === undefined || core.suspects.alone === key) return false;
  if (suspect.crashes >= MAX_CRASHES) quarantine(core, frame, node, step, suspect);
  else waitForQuiet(core, frame, node, step, key, QUIET_MS[suspect.crashes] ?? 0);
  return true;
}

function quarantine(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, suspect: Suspect): void {
  const path = pathOf(frame, node);
  core.log.error(
    { instanceId: frame.live.id, path, crashes: suspect.crashes },
    'a step was in flight at every one of these crashes of Studio; it is not tried again',
  );
  const error = failure(
    'quarantined',
    `Studio died ${suspect.crashes} times while ${path} was running, last at ${suspect.lastAt.toISOString()}; the step is not tried again by itself`,
    {
      remedy: 'Look at what it does (its params, what it calls), mend it, and retry the step: that opens a new generation with a clean record.',
      details: { crashes: suspect.crashes, lastAt: suspect.lastAt.toISOString() },
    },
  );
  finish(core, frame, node, step, { status: 'failed', attempt: step.attempt + 1, error, wait: null, endedAt: core.clock.now() }, false);
}

/** In memory only: a crash meanwhile begins the wait anew. */
function waitForQuiet(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, key: string, quietMs: number): void {
  const leftMs = core.startedAt + quietMs - core.clock.monotonic();
  const reason = `was in flight when Studio died; tried again alone in ${Math.ceil(Math.max(0, leftMs) / 1_000)} s`;
  changeStep(frame.live, step, { reason });
  const start = (): void => {
    if (frame.live.isGone || frame.isGone || frame.steps[node.index] !== step || step.status !== 'pending') return next(core);
    core.suspects.alone = key;
    changeStep(frame.live, step, { reason: null });
    core.ready.push({ frame, node });
    core.pump();
  };
  const enter = (): void => {
    if (core.suspects.alone === undefined) walled(core, frame.live, start);
    else core.suspects.waiting.push(() => walled(core, frame.live, start));
  };
  if (leftMs <= 0) return enter();
  frame.timers.get(node.index)?.();
  frame.timers.set(
    node.index,
    core.clock.after(leftMs, () => {
      frame.timers.delete(node.index);
      enter();
    }),
  );
}

/** The attempt of a step is over, whatever came of it: it did not take its process down. */
export function clearSuspect(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): void {
  if (core.suspects.known.size === 0) return;
  const found = { instanceId: frame.live.id, path: pathOf(frame, node), generation: step.generation };
  const key = keyOf(found);
  if (core.suspects.alone === key) {
    core.suspects.alone = undefined;
    setImmediate(() => next(core));
  }
  if (!core.suspects.known.delete(key)) return;
  forgetCrashes(core.parts.database.engine, found).catch((error: unknown) =>
    core.log.debug({ ...found, cause: messageOf(error) }, 'the crashes of a step could not be forgotten'),
  );
}

function next(core: Core): void {
  if (core.suspects.alone === undefined && core.state !== 'stopped') core.suspects.waiting.shift()?.();
}

/** Notes that an attempt begins. @returns what to call when it is over, whatever came of it */
export function noteFlight(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): () => void {
  const { flightRecorder } = core.parts;
  const { id: instanceId, orgId } = frame.live;
  const slot = flightRecorder?.note({ instanceId, orgId, path: pathOf(frame, node), generation: step.generation });
  return () => {
    if (slot !== undefined) flightRecorder?.clear(slot);
    clearSuspect(core, frame, node, step);
  };
}
