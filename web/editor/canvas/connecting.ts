/** Edges drawn with the pointer: where they may go, why not, and what happens on empty canvas. Ends of React Flow in, ends of definitions out. */
import type { Connection, FinalConnectionState } from '@xyflow/react';
import { whyNotConnect } from '../operations/edges.ts';
import type { EdgeId } from '../scope.ts';
import { join, rejoin } from './actions.ts';
import type { Canvas } from './canvas-state.ts';
import { commentOfFlowId } from './flow-model.ts';
import type { FlowEdge } from './flow-model.ts';

/** The handlers of React Flow for it. Made once: handlers that change redraw every card. */
export function connecting(canvas: Canvas) {
  const ends = (connection: { source: string; sourceHandle?: string | null; target: string; targetHandle?: string | null }) => ({
    from: connection.sourceHandle === null || connection.sourceHandle === undefined ? connection.source : `${connection.source}.${connection.sourceHandle}`,
    to: connection.target,
  });
  return {
    isValidConnection: (connection: Connection | FlowEdge) => whyNotConnect(canvas.doc.graph.peek(), ends(connection), canvas.types) === undefined,
    onConnect: (connection: Connection) => void join(canvas, ends(connection)),
    onReconnect: (edge: FlowEdge, connection: Connection) => rejoin(canvas, edge.id as EdgeId, ends(connection)),
    onConnectEnd: (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
      if (state.isValid === true || state.fromHandle === null || !('clientX' in event)) return;
      const isSource = state.fromHandle.type === 'source';
      const key = state.fromHandle.nodeId;
      const end = isSource && state.fromHandle.id !== null && state.fromHandle.id !== undefined ? `${key}.${state.fromHandle.id}` : key;
      const at = { x: event.clientX, y: event.clientY };
      const over = document.elementFromPoint(at.x, at.y)?.closest('.react-flow__node')?.getAttribute('data-id');
      if (over === null || over === undefined) {
        const position = canvas.view.current?.toCanvas(at) ?? { x: 0, y: 0 };
        // The new card's port comes to where the line was let go.
        const shifted = { x: position.x - (isSource ? 0 : 216), y: position.y - 38 };
        canvas.layer.value = { kind: 'add', at, where: { kind: 'at', position: shifted, join: { end, side: isSource ? 'from' : 'to' } } };
        return;
      }
      if (over === key || commentOfFlowId(over) !== undefined) return;
      join(canvas, isSource ? { from: end, to: over } : { from: over, to: end });
    },
  };
}
