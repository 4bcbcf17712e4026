/** The graph as text: its nodes in reading order, what leads to each and where each leads. For screen readers, phones and whoever prefers to read. */
import { Workflow } from 'lucide-preact';
import type { JSX } from 'preact';
import type { GraphEdge } from '../../../src/contract/graph.ts';
import { Button } from '../../ui/button.tsx';
import { statusLook } from '../../ui/status.ts';
import { useCanvas } from './canvas-state.ts';
import type { Canvas } from './canvas-state.ts';
import { edgeLabel } from './edge-words.ts';
import { endsOf, readingOrder } from './walk.ts';

export function CanvasList(): JSX.Element {
  const canvas = useCanvas();
  const graph = canvas.doc.graph.value;
  const order = readingOrder(graph, canvas.places.value);
  const out = Map.groupBy(graph.edges, (edge) => endsOf(edge)[0]);
  const into = Map.groupBy(graph.edges, (edge) => endsOf(edge)[1]);
  return (
    <div class="canvas-list">
      <div class="canvas-list-head">
        <Button size="small" icon={<Workflow size={14} />} hint="l" onClick={() => (canvas.showsList.value = false)}>
          Show the drawing
        </Button>
      </div>
      <ol aria-label="Nodes and where they lead">
        {order.map((key) => (
          <Row key={key} canvas={canvas} id={key} into={into.get(key) ?? []} out={out.get(key) ?? []} />
        ))}
      </ol>
    </div>
  );
}

interface RowProps {
  readonly canvas: Canvas;
  readonly id: string;
  readonly into: readonly GraphEdge[];
  readonly out: readonly GraphEdge[];
}

function Row(props: RowProps): JSX.Element | null {
  const { canvas, id } = props;
  const facts = canvas.facts.value.get(id);
  if (facts === undefined) return null;
  const result = canvas.results.value.get(id);
  const problems = canvas.problems.value.get(id);
  const title = (key: string): string => canvas.facts.value.get(key)?.title ?? key;
  return (
    <li>
      <button
        type="button"
        class="graph-list-row"
        aria-pressed={canvas.doc.selection.value.nodes.has(id)}
        onClick={() => canvas.doc.select({ nodes: new Set([id]) })}
        onDblClick={canvas.openForm}
      >
        <span class="graph-list-main">
          <span class="strong truncate">{facts.title}</span>
          <span class="faint small truncate">
            {[
              facts.typeTitle,
              facts.isDisabled ? 'off' : '',
              facts.isPinned ? 'pinned' : '',
              result === undefined ? '' : `${statusLook(result.status).word} ${result.line}`,
            ]
              .filter((word) => word !== '')
              .join(' · ')}
          </span>
          <span class="small truncate">{ways(props.into, props.out, title)}</span>
          {problems !== undefined && <span class="small field-fault">{problems.join(' ')}</span>}
        </span>
      </button>
    </li>
  );
}

function ways(into: readonly GraphEdge[], out: readonly GraphEdge[], title: (key: string) => string): string {
  const from = into.map((edge) => title(endsOf(edge)[0]));
  const to = out.map((edge) => {
    const port = edge.from.split('.')[1];
    const words = [...(port === undefined ? [] : [port]), ...(edgeLabel(edge) === undefined ? [] : [edgeLabel(edge)])].join(', ');
    return `${title(endsOf(edge)[1])}${words === '' ? '' : ` (${words})`}`;
  });
  return `${from.length === 0 ? 'Begins' : `After ${from.join(', ')}`}; ${to.length === 0 ? 'leads nowhere' : `then ${to.join(', ')}`}.`;
}
