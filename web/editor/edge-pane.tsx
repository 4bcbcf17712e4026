/** The pane of a selected edge: what it carries, what it does, and when. */
import { Trash2 } from 'lucide-preact';
import type { JSX } from 'preact';
import type { GraphEdge } from '../../src/contract/graph.ts';
import { Button } from '../ui/button.tsx';
import { Checkbox, Field, Textarea } from '../ui/field.tsx';
import { switchMode } from './canvas/actions.ts';
import type { Canvas } from './canvas/canvas-state.ts';
import { edgeModes, modesOf } from './canvas/edge-words.ts';
import { setEdge } from './operations/edges.ts';
import { removeItems } from './operations/nodes.ts';
import { edgeIdOf } from './scope.ts';

export function EdgePane(props: { readonly canvas: Canvas; readonly edge: GraphEdge }): JSX.Element {
  const { canvas, edge } = props;
  const id = edgeIdOf(edge);
  const off = canvas.isReadOnly.value;
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
          <Field label="Only when" optional hint="An expression over input and steps: steps.check.output.ok. Without one the edge is always taken.">
            {(links) => <Textarea {...links} mono rows={3} value={edge.when ?? ''} disabled={off} placeholder="steps.check.output.ok" onInput={setWhen} />}
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
