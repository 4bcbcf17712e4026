/** Results too large for their row: kept as artifacts, with a reference in their place, and fetched where an expression reads them. */
import type { Json } from '../contract/endpoint.ts';
import { NodeError } from '../nodes/kit.ts';
import type { Core } from './core.ts';
import type { Expression } from './expression.ts';
import { isReference, pathOf, stepName, type Frame, type FrameScope, type LargeReference } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { MAX_LARGE_BYTES } from './limits.ts';
import type { Live } from './live.ts';
import { patiently } from './patient.ts';
import { evaluate } from './resolve.ts';

/** @returns the reference to what is kept. @throws NodeError too_large; AppError disk_full */
export async function storeLarge(core: Core, frame: Frame, node: CompiledNode, text: string): Promise<Json> {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_LARGE_BYTES)
    throw new NodeError(
      'too_large',
      `the output of ${stepName(frame, node)} has ${bytes} bytes, the limit is ${MAX_LARGE_BYTES}; write it with file.write and pass the path on`,
      { final: true },
    );
  const { orgId, id: instanceId } = frame.live;
  const kept = await patiently(core, () => core.parts.large.keep({ orgId, instanceId, path: pathOf(frame, node), text }));
  // Conditions after this step are asked before its row is staged.
  frame.live.hasLarge = true;
  return { $artifact: { ...kept } };
}

/** A reference that came from another instance, as one of this instance; anything else as it is. */
export async function ownReference(core: Core, live: Live, path: string, value: Json): Promise<Json> {
  if (!isReference(value)) return value;
  const { sha256, bytes } = (value as unknown as LargeReference).$artifact;
  const shared = await patiently(core, () => core.parts.large.share({ orgId: live.orgId, instanceId: live.id, path, sha256, bytes }));
  live.hasLarge = true;
  return { $artifact: { ...shared } };
}

/** The scope with those of `keys` (null: all) fetched that are references. At once when there are none. */
export function largeScope(core: Core, frame: Frame, keys: ReadonlySet<string> | null): FrameScope | Promise<FrameScope> {
  if (!frame.live.hasLarge) return frame.scope;
  const { steps } = frame.scope;
  const names = (keys === null ? Object.keys(steps) : [...keys]).filter((key) => isReference(steps[key]?.output ?? null));
  return names.length === 0 ? frame.scope : fetchAll(core, frame, names);
}

async function fetchAll(core: Core, frame: Frame, names: readonly string[]): Promise<FrameScope> {
  const steps: FrameScope['steps'] = Object.assign(Object.create(null) as FrameScope['steps'], frame.scope.steps);
  for (const name of names) {
    const step = frame.scope.steps[name];
    if (step === undefined) continue;
    const { $artifact } = step.output as unknown as LargeReference;
    // Serial: they are large.
    steps[name] = { ...step, output: await fetchOne(core, frame.live.orgId, $artifact) };
  }
  return { ...frame.scope, steps };
}

/** The value of an expression in a frame. @throws NodeError */
export function evaluateIn(core: Core, frame: Frame, expression: Expression): Json | Promise<Json> {
  const scope = largeScope(core, frame, expression.reads.steps);
  return scope instanceof Promise ? scope.then((whole) => evaluate(expression, whole, core.evaluator)) : evaluate(expression, scope, core.evaluator);
}

/** Kept for the next reader: the steps after a large one tend to read it all. */
const CACHE_BYTES = 64 * 1024 * 1024;

async function fetchOne(core: Core, orgId: string, artifact: LargeReference['$artifact']): Promise<Json> {
  const key = `${orgId} ${artifact.sha256}`;
  const known = core.largeCache.get(key);
  if (known !== undefined) return known.value;
  const value = JSON.parse(await patiently(core, () => core.parts.large.read({ orgId, sha256: artifact.sha256, bytes: artifact.bytes }))) as Json;
  let held = artifact.bytes;
  for (const one of core.largeCache.values()) held += one.bytes;
  for (const [oldest, one] of core.largeCache) {
    if (held <= CACHE_BYTES) break;
    core.largeCache.delete(oldest);
    held -= one.bytes;
  }
  if (artifact.bytes <= CACHE_BYTES) core.largeCache.set(key, { value, bytes: artifact.bytes });
  return value;
}
