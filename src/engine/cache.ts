/** The policies `cache` and `idempotencyKey` of a node: what a result was made from, whether there is one already, keeping it for the next.
 *  One thing to know: secrets count by name, so a result made with an old value of one is still good. */
import { createHash } from 'node:crypto';
import type { Json } from '../contract/endpoint.ts';
import { messageOf } from '../kernel/fail.ts';
import { NodeError } from '../nodes/kit.ts';
import type { Core } from './core.ts';
import { jsonText } from './expression-text.ts';
import { isReference, pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { largeScope } from './large.ts';
import { patiently } from './patient.ts';
import { resolve, type Resolved } from './resolve.ts';
import { durable, type StepChange } from './stage.ts';
import type { Template } from './template.ts';

/** Longer keys are a mistake: they are kept with receivers. */
const MAX_KEY_CHARS = 255;

/** The node's own idempotency key; undefined when it has none. @throws NodeError bad_key */
export async function idempotencyKeyOf(core: Core, frame: Frame, node: CompiledNode): Promise<string | undefined> {
  if (node.idempotencyKey === undefined) return undefined;
  const key = jsonText(await valueOf(core, frame, node.idempotencyKey));
  if (key.length > 0 && key.length <= MAX_KEY_CHARS) return key;
  const what = key.length === 0 ? 'is empty' : `has ${key.length} characters, the limit is ${MAX_KEY_CHARS}`;
  throw new NodeError('bad_key', `the idempotencyKey of ${pathOf(frame, node)} ${what}; name what makes the request the same`, { final: true });
}

/** Under what the step's result is kept: the hash of its type and params, or of the key that the policy names. */
export async function cacheKeyOf(core: Core, frame: Frame, node: CompiledNode, resolved: Resolved): Promise<Buffer> {
  const made = node.cacheKey === undefined ? { params: sorted(resolved.stored) } : { key: await valueOf(core, frame, node.cacheKey) };
  return createHash('sha256')
    .update(JSON.stringify([node.type.type, node.type.version, made]))
    .digest();
}

async function valueOf(core: Core, frame: Frame, template: Template): Promise<Json> {
  const scope = await largeScope(core, frame, null);
  const resolved = await resolve(template, scope, {
    evaluator: core.evaluator,
    readSecret: () => Promise.reject(new NodeError('secret_use', 'a key can not hold secrets', { final: true })),
  });
  return resolved.live;
}

/** The same object whatever the order of its keys. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, sorted(child)]),
  );
}

/** A result made from the same before, as the end of this step; undefined when there is none. Notes the key for `remember`. */
export async function fromCache(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, resolved: Resolved): Promise<StepChange | undefined> {
  if (node.node.cache === undefined) return undefined;
  step.cacheKey = await cacheKeyOf(core, frame, node, resolved);
  const key = step.cacheKey;
  const { orgId } = frame.live;
  const found = await patiently(core, () => core.store.readCached({ orgId, key, nowMs: core.clock.now() }));
  if (found === undefined) return undefined;
  // What is used again is not made anew: it keeps its age.
  step.cacheKey = undefined;
  const now = core.clock.now();
  return {
    status: 'cached',
    attempt: step.attempt + 1,
    startedAt: now,
    endedAt: now,
    output: found.output,
    hasOutput: true,
    port: found.port,
    error: null,
    wait: null,
    reason: `the result of ${found.path} in ${found.instanceId}, made at ${found.at.toISOString()}`,
  };
}

/** Keeps the result of a step for the next that is made from the same. Once it is durable, and only if it lies in its row. */
export function remember(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, change: StepChange): void {
  const { cacheKey: key } = step;
  const policy = node.node.cache;
  step.cacheKey = undefined;
  if (key === undefined || policy === undefined || change.status !== 'completed' || change.output === undefined || isReference(change.output)) return;
  const { orgId, id: instanceId } = frame.live;
  const nowMs = core.clock.now();
  const cached = { orgId, key, output: JSON.stringify(change.output), port: change.port ?? null, instanceId, path: pathOf(frame, node), nowMs };
  durable(core, frame.live)
    .then(() => core.store.writeCached({ ...cached, expiresAtMs: nowMs + policy.ttlS * 1_000 }))
    .catch((error: unknown) => core.log.debug({ instanceId, cause: messageOf(error) }, 'a result could not be kept for the next'));
}
