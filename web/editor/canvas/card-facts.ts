/** What the card of a node says, and where its ports sit. Pure. What ran last and what is wrong change more often: the card asks for them itself.
 *  One thing to know: sizes are those of graph/layout.ts and cards.css; all three change together. */
import type { GraphEdge, GraphNode } from '../../../src/contract/graph.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import { NODE_HEIGHT, NODE_WIDTH, PORT_HEIGHT } from '../../graph/layout.ts';
import { outputPorts } from '../../graph/model.ts';
import type { OutputPort } from '../../graph/model.ts';
import { summaryOfParams } from '../../graph/summary.ts';
import { hasBody } from '../scope.ts';

export interface CardFacts {
  readonly key: string;
  readonly title: string;
  readonly type: string;
  readonly typeTitle: string;
  readonly category: NodeTypeView['category'] | undefined;
  /** The catalogue has its type. */
  readonly isKnown: boolean;
  readonly summary: string;
  readonly hasInput: boolean;
  readonly outputs: readonly OutputPort[];
  readonly isDisabled: boolean;
  /** Its output is given, not made. */
  readonly isPinned: boolean;
  /** A person starts it. */
  readonly isManual: boolean;
  readonly hasBody: boolean;
}

export function factsOf(node: GraphNode, type: NodeTypeView | undefined, outgoing: readonly GraphEdge[]): CardFacts {
  return {
    key: node.key,
    title: node.name ?? node.key,
    type: node.type,
    typeTitle: type?.title ?? node.type,
    category: type?.category,
    isKnown: type !== undefined,
    summary: summaryOfParams(node.type, node.params ?? {}),
    hasInput: type === undefined || type.inputs.length > 0,
    outputs: outputPorts(node, type, [...outgoing]),
    isDisabled: node.disabled === true,
    isPinned: node.mock !== undefined,
    isManual: node.start === 'manual',
    hasBody: hasBody(node.type),
  };
}

/** px */
export function cardSize(portCount: number): { readonly width: number; readonly height: number } {
  return { width: NODE_WIDTH, height: NODE_HEIGHT + Math.max(0, portCount - 1) * PORT_HEIGHT };
}

// Of the first of several ports, from the card's top, px.
const FIRST_PORT_Y = 60;

/** The middle of a port at the right side, px from the card's top. A single port, or none named, leaves from the middle. */
export function portY(index: number, portCount: number): number {
  return portCount < 2 ? cardSize(portCount).height / 2 : FIRST_PORT_Y + index * PORT_HEIGHT;
}

/** The token of a kind's colour. */
export function kindColor(kind: string): string {
  return `var(--port-${kind === 'any' || kind === 'file' ? 'json' : kind})`;
}
