/** The list of node types at the left: searched, dragged onto the canvas or onto an edge, or added by a click after what is selected. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { Input } from '../../ui/field.tsx';
import { addAt } from './actions.ts';
import type { Canvas } from './canvas-state.ts';
import { TypeIcon } from './type-icon.tsx';
import { findPicks, typePicks } from './picks.ts';
import type { Pick } from './picks.ts';

/** What is dragged: the name of a type. */
export const DRAG_TYPE = 'application/x-studio-node-type';

export function TypePalette(props: { readonly canvas: Canvas }): JSX.Element {
  const { canvas } = props;
  const [query, setQuery] = useState('');
  const found = findPicks(typePicks(canvas.types.values()), query);
  const off = canvas.isReadOnly.value;
  const add = (name: string): void => {
    const type = canvas.types.get(name);
    const { nodes, edges } = canvas.doc.selection.peek();
    const after = [...nodes].at(-1);
    const [edge] = edges;
    if (type === undefined) return;
    const middle = canvas.view.current?.middle() ?? { x: 0, y: 0 };
    const where =
      after !== undefined
        ? ({ kind: 'after', key: after } as const)
        : edge !== undefined
          ? ({ kind: 'edge', edge } as const)
          : ({ kind: 'at', position: middle } as const);
    canvas.view.current?.reveal([addAt(canvas, type, where)], { focus: true });
  };
  return (
    <section class="type-palette" aria-label="Node types">
      <div class="type-search">
        <Input label="Search node types" type="search" placeholder="Search types" value={query} onInput={setQuery} autocomplete="off" />
      </div>
      <ul class="type-list" aria-label="Node types">
        {found.map((pick, index) => (
          <TypeRow
            key={pick.id}
            pick={pick}
            disabled={off}
            heading={query.trim() === '' && pick.group !== found[index - 1]?.group ? pick.group : undefined}
            onAdd={() => add(pick.id)}
          />
        ))}
      </ul>
      {found.length === 0 && <p class="faint small type-none">Nothing answers “{query}”.</p>}
    </section>
  );
}

interface TypeRowProps {
  readonly pick: Pick;
  readonly disabled: boolean;
  readonly heading: string | undefined;
  readonly onAdd: () => void;
}

function TypeRow(props: TypeRowProps): JSX.Element {
  const { pick } = props;
  return (
    <li>
      {props.heading !== undefined && <div class="type-group">{props.heading}</div>}
      <button
        type="button"
        class="type-row"
        draggable={!props.disabled}
        disabled={props.disabled}
        data-tip={pick.note}
        onClick={props.onAdd}
        onDragStart={(event) => {
          event.dataTransfer?.setData(DRAG_TYPE, pick.id);
          event.dataTransfer?.setData('text/plain', pick.title);
          if (event.dataTransfer !== null) event.dataTransfer.effectAllowed = 'copy';
        }}
      >
        <TypeIcon type={pick.type} category={pick.category} />
        <span class="truncate">{pick.title}</span>
      </button>
    </li>
  );
}
