/** What opens above the canvas: pickers (add, connect, find) and the menus of nodes, edges and the canvas itself. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { MenuList } from '../../ui/menu.tsx';
import { KeyHint } from '../../ui/button.tsx';
import { edgeIdOf } from '../scope.ts';
import { addAt, join } from './actions.ts';
import { useCanvas } from './canvas-state.ts';
import type { AddWhere, Canvas, Layer } from './canvas-state.ts';
import { menuItems } from './menus.ts';
import { Picker } from './picker.tsx';
import { endsFrom, nodePicks, targetPicks, typePicks } from './picks.ts';
import type { JoinKind } from './picks.ts';
import { kindOfEnd } from './flow-model.ts';
import { endOf } from '../../graph/edge-end.ts';

export function Layers(): JSX.Element | null {
  const canvas = useCanvas();
  const layer = canvas.layer.value;
  if (layer === undefined) return null;
  const close = (): void => {
    canvas.layer.value = undefined;
    canvas.target.value = undefined;
    canvas.view.current?.focus();
  };
  const key = `${layer.kind} ${layer.at.x} ${layer.at.y}`;
  if (layer.kind === 'add') return <AddPicker key={key} layer={layer} onClose={close} />;
  if (layer.kind === 'connect') return <ConnectPicker key={key} layer={layer} onClose={close} />;
  if (layer.kind === 'find') return <FindPicker key={key} layer={layer} onClose={close} />;
  return <ContextMenu key={key} layer={layer} onClose={close} />;
}

function AddPicker(props: { readonly layer: Extract<Layer, { kind: 'add' }>; readonly onClose: () => void }): JSX.Element {
  const canvas = useCanvas();
  const { where } = props.layer;
  const join = joinKindOf(canvas, where);
  const label = where.kind === 'edge' ? 'Put a node on the edge' : where.kind === 'after' ? `Add a node after ${titleOf(canvas, where.key)}` : 'Add a node';
  return (
    <Picker
      label={label}
      placeholder={label}
      at={props.layer.at}
      picks={typePicks(canvas.types.values(), join)}
      none="No type fits this connection."
      onClose={props.onClose}
      onPick={(name) => {
        const type = canvas.types.get(name);
        canvas.layer.value = undefined;
        if (type !== undefined) canvas.view.current?.reveal([addAt(canvas, type, where)], { focus: true });
      }}
    />
  );
}

/** What the new node's port must fit. */
function joinKindOf(canvas: Canvas, where: AddWhere): JoinKind | undefined {
  const facts = canvas.facts.peek();
  const gives = (end: string): JoinKind | undefined => {
    const { key, port } = endOf(end);
    const source = facts.get(key);
    return source === undefined ? undefined : { gives: kindOfEnd(source, port) };
  };
  if (where.kind === 'after') return gives(where.key);
  if (where.kind === 'edge') {
    const edge = canvas.doc.graph.peek().edges.find((each) => edgeIdOf(each) === where.edge);
    return edge === undefined ? undefined : gives(edge.from);
  }
  if (where.join === undefined) return undefined;
  if (where.join.side === 'from') return gives(where.join.end);
  const type = canvas.types.get(facts.get(endOf(where.join.end).key)?.type ?? '');
  return { takes: type?.inputs[0]?.kind ?? 'any' };
}

function ConnectPicker(props: { readonly layer: Extract<Layer, { kind: 'connect' }>; readonly onClose: () => void }): JSX.Element | null {
  const canvas = useCanvas();
  const [portAt, setPortAt] = useState(0);
  const facts = canvas.facts.value.get(props.layer.from);
  useEffect(() => () => void (canvas.target.value = undefined), []);
  if (facts === undefined) return null;
  const ends = endsFrom(facts);
  const end = ends[portAt % ends.length] ?? { end: facts.key, port: undefined };
  const graph = { graph: canvas.doc.graph.value, facts: canvas.facts.value, places: canvas.places.value, types: canvas.types };
  return (
    <Picker
      key={end.end}
      label={`Connect ${facts.title} to`}
      placeholder={`Connect ${facts.title} to…`}
      at={props.layer.at}
      picks={targetPicks(graph, { key: facts.key, end: end.end })}
      none="There is no other node here. Add one with /."
      heading={ends.length > 1 ? <PortChoice ports={ends.map((each) => each.port ?? '')} at={portAt % ends.length} onChoose={setPortAt} /> : undefined}
      onKey={(event) => {
        const step = ends.length < 2 || !event.altKey ? 0 : event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
        if (step !== 0) setPortAt((portAt + step + ends.length) % ends.length);
        return step !== 0;
      }}
      onPoint={(key) => {
        canvas.target.value = key;
        if (key !== undefined) canvas.view.current?.reveal([key]);
      }}
      onClose={props.onClose}
      onPick={(key) => {
        join(canvas, { from: end.end, to: key });
        props.onClose();
      }}
    />
  );
}

function PortChoice(props: { readonly ports: readonly string[]; readonly at: number; readonly onChoose: (index: number) => void }): JSX.Element {
  return (
    <div class="row">
      <div class="segmented" role="group" aria-label="Port it leaves by">
        {props.ports.map((port, index) => (
          <button key={port} type="button" tabIndex={-1} aria-pressed={index === props.at} onClick={() => props.onChoose(index)}>
            {port}
          </button>
        ))}
      </div>
      <KeyHint keys="alt+arrowright" />
    </div>
  );
}

function FindPicker(props: { readonly layer: Layer; readonly onClose: () => void }): JSX.Element {
  const canvas = useCanvas();
  return (
    <Picker
      label="Find a node"
      placeholder="Find a node…"
      at={props.layer.at}
      picks={nodePicks(canvas.facts.value)}
      none="There is no node here yet. Add one with /."
      onClose={props.onClose}
      onPick={(key) => {
        canvas.layer.value = undefined;
        canvas.doc.select({ nodes: new Set([key]) });
        canvas.view.current?.reveal([key], { focus: true });
      }}
    />
  );
}

function ContextMenu(props: { readonly layer: Extract<Layer, { kind: 'menu' }>; readonly onClose: () => void }): JSX.Element {
  const canvas = useCanvas();
  const anchor = useRef<HTMLSpanElement>(null);
  const { at, of } = props.layer;
  const close = (refocus: boolean): void => {
    if (canvas.layer.peek() !== props.layer) return;
    if (refocus) props.onClose();
    else canvas.layer.value = undefined;
  };
  return (
    <>
      <span ref={anchor} class="canvas-anchor" style={{ left: `${at.x}px`, top: `${at.y}px` }} />
      <MenuList label={of === 'mode' ? 'What the edge does' : 'Actions'} items={menuItems(canvas, of, at)} anchor={anchor} onClose={close} />
    </>
  );
}

function titleOf(canvas: Canvas, end: string): string {
  const { key } = endOf(end);
  return canvas.facts.peek().get(key)?.title ?? key;
}
