/** The pane of a selected edge: what it carries, what it does, and when. */
import { Trash2 } from 'lucide-preact';
import type { JSX } from 'preact';
import type { GraphEdge, GraphNode } from '../../src/contract/graph.ts';
import { ExpressionField } from '../form/expression-field.tsx';
import { ValueForms } from '../form/value-form.tsx';
import { endOf } from '../graph/edge-end.ts';
import { Button } from '../ui/button.tsx';
import { Checkbox, Field } from '../ui/field.tsx';
import { switchMode } from './canvas/actions.ts';
import type { Canvas } from './canvas/canvas-state.ts';
import { edgeModes, modesOf } from './canvas/edge-words.ts';
import { setEdge } from './operations/edges.ts';
import { removeItems } from './operations/nodes.ts';
import { useNodeTools } from './pane/node-tools.ts';
import type { PaneProps } from './pane/pane-props.ts';
import { edgeIdOf } from './scope.ts';

interface EdgePaneProps extends PaneProps {
  readonly canvas: Canvas;
  readonly edge: GraphEdge;
}

export function EdgePane(props: EdgePaneProps): JSX.Element {
  const { canvas, edge, document } = props;
  const id = edgeIdOf(edge);
  const off = canvas.isReadOnly.value;
  const target = document.graph.value.nodes.find((node) => node.key === endOf(edge.to).key);
  const setWhen = (when: string): void =>
    canvas.change('Change a condition', (graph) => setEdge(graph, id, { when: when === '' ? undefined : when }), { merge: `when ${id}` });
  return (
    <div class="pane" data-pane="edge">
      <div class="pane-head">
        <h2 class="truncate">
          {edge.from} → {edge.to}
        </h2>
      </div>
      <div class="pane-body">
        <section class="pane-section" aria-label="What it does">
          <h3>What it does</h3>
          {edgeModes.map(({ mode, label, hint }) => (
            <div key={mode} class="edge-mode">
              <Checkbox label={label} checked={modesOf(edge).includes(mode)} disabled={off} onChange={() => switchMode(canvas, new Set([id]), mode)} />
              <div class="field-hint">{hint}</div>
            </div>
          ))}
        </section>
        <section class="pane-section" aria-label="When">
          <Field label="Only when" optional hint="An expression over input and steps. Without one the edge is always taken.">
            {({ id: fieldId }) => (target === undefined ? null : <Condition {...props} id={fieldId} target={target} onChange={setWhen} />)}
          </Field>
        </section>
        <Button
          icon={<Trash2 size={14} />}
          disabled={off}
          hint="delete"
          onClick={() => canvas.change('Delete an edge', (graph) => removeItems(graph, { edges: new Set([id]) }))}
        >
          Delete the edge
        </Button>
      </div>
    </div>
  );
}

interface ConditionProps extends EdgePaneProps {
  readonly id: string;
  /** What is evaluated for it can be read here too. */
  readonly target: GraphNode;
  readonly onChange: (when: string) => void;
}

function Condition(props: ConditionProps): JSX.Element {
  const tools = useNodeTools(props, props.target);
  return (
    <ValueForms {...tools}>
      <ExpressionField
        id={props.id}
        label="Only when"
        value={props.edge.when ?? ''}
        onChange={props.onChange}
        bare
        hasLines
        placeholder="steps.check.output.ok"
      />
    </ValueForms>
  );
}
