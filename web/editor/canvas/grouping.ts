/** Puts selected nodes into a map or loop, and takes them out again; says why where it can't be done. */
import { groupIntoBody, ungroup, whyNotGroup } from '../operations/bodies.ts';
import { newKey } from '../operations/keys.ts';
import type { Canvas } from './canvas-state.ts';

export function groupSelected(canvas: Canvas, kind: 'map' | 'loop'): void {
  const keys = canvas.doc.selection.peek().nodes;
  const taken = canvas.doc.keys.peek();
  const why = whyNotGroup(canvas.doc.graph.peek(), keys);
  if (why !== undefined) {
    canvas.notice.value = why;
    return;
  }
  const key = newKey(taken, kind);
  canvas.change(`Group into a ${kind}`, (graph) => groupIntoBody(graph, { keys, kind, taken }), {
    select: { nodes: new Set([key]), edges: new Set(), comments: new Set() },
  });
  canvas.view.current?.reveal([key], { focus: true });
}

export function ungroupSelected(canvas: Canvas): void {
  const [key] = canvas.doc.selection.peek().nodes;
  if (key === undefined) return;
  const before = new Set(canvas.doc.graph.peek().nodes.map((node) => node.key));
  canvas.change(`Ungroup ${key}`, (graph) => ungroup(graph, key));
  const inside = canvas.doc.graph
    .peek()
    .nodes.map((node) => node.key)
    .filter((each) => !before.has(each));
  if (inside.length === 0) canvas.notice.value = `There is nothing inside ${key} to take out.`;
  else canvas.doc.select({ nodes: new Set(inside) });
}
