/** The params of a node: evaluated over its frame's scope, judged by its type, and shortened for those who look. */
import type { Json } from '../contract/endpoint.ts';
import { NodeError } from '../nodes/kit.ts';
import type { Core } from './core.ts';
import type { Frame } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { largeScope } from './large.ts';
import { MAX_OUTPUT_BYTES } from './limits.ts';
import { patiently } from './patient.ts';
import { resolve, type Resolved } from './resolve.ts';

/** The node's params over its frame's scope. @throws NodeError */
export function resolveParams(core: Core, frame: Frame, node: CompiledNode): Resolved | Promise<Resolved> {
  const options = {
    evaluator: core.evaluator,
    readSecret: (name: string) => patiently(core, () => core.parts.secrets.read(frame.live.orgId, name)),
  };
  const scope = largeScope(core, frame, node.reads);
  return scope instanceof Promise ? scope.then((whole) => resolve(node.params, whole, options)) : resolve(node.params, scope, options);
}

/** Inputs are shown, not needed to go on: a large one is only counted. */
export function shortened(text: string): string {
  return text.length > MAX_OUTPUT_BYTES ? JSON.stringify({ truncated: true, bytes: Buffer.byteLength(text) }) : text;
}

/** @throws NodeError bad_params */
export function parseParams(node: CompiledNode, value: Json): unknown {
  const parsed = node.type.params.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'params'}: ${issue.message}`).join('; ');
  throw new NodeError('bad_params', `the params of ${node.type.type} are not as it needs them: ${faults}`, { final: true });
}

/** Params without expressions are the same for every step of their node: parsed and written once. */
export interface Fixed extends Resolved {
  readonly text: string;
  readonly params: unknown;
}

const fixed = new WeakMap<CompiledNode, Fixed>();

/** @returns undefined when the params hold expressions  @throws NodeError bad_params */
export function fixedOf(node: CompiledNode): Fixed | undefined {
  if (node.params.kind !== 'constant') return undefined;
  const known = fixed.get(node);
  if (known !== undefined) return known;
  const { value } = node.params;
  const made: Fixed = { live: value, stored: value, made: [], text: shortened(JSON.stringify(value)), params: deepFreeze(parseParams(node, value)) };
  fixed.set(node, made);
  return made;
}

/** What all steps share, none may change. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
