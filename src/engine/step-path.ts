/** Paths of steps: `key`, inside bodies `map[3]/encode`. Finds what they name among the frames under way. Pure. */
import type { Frame, Ready } from './frame.ts';
import type { CompiledGraph, CompiledNode } from './graph.ts';
import type { Live } from './live.ts';

export interface PathPart {
  readonly key: string;
  /** The item, where the part names one. */
  readonly index: number | undefined;
}

/** @returns undefined when it is no path */
export function parsePath(path: string): readonly PathPart[] | undefined {
  const parts = path.split('/').map((part) => /^([a-z][a-z0-9_]{0,63})(?:\[(\d{1,9})\])?$/.exec(part));
  if (parts.some((part) => part === null)) return undefined;
  return parts.map((part) => ({ key: part?.[1] ?? '', index: part?.[2] === undefined ? undefined : Number(part[2]) }));
}

/** The node that a path names, and the graph it stands in; of an item, the node of its body. */
export function nodeAt(graph: CompiledGraph, parts: readonly PathPart[]): CompiledNode | undefined {
  let at: CompiledGraph | undefined = graph;
  let node: CompiledNode | undefined;
  for (const [place, part] of parts.entries()) {
    node = at?.byKey.get(part.key);
    if (node === undefined || (place < parts.length - 1 && part.index === undefined)) return undefined;
    if (part.index !== undefined && node.body === undefined) return undefined;
    at = node.body?.graph;
  }
  return node;
}

/** The step's node and frame, when its frame is under way. Items themselves are no steps of a node. */
export function findStep(live: Live, path: string): Ready | undefined {
  const parts = parsePath(path);
  if (parts === undefined) return undefined;
  let frame: Frame | undefined = live.top;
  for (const [place, part] of parts.entries()) {
    const node: CompiledNode | undefined = frame?.graph.byKey.get(part.key);
    if (frame === undefined || node === undefined) return undefined;
    if (place === parts.length - 1) return part.index === undefined ? { frame, node } : undefined;
    frame = part.index === undefined ? undefined : frame.bodies.get(node.index)?.frames.get(part.index);
  }
  return undefined;
}
