/** The graph as a drawing: cards of nodes, links between ports, pan and zoom. Read-only; a lazy chunk with React Flow in it.
 *  Nodes and edges are controlled; the keyboard walks the cards, Enter chooses one. The text alternative is graph-list.tsx. */
import { Background, BackgroundVariant, BaseEdge, Handle, Position, ReactFlow, ReactFlowProvider, useReactFlow } from '@xyflow/react';
import type { Edge, EdgeProps, EdgeTypes, FitViewOptions, Node, NodeProps } from '@xyflow/react';
import { Maximize, Minus, Plus } from 'lucide-preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ComponentType, JSX } from 'preact';
import type { Definition } from '../../src/contract/graph.ts';
import { IconButton } from '../ui/button.tsx';
import { now } from '../ui/clock.ts';
import { formatDuration } from '../ui/format.ts';
import { StatusShape } from '../ui/status-chip.tsx';
import { statusColor, statusLook } from '../ui/status.ts';
import { NODE_HEIGHT, NODE_WIDTH, layOutGraph, routedPath, zoomToFit } from './layout.ts';
import type { Direction, Layout, Point } from './layout.ts';
import { cardStatus, liveText } from './model.ts';
import type { Card, GraphModel, Link } from './model.ts';

export interface GraphViewProps {
  readonly model: GraphModel;
  readonly definition: Pick<Definition, 'nodes' | 'edges'>;
  readonly label: string;
  readonly selected?: string | undefined;
  readonly onSelect: (key: string | undefined) => void;
}

// From here on only what is in sight is drawn: below, drawing all is smoother to pan.
const MANY_NODES = 150;

type CardNode = Node<{ readonly card: Card; readonly direction: Direction }, 'card'>;

const nodeTypes = { card: CardView as unknown as ComponentType<NodeProps> };
const edgeTypes = { routed: RoutedEdge } as unknown as EdgeTypes;
const fit = { maxZoom: 1, padding: 0.08 };

// Below this a card can't be read: the view then starts at what goes on, and the rest is a drag away.
const READABLE_ZOOM = 0.62;

// The attribution stands in About with all others.
const PRO = { hideAttribution: true } as const;

export function GraphView(props: GraphViewProps): JSX.Element {
  return (
    <ReactFlowProvider>
      <Measured {...props} />
    </ReactFlowProvider>
  );
}

/** The layout depends on the pane: nothing is drawn before its size is known. */
function Measured(props: GraphViewProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const [pane, setPane] = useState<{ readonly width: number; readonly height: number }>();
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const measure = (): void => setPane({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={frame} class="graph" role="group" aria-label={props.label}>
      {pane !== undefined && pane.width > 0 && <Drawing {...props} pane={pane} />}
    </div>
  );
}

function Drawing(props: GraphViewProps & { readonly pane: { readonly width: number; readonly height: number } }): JSX.Element {
  const { model, definition, pane } = props;
  const flow = useReactFlow();
  const portCounts = model.cards.map((card) => card.outputs.length).join('.');
  const drawnShape = useMemo(() => shapeOf(definition), [definition]);
  const shape = `${drawnShape} ${portCounts} ${Math.round(pane.width / 100)} ${Math.round(pane.height / 100)}`;
  const layout = useMemo(
    () =>
      layOutGraph({
        nodes: definition.nodes,
        edges: definition.edges,
        portsOf: (node) => model.cards.find((card) => card.key === node.key)?.outputs.map(({ name }) => name) ?? [],
        pane,
      }),
    [shape],
  );
  const { nodes, edges } = useDrawn(model, layout, props.selected);
  useEffect(() => {
    // After the new layout is drawn.
    const timer = setTimeout(() => void flow.fitView(startView(layout, model, pane)), 0);
    return () => clearTimeout(timer);
  }, [shape]);
  const choose = (key: string | undefined): void => props.onSelect(key);
  return (
    <>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        fitView
        fitViewOptions={startView(layout, model, pane)}
        minZoom={0.05}
        maxZoom={1.5}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        onlyRenderVisibleElements={model.cards.length > MANY_NODES}
        deleteKeyCode={null}
        proOptions={PRO}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        onNodeClick={(_event, node) => choose(node.id)}
        onPaneClick={() => choose(undefined)}
        onNodesChange={(changes) => {
          for (const change of changes) if (change.type === 'select' && change.selected) choose(change.id);
        }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1} color="var(--line)" />
      </ReactFlow>
      <div class="graph-tools" role="toolbar" aria-label="View of the graph">
        <IconButton size="small" label="Zoom in" icon={<Plus size={14} />} onClick={() => void flow.zoomIn()} />
        <IconButton size="small" label="Zoom out" icon={<Minus size={14} />} onClick={() => void flow.zoomOut()} />
        <IconButton size="small" label="Fit to view" icon={<Maximize size={14} />} onClick={() => void flow.fitView(fit)} />
      </div>
    </>
  );
}

/** Nodes and edges as React Flow takes them; those of unchanged cards and links are the very same, so that it draws only the others again. */
function useDrawn(model: GraphModel, layout: Layout, selected: string | undefined): { readonly nodes: CardNode[]; readonly edges: Edge[] } {
  const kept = useRef({ layout, nodes: new Map<Card, CardNode>(), edges: new Map<Link, Edge>() });
  // The same arrays while nothing changed: React Flow walks all of them when it gets others.
  return useMemo(() => {
    if (kept.current.layout !== layout) kept.current = { layout, nodes: new Map(), edges: new Map() };
    const before = kept.current;
    const nodes = model.cards.map((card) => {
      const old = before.nodes.get(card);
      return old !== undefined && old.selected === (card.key === selected) ? old : nodeOf(card, layout, card.key === selected);
    });
    const edges = model.links.map((link) => before.edges.get(link) ?? edgeOf(link, layout));
    kept.current = {
      layout,
      nodes: new Map(model.cards.flatMap((card, index) => (nodes[index] === undefined ? [] : [[card, nodes[index]]]))),
      edges: new Map(model.links.flatMap((link, index) => (edges[index] === undefined ? [] : [[link, edges[index]]]))),
    };
    return { nodes, edges };
  }, [model, layout, selected]);
}

function nodeOf(card: Card, layout: Layout, selected: boolean): CardNode {
  const place = layout.places.get(card.key) ?? { x: 0, y: 0, width: NODE_WIDTH, height: NODE_HEIGHT };
  return {
    id: card.key,
    type: 'card',
    position: { x: place.x, y: place.y },
    width: place.width,
    height: place.height,
    // Without it React Flow forgets where the ports of a changed card are, takes its edges away, and measures it again.
    measured: { width: place.width, height: place.height },
    data: { card, direction: layout.direction },
    selected,
    ariaLabel: labelOf(card),
  };
}

/** The whole graph where it can be read; else what goes on now, or its start. */
function startView(layout: Layout, model: GraphModel, pane: { readonly width: number; readonly height: number }): FitViewOptions {
  if (zoomToFit(layout.places, pane) >= READABLE_ZOOM) return fit;
  const isMarked = ({ mark }: Card): boolean => mark !== undefined && mark !== 'moved';
  const active = model.cards.filter((card) => isMarked(card) || (card.step !== undefined && (card.step.endedAt === null || card.step.error !== undefined)));
  const first = active.length > 0 ? active : model.cards.slice(0, 4);
  return { ...fit, minZoom: READABLE_ZOOM, nodes: first.slice(0, 6).map((card) => ({ id: card.key })) };
}

/** What the layout depends on, as text: names, ports and edges, never states. */
function shapeOf(definition: Pick<Definition, 'nodes' | 'edges'>): string {
  return JSON.stringify([
    definition.nodes.map((node) => [node.key, node.type, node.position, node.onError, node.params?.['cases']]),
    definition.edges.map((edge) => [edge.from, edge.to]),
  ]);
}

function labelOf(card: Card): string {
  const status = card.status === undefined ? '' : `, ${statusLook(cardStatus(card)).word}`;
  return `${card.title}, ${card.typeTitle}${status}${card.mark === undefined ? '' : `, ${card.mark}`}`;
}

function edgeOf(link: Link, layout: Layout): Edge {
  const points = layout.routes.get(`${link.from}>${link.to}`);
  const kind = link.kind === 'any' || link.kind === 'file' ? 'json' : link.kind;
  const stroke = link.state === 'idle' || link.state === 'untaken' ? 'var(--line-control)' : `var(--port-${kind})`;
  return {
    id: link.id,
    source: link.from,
    target: link.to,
    sourceHandle: link.fromPort ?? null,
    ...(link.label === undefined ? {} : { label: link.label }),
    className: `graph-link graph-link-${link.mark ?? link.state}`,
    ...(link.mark === undefined ? { style: { stroke } } : {}),
    selectable: false,
    ...(points === undefined ? {} : { type: 'routed', data: { points, direction: layout.direction } }),
  };
}

/** An edge that passes nodes between its ends. */
function RoutedEdge(props: EdgeProps & { readonly data: { readonly points: readonly Point[]; readonly direction: Direction } }): JSX.Element {
  const path = routedPath({ x: props.sourceX, y: props.sourceY }, props.data.points, { x: props.targetX, y: props.targetY }, props.data.direction);
  return <BaseEdge id={props.id} path={path} style={props.style ?? {}} />;
}

function CardView(props: { readonly data: { readonly card: Card; readonly direction: Direction }; readonly selected?: boolean }): JSX.Element {
  const { card, direction } = props.data;
  const status = card.status === undefined ? undefined : cardStatus(card);
  const ringed = status !== undefined && status !== 'pending';
  const live = liveText(card, formatDuration, card.step !== undefined && card.step.endedAt === null ? now.value : 0);
  const classes = [
    'graph-card',
    ringed ? 'graph-ringed' : '',
    status === 'pending' || card.disabled ? 'graph-dim' : '',
    props.selected === true ? 'graph-selected' : '',
    card.problems.length > 0 || !card.known ? 'graph-faulty' : '',
    card.mark === undefined ? '' : `graph-${card.mark}`,
  ];
  return (
    <div class={classes.join(' ')} style={ringed ? { borderColor: statusColor(status) } : {}}>
      <Handle
        type="target"
        position={direction === 'down' ? Position.Top : Position.Left}
        isConnectable={false}
        style={{ visibility: card.hasInput ? 'visible' : 'hidden' }}
      />
      <div class="graph-card-head">
        {status !== undefined && <StatusShape status={status} />}
        <span class="graph-card-title truncate">{card.title}</span>
        {card.mark !== undefined && <span class="graph-card-word">{card.mark}</span>}
        {status !== undefined && (
          <span class="graph-card-word" style={{ color: statusColor(status, 'text') }}>
            {statusLook(status).word}
          </span>
        )}
      </div>
      <div class="graph-card-body">
        <div class="graph-card-type truncate">
          {card.known ? card.typeTitle : `${card.type}: unknown type`}
          {card.disabled && ' · disabled'}
        </div>
        <div class="graph-card-line truncate">{card.problems[0] ?? live ?? card.summary}</div>
      </div>
      <Ports card={card} direction={direction} />
    </div>
  );
}

/** A single port is a dot at the edge; several stand side by side, or below each other, with their names. */
function Ports(props: { readonly card: Card; readonly direction: Direction }): JSX.Element {
  const { outputs } = props.card;
  const down = props.direction === 'down';
  const side = down ? Position.Bottom : Position.Right;
  const dot = (kind: string): Record<string, string> => ({ background: `var(--port-${kind === 'any' || kind === 'file' ? 'json' : kind})` });
  const place = (index: number): Record<string, string> => (down ? { left: `${(100 * (index + 0.5)) / outputs.length}%` } : { top: `${60 + index * 18}px` });
  const only = outputs.length === 1 ? outputs[0] : undefined;
  // Edges that name no port leave from the middle.
  return (
    <>
      <Handle type="source" position={side} isConnectable={false} style={outputs.length > 1 ? { opacity: 0 } : dot(only?.kind ?? 'json')} />
      {only !== undefined && <Handle type="source" id={only.name} position={side} isConnectable={false} style={dot(only.kind)} />}
      {outputs.length > 1 &&
        outputs.map((port, index) => (
          <Handle key={port.name} type="source" id={port.name} position={side} isConnectable={false} style={{ ...dot(port.kind), ...place(index) }}>
            <span class={down ? 'graph-port-name graph-port-below' : 'graph-port-name'}>{port.name}</span>
          </Handle>
        ))}
    </>
  );
}
