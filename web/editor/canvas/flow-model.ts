/** Turns the open graph into what React Flow takes: nodes and edges, in canvas px. Pure, but remembers what it made last.
 *  Invariant: what did not change is the same object as before, so that a change to one node of thousands costs one node. */
import type { Edge, Node, NodeHandle } from '@xyflow/react';
import type { GraphComment, GraphEdge, GraphNode } from '../../../src/contract/graph.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { endOf } from '../../graph/edge-end.ts';
import { cardSize, factsOf, portY } from './card-facts.ts';
import type { CardFacts } from './card-facts.ts';
import { edgeIdOf } from '../scope.ts';
import type { EdgeId, Graph } from '../scope.ts';
import type { Place, Places } from './walk.ts';

export type CardNode = Node<{ readonly facts: CardFacts }, 'card' | 'dot'>;
export type CommentNode = Node<{ readonly comment: GraphComment }, 'comment'>;
export type FlowNode = CardNode | CommentNode;
export type FlowEdge = Edge<{ readonly edge: GraphEdge; readonly kind: string }, 'link'>;

export interface FlowInput {
  readonly graph: Graph;
  readonly types: ReadonlyMap<string, NodeTypeView>;
  readonly places: Places;
  readonly facts: ReadonlyMap<string, CardFacts>;
  readonly selected: { readonly nodes: ReadonlySet<string>; readonly edges: ReadonlySet<EdgeId>; readonly comments: ReadonlySet<string> };
  /** Where what is being dragged is now, by flow id. */
  readonly dragged: ReadonlyMap<string, Pick<Place, 'x' | 'y'>>;
  /** Too small to read: cards are plain boxes. */
  readonly isOverview: boolean;
}

// React Flow has one space of ids; keys of nodes have no colon.
const COMMENT = 'comment:';

export function flowIdOfComment(id: string): string {
  return `${COMMENT}${id}`;
}

/** The comment that a flow id names; undefined for a node's. */
export function commentOfFlowId(id: string): string | undefined {
  return id.startsWith(COMMENT) ? id.slice(COMMENT.length) : undefined;
}

// A comment without a size of its own.
export const COMMENT_SIZE = { width: 240, height: 120 } as const;
export const SMALLEST_COMMENT = { width: 80, height: 40 } as const;

// Half a handle: its middle is on the card's border.
const HANDLE = 12;

/** What each card says, by key. Keeps what it made for nodes that did not change. */
export function createFacts(): (graph: Graph, types: ReadonlyMap<string, NodeTypeView>) => ReadonlyMap<string, CardFacts> {
  let made = new Map<string, { readonly node: GraphNode; readonly type: NodeTypeView | undefined; readonly ports: string; readonly facts: CardFacts }>();
  return (graph, types) => {
    const outgoing = Map.groupBy(graph.edges, (edge) => endOf(edge.from).key);
    const next: typeof made = new Map();
    for (const node of graph.nodes) {
      const type = types.get(node.type);
      const edges = outgoing.get(node.key) ?? [];
      const ports = edges.map((edge) => edge.from).join(' ');
      const before = made.get(node.key);
      const isSame = before !== undefined && before.node === node && before.type === type && before.ports === ports;
      next.set(node.key, isSame ? before : { node, type, ports, facts: factsOf(node, type, edges) });
    }
    made = next;
    return new Map([...next].map(([key, { facts }]) => [key, facts]));
  };
}

/** Nodes for React Flow: comments first, so that cards lie above them. */
export function createFlowNodes(): (input: FlowInput) => readonly FlowNode[] {
  let made = new Map<string, FlowNode>();
  return (input) => {
    const next = new Map<string, FlowNode>();
    const keep = (node: FlowNode): FlowNode => {
      const before = made.get(node.id);
      const kept = before !== undefined && isSame(before, node) ? before : node;
      next.set(node.id, kept);
      return kept;
    };
    const nodes = [
      ...input.graph.comments.map((comment) => keep(commentNode(comment, input))),
      ...input.graph.nodes.flatMap((node) => {
        const facts = input.facts.get(node.key);
        const place = input.places.get(node.key);
        return facts === undefined || place === undefined ? [] : [keep(cardNode(facts, place, input, made.get(node.key)))];
      }),
    ];
    made = next;
    return nodes;
  };
}

function commentNode(comment: GraphComment, input: FlowInput): CommentNode {
  const id = flowIdOfComment(comment.id);
  const { width, height } = comment.size ?? COMMENT_SIZE;
  return {
    id,
    type: 'comment',
    position: input.dragged.get(id) ?? comment.position,
    width,
    height,
    measured: { width, height },
    zIndex: -1,
    connectable: false,
    data: { comment },
    selected: input.selected.comments.has(comment.id),
    ariaLabel: `Comment: ${comment.text.slice(0, 80)}`,
    domAttributes: { tabIndex: input.selected.comments.has(comment.id) ? 0 : -1 },
  };
}

function cardNode(facts: CardFacts, place: Place, input: FlowInput, before: FlowNode | undefined): CardNode {
  const selected = input.selected.nodes.has(facts.key);
  const { x, y } = input.dragged.get(facts.key) ?? place;
  const type = input.isOverview ? 'dot' : 'card';
  // Spared the objects below where nothing changed: this runs for every node at every frame of a drag.
  if (before?.type === type && before.data.facts === facts && before.selected === selected && before.position.x === x && before.position.y === y) return before;
  const { width, height } = cardSize(facts.outputs.length);
  return {
    id: facts.key,
    type,
    position: { x, y },
    width,
    height,
    measured: { width, height },
    handles: handlesOf(facts),
    data: { facts },
    selected,
    ariaLabel: `${facts.title}, ${facts.typeTitle}`,
    domAttributes: { tabIndex: selected ? 0 : -1 },
  };
}

/** Where edges begin and end, so that React Flow need not measure a card before it is in sight. */
function handlesOf(facts: CardFacts): NodeHandle[] {
  const count = facts.outputs.length;
  const { width, height } = cardSize(count);
  const square = { width: HANDLE, height: HANDLE };
  const at = (y: number): number => y - HANDLE / 2;
  const right = { ...square, type: 'source', position: 'right' as NodeHandle['position'], x: width - HANDLE / 2 } as const;
  return [
    ...(facts.hasInput
      ? [{ ...square, type: 'target' as const, position: 'left' as NodeHandle['position'], id: null, x: -HANDLE / 2, y: at(height / 2) }]
      : []),
    { ...right, id: null, y: at(height / 2) },
    ...facts.outputs.map((port, index) => ({ ...right, id: port.name, y: at(portY(index, count)) })),
  ];
}

function isSame(before: FlowNode, after: FlowNode): boolean {
  if (before === after) return true;
  return (
    before.type === 'comment' &&
    after.type === 'comment' &&
    before.data.comment === after.data.comment &&
    before.selected === after.selected &&
    before.position.x === after.position.x &&
    before.position.y === after.position.y
  );
}

/** Edges for React Flow, those between nodes that are there. */
export function createFlowEdges(): (input: Pick<FlowInput, 'graph' | 'facts' | 'selected'>) => readonly FlowEdge[] {
  let made = new Map<GraphEdge, FlowEdge>();
  return ({ graph, facts, selected }) => {
    const next = new Map<GraphEdge, FlowEdge>();
    for (const edge of graph.edges) {
      const isSelected = selected.edges.has(edgeIdOf(edge));
      const from = endOf(edge.from);
      const source = facts.get(from.key);
      const to = endOf(edge.to).key;
      if (source === undefined || facts.get(to)?.hasInput !== true) continue;
      const kind = kindOfEnd(source, from.port);
      const before = made.get(edge);
      next.set(edge, before !== undefined && before.selected === isSelected && before.data?.kind === kind ? before : flowEdge(edge, kind, source, isSelected));
    }
    made = next;
    return [...next.values()];
  };
}

function flowEdge(edge: GraphEdge, kind: string, source: CardFacts, selected: boolean): FlowEdge {
  const { key, port } = endOf(edge.from);
  const hasPort = port !== undefined && source.outputs.some((output) => output.name === port);
  return {
    id: edgeIdOf(edge),
    type: 'link',
    source: key,
    target: endOf(edge.to).key,
    sourceHandle: hasPort ? port : null,
    targetHandle: null,
    data: { edge, kind },
    selected,
    reconnectable: selected,
    ariaLabel: `Edge from ${edge.from} to ${edge.to}`,
    zIndex: selected ? 1 : 0,
  };
}

/** What kind of thing an edge carries. */
export function kindOfEnd(source: CardFacts, port: string | undefined): string {
  return source.outputs.find((output) => output.name === port)?.kind ?? source.outputs[0]?.kind ?? 'any';
}
