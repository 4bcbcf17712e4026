/** The canvas of the open graph: React Flow with controlled nodes and edges over the document. Wires its events to actions; decides nothing itself.
 *  One thing to know: cards and edges are redrawn one by one (flow-model.ts keeps what did not change), and what follows the view follows it alone. */
import { ReactFlow, ReactFlowProvider, SelectionMode, useReactFlow, useStoreApi } from '@xyflow/react';
import type { EdgeTypes, NodeTypes, Viewport } from '@xyflow/react';
import { useSignalEffect } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { useCommands } from '../../shell/commands.ts';
import { formatCount } from '../../ui/format.ts';
import type { EdgeId } from '../scope.ts';
import { addAt, openBody } from './actions.ts';
import { Dots, Guides, OverviewEdges } from './backdrop.tsx';
import { CanvasList } from './canvas-list.tsx';
import { CanvasProvider, useCanvas } from './canvas-state.ts';
import type { Canvas, Point } from './canvas-state.ts';
import { Breadcrumbs, CanvasTools, EmptyGraph, Notice } from './canvas-tools.tsx';
import { FAR_ZOOM, MAX_ZOOM, MIN_ZOOM, OVERVIEW_ZOOM, createView } from './canvas-view.ts';
import { CardView, DotView } from './card-view.tsx';
import { useClipboard } from './clipboard.ts';
import { canvasCommands } from './commands.ts';
import { CommentView } from './comment-view.tsx';
import { connecting } from './connecting.ts';
import { createDragging, dropEdgeFor, edgeUnder } from './dragging.ts';
import { EdgeView } from './edge-view.tsx';
import { commentOfFlowId } from './flow-model.ts';
import type { FlowEdge, FlowNode } from './flow-model.ts';
import { Layers } from './layers.tsx';
import { Minimap } from './minimap.tsx';
import { DRAG_TYPE } from './palette.tsx';
import { GRID } from './places.ts';
import { startOf } from './start-view.ts';
import { nextSelection } from './selecting.ts';

const nodeTypes = { card: CardView, dot: DotView, comment: CommentView } as unknown as NodeTypes;
const edgeTypes = { link: EdgeView } as unknown as EdgeTypes;
const SNAP: [number, number] = [GRID, GRID];
const MULTI_KEYS = ['Shift', 'Meta', 'Control'];
// The middle button; space and two fingers do as well. The left button draws a selection, the right one opens a menu.
const PAN_BUTTONS = [1];

/** The canvas, its layers and its commands. */
export function CanvasPane(props: { readonly canvas: Canvas }): JSX.Element {
  const { canvas } = props;
  const pane = useRef<HTMLDivElement>(null);
  const hasFocus = (): boolean => {
    const at = document.activeElement;
    return at === null || at === document.body || at.id === 'main' || pane.current?.contains(at) === true;
  };
  useCommands(canvasCommands(canvas, hasFocus));
  useClipboard(canvas, hasFocus);
  const { nodes, edges } = canvas.doc.graph.value;
  const isList = canvas.showsList.value;
  return (
    <CanvasProvider value={canvas}>
      <div
        ref={pane}
        class="canvas-pane"
        role="group"
        tabIndex={isList ? -1 : 0}
        aria-label={`Canvas: ${formatCount(nodes.length, 'node')}, ${formatCount(edges.length, 'edge')}. Arrow keys walk along edges, slash adds a node, L shows a list, question mark all keys.`}
      >
        {isList ? (
          <CanvasList />
        ) : (
          <ReactFlowProvider>
            <Frame />
          </ReactFlowProvider>
        )}
        <Breadcrumbs />
        <EmptyGraph />
        <Notice />
        <Layers />
      </div>
    </CanvasProvider>
  );
}

/** The frame: what is looked at first depends on its size, so nothing is drawn before that is known. */
function Frame(): JSX.Element {
  const canvas = useCanvas();
  const frame = useRef<HTMLDivElement>(null);
  const pointer = useRef<Point>();
  const [start, setStart] = useState<Viewport>();
  useLayoutEffect(() => {
    const element = frame.current;
    if (element !== null) setStart(startOf(canvas.places.peek(), { width: element.clientWidth, height: element.clientHeight }));
  }, [canvas]);
  const handlers = useMemo(() => frameHandlers(canvas, pointer), [canvas]);
  return (
    <div ref={frame} class="canvas" {...handlers}>
      {start !== undefined && <Flow start={start} frame={frame} pointer={pointer} />}
    </div>
  );
}

interface FlowProps {
  readonly start: Viewport;
  readonly frame: { readonly current: HTMLDivElement | null };
  readonly pointer: { readonly current: Point | undefined };
}

function Flow(props: FlowProps): JSX.Element {
  const canvas = useCanvas();
  useView(canvas, props.frame, props.pointer);
  const handlers = useHandlers(canvas, props.frame);
  const off = canvas.isReadOnly.value;
  return (
    <>
      <Dots />
      <ReactFlow<FlowNode, FlowEdge>
        nodes={canvas.nodes.value as FlowNode[]}
        edges={canvas.edges.value as FlowEdge[]}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        defaultViewport={props.start}
        minZoom={MIN_ZOOM}
        maxZoom={MAX_ZOOM}
        onlyRenderVisibleElements
        disableKeyboardA11y
        edgesFocusable={false}
        nodesDraggable={!off}
        nodesConnectable={!off}
        selectionOnDrag
        selectionMode={SelectionMode.Partial}
        nodeDragThreshold={3}
        panOnDrag={PAN_BUTTONS}
        panOnScroll
        zoomOnDoubleClick={false}
        snapToGrid
        snapGrid={SNAP}
        connectionRadius={28}
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={MULTI_KEYS}
        proOptions={PRO}
        {...handlers}
      >
        <OverviewEdges />
        <Guides />
      </ReactFlow>
      {!canvas.isNarrow.value && <Minimap />}
      <CanvasTools />
    </>
  );
}

// The attribution stands in About with all others.
const PRO = { hideAttribution: true } as const;

/** Gives the canvas its view, and follows the zoom. */
function useView(canvas: Canvas, frame: { readonly current: HTMLDivElement | null }, pointer: { readonly current: Point | undefined }): void {
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const lastScope = useRef(canvas.doc.scope.peek());
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    canvas.view.current = createView(canvas, flow, element, pointer);
    const follow = (): void => {
      const zoom = store.getState().transform[2];
      canvas.isOverview.value = Math.min(zoom, canvas.headedFor.zoom) < OVERVIEW_ZOOM;
      element.classList.toggle('canvas-far', zoom < FAR_ZOOM);
    };
    // React Flow hears of a held key a frame later than of the click that it is held for.
    const hold = (event: PointerEvent): void => store.setState({ multiSelectionActive: event.shiftKey || event.ctrlKey || event.metaKey });
    element.addEventListener('pointerdown', hold, { capture: true });
    follow();
    const stop = store.subscribe(follow);
    return () => {
      element.removeEventListener('pointerdown', hold, { capture: true });
      stop();
      canvas.view.current = undefined;
    };
  }, [canvas]);
  useSignalEffect(() => {
    // Another graph is open: it begins at its beginning.
    const scope = canvas.doc.scope.value;
    if (scope !== lastScope.current)
      void flow.setViewport(startOf(canvas.places.peek(), { width: frame.current?.clientWidth ?? 0, height: frame.current?.clientHeight ?? 0 }));
    lastScope.current = scope;
  });
}

/** What the pointer does. Made once: handlers that change redraw every card. */
function useHandlers(canvas: Canvas, frame: { readonly current: HTMLDivElement | null }) {
  const store = useStoreApi<FlowNode, FlowEdge>();
  return useMemo(() => {
    const dragging = createDragging(canvas);
    const inSight = () => {
      const { transform, width, height } = store.getState();
      const [x, y, zoom] = transform;
      return { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
    };
    return {
      // Only while the view moves: a layer of its own is not drawn anew at each size, and words would stay blurred.
      onMoveStart: () => frame.current?.classList.add('canvas-moving'),
      onMoveEnd: () => frame.current?.classList.remove('canvas-moving'),
      onNodesChange: (changes: Parameters<typeof dragging.moved>[0]) => {
        if (changes.some((change) => change.type === 'position')) dragging.moved(changes, inSight());
        const selected = nextSelection(canvas.doc.selection.peek(), changes);
        if (selected !== undefined) canvas.doc.select(selected);
      },
      onNodeDragStart: () => dragging.start(),
      onNodeDrag: (event: MouseEvent | TouchEvent, node: FlowNode, nodes: readonly FlowNode[]) => {
        canvas.dropEdge.value = nodes.length === 1 && 'clientX' in event ? dropEdgeFor(canvas, node.id, { x: event.clientX, y: event.clientY }) : undefined;
      },
      onNodeDragStop: () => dragging.stop(),
      onNodeClick: (event: MouseEvent, node: FlowNode) => {
        const { nodes, comments } = canvas.doc.selection.peek();
        // Pressing on one of several keeps them, to be dragged together; a click chooses the one.
        if (nodes.size + comments.size < 2 || event.shiftKey || event.ctrlKey || event.metaKey) return;
        const comment = commentOfFlowId(node.id);
        canvas.doc.select(comment === undefined ? { nodes: new Set([node.id]) } : { comments: new Set([comment]) });
      },
      onPaneClick: () => canvas.doc.select({}),
      onEdgeClick: (event: MouseEvent, edge: FlowEdge) => {
        const id = edge.id as EdgeId;
        canvas.doc.select({ edges: new Set([id]) }, { add: event.shiftKey || event.ctrlKey || event.metaKey });
      },
      onNodeDoubleClick: (_event: MouseEvent, node: FlowNode) => {
        if (node.type === 'comment') return;
        if (canvas.facts.peek().get(node.id)?.hasBody === true) openBody(canvas, node.id);
        else canvas.openForm();
      },
      ...connecting(canvas),
      ...menus(canvas),
    };
  }, [canvas]);
}

function menus(canvas: Canvas) {
  const open = (event: MouseEvent, of: 'nodes' | 'edge' | 'comment' | 'canvas'): void => {
    event.preventDefault();
    canvas.layer.value = { kind: 'menu', of, at: { x: event.clientX, y: event.clientY } };
  };
  return {
    onNodeContextMenu: (event: MouseEvent, node: FlowNode) => {
      const { nodes, comments } = canvas.doc.selection.peek();
      const comment = commentOfFlowId(node.id);
      if (comment === undefined && !nodes.has(node.id)) canvas.doc.select({ nodes: new Set([node.id]) });
      if (comment !== undefined && !comments.has(comment)) canvas.doc.select({ comments: new Set([comment]) });
      open(event, comment === undefined ? 'nodes' : 'comment');
    },
    onEdgeContextMenu: (event: MouseEvent, edge: FlowEdge) => {
      canvas.doc.select({ edges: new Set([edge.id as EdgeId]) });
      open(event, 'edge');
    },
    onPaneContextMenu: (event: MouseEvent) => open(event, 'canvas'),
  };
}

/** What the frame around React Flow hears: where the pointer is, a double click on nothing, types dropped from the palette. */
function frameHandlers(canvas: Canvas, pointer: { current: Point | undefined }) {
  const isType = (event: DragEvent): boolean => event.dataTransfer?.types.includes(DRAG_TYPE) === true;
  return {
    onPointerMove: (event: PointerEvent) => void (pointer.current = { x: event.clientX, y: event.clientY }),
    onPointerLeave: () => void (pointer.current = undefined),
    onDblClick: (event: MouseEvent) => {
      if (canvas.isReadOnly.peek() || !(event.target instanceof Element) || !event.target.classList.contains('react-flow__pane')) return;
      const at = { x: event.clientX, y: event.clientY };
      canvas.layer.value = { kind: 'add', at, where: { kind: 'at', position: canvas.view.current?.toCanvas(at) ?? { x: 0, y: 0 } } };
    },
    onDragOver: (event: DragEvent) => {
      if (!isType(event) || canvas.isReadOnly.peek()) return;
      event.preventDefault();
      canvas.dropEdge.value = edgeUnder({ x: event.clientX, y: event.clientY });
    },
    onDragLeave: () => void (canvas.dropEdge.value = undefined),
    onDrop: (event: DragEvent) => {
      const type = canvas.types.get(event.dataTransfer?.getData(DRAG_TYPE) ?? '');
      const edge = canvas.dropEdge.peek();
      canvas.dropEdge.value = undefined;
      if (type === undefined || canvas.isReadOnly.peek()) return;
      event.preventDefault();
      const { x, y } = canvas.view.current?.toCanvas({ x: event.clientX, y: event.clientY }) ?? { x: 0, y: 0 };
      const position = { x: x - 108, y: y - 20 };
      const key = addAt(canvas, type, edge === undefined ? { kind: 'at', position } : { kind: 'edge', edge, position });
      canvas.view.current?.reveal([key], { focus: true });
    },
  };
}
