/** Steps that were in flight when a process died: noted while they run, counted by the next process, forgotten when they end. */
import { messageOf } from '../kernel/fail.ts';
import { countCrashes, forgetCrashes, listSuspects } from '../store/step-crashes.ts';
import type { Core } from './core.ts';
import type { InFlight } from './flight-recorder.ts';
import { pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';

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

/** What a step is known by here. */
export function keyOf(step: { readonly instanceId: string; readonly path: string; readonly generation: number }): string {
  return `${step.instanceId} ${step.path} ${step.generation}`;
}

/** Counts what the processes before this one had in flight, and learns whom to watch. */
export async function learnSuspects(core: Core): Promise<void> {
  const recorder = core.parts.flightRecorder;
  const sql = core.parts.database.engine;
  if (recorder === undefined) return;
  const left = await recorder.found();
  if (left.length > 0) core.carefulUntil = core.clock.monotonic() + CAREFUL_MS;
  for (const { file, attempts } of left) {
    await clearUnlucky(core, attempts);
    if (attempts.length > 0) await countCrashes(sql, attempts);
    await recorder.forget(file);
  }
  for (const suspect of await listSuspects(sql)) core.suspects.known.set(keyOf(suspect), suspect);
  if (core.suspects.known.size > 0) core.log.warn({ steps: core.suspects.known.size }, 'steps were in flight when a process died; they are watched');
}

/** The attempt of a step is over, whatever came of it: it did not take its process down. */
export function clearSuspect(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): void {
  if (core.suspects.known.size === 0) return;
  const found = { instanceId: frame.live.id, path: pathOf(frame, node), generation: step.generation };
  const key = keyOf(found);
  if (core.suspects.alone === key) {
    core.suspects.alone = undefined;
    setImmediate(() => nextSuspect(core));
  }
  if (!core.suspects.known.delete(key)) return;
  forgetCrashes(core.parts.database.engine, found).catch((error: unknown) =>
    core.log.debug({ ...found, cause: messageOf(error) }, 'the crashes of a step could not be forgotten'),
  );
}

/** Lets the next suspect run, alone. */
export function nextSuspect(core: Core): void {
  if (core.suspects.alone === undefined && core.state !== 'stopped') core.suspects.waiting.shift()?.();
}

/** A process died while suspects waited: unless another suspect was in flight, that death had another cause, and speaks for them. */
async function clearUnlucky(core: Core, attempts: readonly InFlight[]): Promise<void> {
  const sql = core.parts.database.engine;
  const suspects = await listSuspects(sql);
  const inFlight = new Set(attempts.map(keyOf));
  if (suspects.some((suspect) => inFlight.has(keyOf(suspect)))) return;
  for (const suspect of suspects) await forgetCrashes(sql, suspect);
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
