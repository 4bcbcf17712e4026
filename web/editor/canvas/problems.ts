/** Brings nodes with problems into sight, one after the other. */
import type { Canvas } from './canvas-state.ts';
import { readingOrder } from './walk.ts';

/** Selects the next node of the open graph that has a problem, after the selected one. */
export function nextProblem(canvas: Canvas): void {
  const order = readingOrder(canvas.doc.graph.peek(), canvas.places.peek());
  const problems = canvas.problems.peek();
  const from = order.indexOf([...canvas.doc.selection.peek().nodes].at(-1) ?? '');
  const next = [...order.slice(from + 1), ...order.slice(0, from + 1)].find((key) => problems.has(key));
  if (next !== undefined) showNode(canvas, next);
}

/** Selects a node of the open graph, in sight and at a size to read. */
export function showNode(canvas: Canvas, key: string): void {
  canvas.doc.select({ nodes: new Set([key]) });
  canvas.view.current?.reveal([key], { focus: true });
}
