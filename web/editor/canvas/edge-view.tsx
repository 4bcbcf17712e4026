/** An edge on the canvas: its line says what it carries and how (solid triggers, dashed gives context, dotted gives attachments),
 *  its label what it asks; a + at its middle puts a node on it. */
import { getBezierPath } from '@xyflow/react';
import type { EdgeProps } from '@xyflow/react';
import { useComputed } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { GraphEdge } from '../../../src/contract/graph.ts';
import { useCanvas } from './canvas-state.ts';
import { kindColor } from './card-facts.ts';
import { edgeLabel, edgeStyle } from './edge-words.ts';
import type { EdgeId } from '../scope.ts';

export interface EdgeViewProps extends EdgeProps {
  readonly data: { readonly edge: GraphEdge; readonly kind: string };
}

export function EdgeView(props: EdgeViewProps): JSX.Element {
  const canvas = useCanvas();
  const [isPointed, setPointed] = useState(false);
  const isDrop = useComputed(() => canvas.dropEdge.value === props.id).value;
  const [path, x, y] = getBezierPath(props);
  const { edge, kind } = props.data;
  const label = edgeLabel(edge);
  const add = (event: MouseEvent): void => {
    event.stopPropagation();
    canvas.layer.value = { kind: 'add', at: { x: event.clientX, y: event.clientY }, where: { kind: 'edge', edge: props.id as EdgeId } };
  };
  return (
    <g
      class={`link link-${edgeStyle(edge)}${isDrop ? ' link-drop' : ''}`}
      style={{ '--kind': kindColor(kind) }}
      onMouseEnter={() => setPointed(true)}
      onMouseLeave={() => setPointed(false)}
    >
      <path class="react-flow__edge-path link-path" d={path} fill="none" />
      <path class="react-flow__edge-interaction" d={path} fill="none" stroke-opacity="0" stroke-width="18" />
      {label !== undefined && (
        <text class="link-label" x={x} y={y - 12} text-anchor="middle">
          {label}
        </text>
      )}
      {(isPointed || props.selected === true || isDrop) && !canvas.isReadOnly.value && (
        <g class="link-plus" transform={`translate(${x} ${y})`} onClick={add} data-tip="Put a node here" aria-hidden="true">
          <circle r="9" />
          <path d="M-4 0h8M0-4v8" />
        </g>
      )}
    </g>
  );
}
