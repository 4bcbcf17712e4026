/** Beside several selected nodes: what can be done with them together, with its keys. The same as their menu. */
import type { JSX } from 'preact';
import { KeyHint } from '../../ui/button.tsx';
import { formatCount } from '../../ui/format.ts';
import type { Canvas } from './canvas-state.ts';
import { nodeItems } from './menus.ts';

/** Of one node alone. */
const OF_ONE = new Set(['Open the form', 'Add a node']);

export function SeveralPane(props: { readonly canvas: Canvas }): JSX.Element {
  const { canvas } = props;
  const { nodes } = canvas.doc.selection.value;
  return (
    <div class="pane-body">
      <h2>{formatCount(nodes.size, 'node')} selected</h2>
      <p class="muted small">Click one to edit it. Together they can be moved, and:</p>
      <ul class="several-actions">
        {nodeItems(canvas)
          .filter((item) => !OF_ONE.has(item.label))
          .map((item) => (
            <li key={item.label} class={item.separated === true ? 'several-separated' : undefined}>
              <button type="button" class={item.danger === true ? 'several-item menu-danger' : 'several-item'} onClick={item.onSelect}>
                <span class="grow">{item.label}</span>
                {item.hint !== undefined && <KeyHint keys={item.hint} />}
              </button>
            </li>
          ))}
      </ul>
    </div>
  );
}
