/** The selection after React Flow's news of it. Pure. Edges are chosen by clicks alone: drawing a frame chooses what can be moved. */
import type { NodeChange } from '@xyflow/react';
import type { Selection } from '../document.ts';
import { commentOfFlowId } from './flow-model.ts';
import type { FlowNode } from './flow-model.ts';

/** @returns undefined when nothing of it changed */
export function nextSelection(before: Selection, changes: readonly NodeChange<FlowNode>[]): Selection | undefined {
  const news = changes.filter((change) => change.type === 'select');
  if (news.length === 0) return undefined;
  const nodes = new Set(before.nodes);
  const comments = new Set(before.comments);
  for (const { id, selected } of news) {
    const comment = commentOfFlowId(id);
    const set = comment === undefined ? nodes : comments;
    if (selected) set.add(comment ?? id);
    else set.delete(comment ?? id);
  }
  // Choosing a node by itself lets go of edges; adding to what is chosen does not.
  const isAlone = news.some((change) => change.selected) && nodes.size + comments.size === 1;
  const edges = isAlone ? new Set<never>() : before.edges;
  return { nodes, comments, edges };
}
