/** The fast path: plain paths (`steps.fetch.output.items[0].name`) and literals, run in process without JSONata.
 *  Invariant, held by a property test: for every expression that compiles here, the full evaluator gives the same value. Pure. */
import type { Json } from '../contract/endpoint.ts';
import type { Ast } from './expression-ast.ts';

interface Segment {
  readonly name: string;
  /** `[n]` after the name. */
  readonly index: number | undefined;
}

/** A compiled plain expression. @returns undefined where nothing is there */
export type PlainRead = (root: unknown) => unknown;

/** Compiles `ast` when it is plain; undefined when it needs the full evaluator. */
export function compilePlain(ast: Ast): PlainRead | undefined {
  if (ast.type === 'string' || ast.type === 'number' || ast.type === 'value') {
    if ('predicate' in ast || 'group' in ast) return undefined;
    const value = ast.value as Json;
    return () => value;
  }
  const segments = ast.type === 'path' ? segmentsOf(ast) : undefined;
  if (segments === undefined) return undefined;
  return (root) => readSegments(root, segments);
}

/** Only these keys stand on the nodes of a plain path; anything else (group, focus, tuple, …) asks for the full evaluator. */
const PLAIN_KEYS = new Set(['type', 'value', 'position', 'stages']);

function segmentsOf(ast: Ast): readonly Segment[] | undefined {
  if (Object.keys(ast).some((key) => key !== 'type' && key !== 'steps')) return undefined;
  const segments: Segment[] = [];
  for (const step of ast.steps ?? []) {
    if (step.type !== 'name' || typeof step.value !== 'string' || Object.keys(step).some((key) => !PLAIN_KEYS.has(key))) return undefined;
    const [stage, ...more] = step.stages ?? [];
    if (more.length > 0 || (stage !== undefined && (stage.type !== 'filter' || stage.expr?.type !== 'number'))) return undefined;
    segments.push({ name: step.value, index: stage?.expr === undefined ? undefined : Math.floor(Number(stage.expr.value)) });
  }
  return segments;
}

function readSegments(root: unknown, segments: readonly Segment[]): unknown {
  let value = root;
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    // The short way, objects only; the first array hands over to the general way.
    if (segment === undefined || typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) return readSequence(value, segments, i);
    let next: unknown = Object.hasOwn(value, segment.name) ? (value as Record<string, unknown>)[segment.name] : undefined;
    if (segment.index !== undefined) next = pick(next, segment.index);
    if (next === undefined) return undefined;
    value = next;
  }
  return value;
}

/** From the first array on: maps over items, flattens one level a step, and stays an array. */
function readSequence(items: readonly unknown[], segments: readonly Segment[], from: number): unknown {
  let sequence: readonly unknown[] = items;
  for (let i = from; i < segments.length; i++) {
    const segment = segments[i];
    if (segment === undefined) break;
    const next: unknown[] = [];
    for (const item of sequence) {
      let value = lookup(item, segment.name);
      if (segment.index !== undefined) value = pick(value, segment.index);
      if (value === undefined) continue;
      if (Array.isArray(value)) for (const one of value) next.push(one);
      else next.push(value);
    }
    sequence = next;
  }
  return sequence;
}

function lookup(value: unknown, name: string): unknown {
  if (Array.isArray(value)) {
    const found: unknown[] = [];
    for (const item of value) {
      const one = lookup(item, name);
      if (Array.isArray(one)) found.push(...one);
      else if (one !== undefined) found.push(one);
    }
    return found.length === 0 ? undefined : found;
  }
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function pick(value: unknown, index: number): unknown {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return index === 0 || index === -1 ? value : undefined;
  return value.at(index);
}
