/** What the canvas shows and is about to do: the open graph as React Flow takes it, what is being dragged, which layer is open.
 *  Never touches the DOM. One thing to know: every change goes through `change`, which first writes down where the cards are shown. */
import { computed, signal } from '@preact/signals';
import type { ReadonlySignal, Signal } from '@preact/signals';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import type { EditorDocument, Selection } from '../document.ts';
import type { EdgeId, Graph } from '../scope.ts';
import type { CardFacts } from './card-facts.ts';
import { createFacts, createFlowEdges, createFlowNodes } from './flow-model.ts';
import type { FlowEdge, FlowNode } from './flow-model.ts';
import type { Guide } from './guides.ts';
import { placed } from '../operations/arrange.ts';
import { createPlaces } from './places.ts';
import type { Places } from './walk.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a new node goes. */
export type AddWhere =
  | { readonly kind: 'after'; readonly key: string }
  /** Without a place: where there is room between its ends. */
  | { readonly kind: 'edge'; readonly edge: EdgeId; readonly position?: Point }
  /** At a place, joined to the end that a connection was drawn from. */
  | { readonly kind: 'at'; readonly position: Point; readonly join?: { readonly end: string; readonly side: 'from' | 'to' } };

/** What is open above the canvas. `at`: in the window, px. */
export type Layer =
  | { readonly kind: 'add'; readonly at: Point; readonly where: AddWhere }
  | { readonly kind: 'connect'; readonly at: Point; readonly from: string }
  | { readonly kind: 'find'; readonly at: Point }
  | { readonly kind: 'menu'; readonly at: Point; readonly of: 'nodes' | 'edge' | 'mode' | 'comment' | 'canvas' };

/** How a node's last run went, as its card says it. */
export interface CardResult {
  readonly status: string;
  /** `1.2 s · 3 items` */
  readonly line: string;
}

/** What is in sight. Points and boxes in canvas px unless said otherwise. */
export interface CanvasView {
  /** Brings nodes, comments or an edge's ends into sight without changing more than needed; `focus`: the first has the focus then. */
  reveal(keys: readonly string[], options?: { readonly focus?: boolean }): void;
  /** All, or those named; never larger than life. */
  fit(keys?: readonly string[]): void;
  /** 1 is full size. @param to a factor of now, or a size */
  zoom(to: { readonly by: number } | { readonly at: number }): void;
  middle(): Point;
  /** Where the pointer was last, when it was over the canvas. */
  pointer(): Point | undefined;
  toCanvas(inWindow: Point): Point;
  toWindow(onCanvas: Point): Point;
  /** Gives the canvas the focus: the selected card, or the canvas itself. */
  focus(): void;
}

export interface CanvasInput {
  readonly doc: EditorDocument;
  readonly types: ReadonlyMap<string, NodeTypeView>;
  /** By key of the open scope. */
  readonly results: ReadonlySignal<ReadonlyMap<string, CardResult>>;
  /** What is wrong with a node, by key. */
  readonly problems: ReadonlySignal<ReadonlyMap<string, readonly string[]>>;
  /** Looking only: a narrow screen. */
  readonly isNarrow: ReadonlySignal<boolean>;
  /** Shows a node's form, and gives it the focus. */
  readonly openForm: () => void;
  /** Asks for the name of the workflow that the selected nodes become. */
  readonly extract: () => void;
}

export interface Canvas extends CanvasInput {
  readonly facts: ReadonlySignal<ReadonlyMap<string, CardFacts>>;
  readonly places: ReadonlySignal<Places>;
  readonly nodes: ReadonlySignal<readonly FlowNode[]>;
  readonly edges: ReadonlySignal<readonly FlowEdge[]>;
  readonly isReadOnly: ReadonlySignal<boolean>;
  readonly isOverview: Signal<boolean>;
  /** The size that the view glides to; beyond all sizes while it rests. */
  readonly headedFor: { zoom: number };
  /** By flow id. */
  readonly dragged: Signal<ReadonlyMap<string, Point>>;
  readonly guides: Signal<readonly Guide[]>;
  readonly layer: Signal<Layer | undefined>;
  /** Said once: why a connection is refused, what was done. */
  readonly notice: Signal<string | undefined>;
  /** The edge that what is dragged would be put on. */
  readonly dropEdge: Signal<EdgeId | undefined>;
  /** The node that a connection being chosen by keys would lead to. */
  readonly target: Signal<string | undefined>;
  /** The comment whose text is being written. */
  readonly writing: Signal<string | undefined>;
  readonly showsList: Signal<boolean>;
  /** What can be done with what is in sight; set while the canvas is drawn. */
  readonly view: { current: CanvasView | undefined };
  /** As the document's own, on a graph whose every node has its place. */
  change(label: string, edit: (graph: Graph) => Graph, options?: { readonly merge?: string; readonly select?: Partial<Selection> }): void;
}

const NONE: ReadonlyMap<string, Point> = new Map();

export function createCanvas(input: CanvasInput): Canvas {
  const { doc, types } = input;
  const isOverview = signal(false);
  const dragged = signal<ReadonlyMap<string, Point>>(NONE);
  const notice = signal<string | undefined>(undefined);
  const makeFacts = createFacts();
  const makePlaces = createPlaces();
  const makeNodes = createFlowNodes();
  const makeEdges = createFlowEdges();
  const facts = computed(() => makeFacts(doc.graph.value, types));
  const places = computed(() => makePlaces(doc.graph.value, types, facts.value));
  return {
    ...input,
    facts,
    places,
    nodes: computed(() =>
      makeNodes({
        graph: doc.graph.value,
        types,
        places: places.value,
        facts: facts.value,
        selected: doc.selection.value,
        dragged: dragged.value,
        isOverview: isOverview.value,
      }),
    ),
    edges: computed(() => (isOverview.value ? [] : makeEdges({ graph: doc.graph.value, facts: facts.value, selected: doc.selection.value }))),
    isReadOnly: computed(() => doc.locked.value !== undefined || input.isNarrow.value),
    isOverview,
    dragged,
    guides: signal<readonly Guide[]>([]),
    layer: signal<Layer | undefined>(undefined),
    notice,
    dropEdge: signal<EdgeId | undefined>(undefined),
    target: signal<string | undefined>(undefined),
    writing: signal<string | undefined>(undefined),
    showsList: signal(false),
    headedFor: { zoom: Number.POSITIVE_INFINITY },
    view: { current: undefined },
    change(label, edit, options) {
      notice.value = doc.locked.peek();
      doc.change(
        label,
        (graph) => {
          const before = placed(graph, types);
          const after = edit(before);
          return after === before ? graph : after;
        },
        options,
      );
    },
  };
}

const CanvasContext = createContext<Canvas | undefined>(undefined);

export const CanvasProvider = CanvasContext.Provider;

/** The canvas around a part of it. @throws outside of one: a bug */
export function useCanvas(): Canvas {
  const canvas = useContext(CanvasContext);
  if (canvas === undefined) throw new Error('a part of the canvas is drawn outside of it');
  return canvas;
}
