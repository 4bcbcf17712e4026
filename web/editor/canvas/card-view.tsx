/** The card of a node on the canvas, and the plain box it is in the overview. What ran last and what is wrong are read by each card alone,
 *  so that a run's news redraw one card, not the graph. */
import { Handle, Position } from '@xyflow/react';
import { useComputed } from '@preact/signals';
import { Hand, Pin, TriangleAlert } from 'lucide-preact';
import { memo } from 'preact/compat';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { StatusShape } from '../../ui/status-chip.tsx';
import { statusColor, statusLook } from '../../ui/status.ts';
import { kindColor, portY } from './card-facts.ts';
import type { CardFacts } from './card-facts.ts';
import { useCanvas } from './canvas-state.ts';
import { TypeIcon } from './type-icon.tsx';

export interface CardProps {
  readonly id: string;
  readonly data: { readonly facts: CardFacts };
  readonly selected: boolean;
  readonly isConnectable: boolean;
}

export const CardView = memo(
  Card,
  (before, after) => before.data === after.data && before.selected === after.selected && before.isConnectable === after.isConnectable,
);

function Card(props: CardProps): JSX.Element {
  const canvas = useCanvas();
  const { facts } = props.data;
  const result = useComputed(() => canvas.results.value.get(props.id)).value;
  const problems = useComputed(() => canvas.problems.value.get(props.id)).value;
  const isTarget = useComputed(() => canvas.target.value === props.id).value;
  const ring = result === undefined ? {} : { borderColor: statusColor(result.status) };
  return (
    <div class={classOf(facts, props.selected, result !== undefined, problems !== undefined || !facts.isKnown, isTarget)} style={ring}>
      {facts.hasInput && <Handle type="target" position={Position.Left} isConnectable={props.isConnectable} />}
      <div class="card-head">
        <TypeIcon type={facts.type} category={facts.category} />
        <span class="card-title truncate">{facts.title}</span>
        <Marks facts={facts} />
        {result !== undefined && <StatusShape status={result.status} label />}
      </div>
      <div class="card-inside">
        <div class="card-type truncate">{facts.isKnown ? facts.typeTitle : `${facts.type}: unknown type`}</div>
        <Line facts={facts} problem={problems?.[0]} more={(problems?.length ?? 0) - 1} result={result} />
      </div>
      <Outputs facts={facts} isConnectable={props.isConnectable} />
    </div>
  );
}

function classOf(facts: CardFacts, selected: boolean, isRinged: boolean, isFaulty: boolean, isTarget: boolean): string {
  return [
    'card-node',
    selected ? 'card-selected' : '',
    isRinged ? 'card-ringed' : '',
    isFaulty ? 'card-faulty' : '',
    facts.isDisabled ? 'card-disabled' : '',
    facts.hasBody ? 'card-stacked' : '',
    isTarget ? 'card-target' : '',
  ].join(' ');
}

/** What is special about a node, each with its word. */
function Marks(props: { readonly facts: CardFacts }): JSX.Element {
  const { facts } = props;
  return (
    <>
      {facts.isDisabled && <span class="card-mark">off</span>}
      {facts.isPinned && (
        <span class="card-mark" data-tip="Its output is pinned: it does not run">
          <Pin size={11} aria-hidden="true" />
          pinned
        </span>
      )}
      {facts.isManual && (
        <span class="card-mark" data-tip="A person lets it start">
          <Hand size={11} aria-hidden="true" />
          manual
        </span>
      )}
    </>
  );
}

/** One line: what is wrong, else how it went, else what it does. */
function Line(props: {
  readonly facts: CardFacts;
  readonly problem: string | undefined;
  readonly more: number;
  readonly result: { readonly status: string; readonly line: string } | undefined;
}): JSX.Element {
  const { problem, result, facts } = props;
  if (problem !== undefined) {
    return (
      <div class="card-line card-problem" data-tip={problem}>
        <TriangleAlert size={11} aria-hidden="true" />
        <span class="truncate">{problem}</span>
        {props.more > 0 && <span>+{props.more}</span>}
      </div>
    );
  }
  if (result === undefined) return <div class="card-line truncate">{facts.summary}</div>;
  return (
    <div class="card-line truncate">
      <span style={{ color: statusColor(result.status, 'text') }}>{statusLook(result.status).word}</span>
      {result.line !== '' && ` · ${result.line}`}
    </div>
  );
}

/** A single port is a dot in the middle; several stand below each other with their names, and edges that name none leave from the middle. */
function Outputs(props: { readonly facts: CardFacts; readonly isConnectable: boolean }): JSX.Element {
  const { outputs } = props.facts;
  const named = outputs.length > 1;
  return (
    <>
      <Handle
        type="source"
        position={Position.Right}
        isConnectable={props.isConnectable && !named}
        className={named ? 'port-hidden' : ''}
        style={{ '--port': kindColor(outputs[0]?.kind ?? 'any') }}
      />
      {outputs.map((port, index) => (
        <Handle
          key={port.name}
          type="source"
          id={port.name}
          position={Position.Right}
          isConnectable={props.isConnectable && named}
          className={named ? '' : 'port-hidden'}
          style={{ '--port': kindColor(port.kind), top: `${portY(index, outputs.length)}px` }}
        >
          {named && <span class="port-name">{port.name}</span>}
        </Handle>
      ))}
    </>
  );
}

export const DotView = memo(
  Dot,
  (before, after) => before.data === after.data && before.selected === after.selected && before.isConnectable === after.isConnectable,
);

function Dot(props: CardProps): JSX.Element {
  const canvas = useCanvas();
  const status = useComputed(() => canvas.results.value.get(props.id)?.status).value;
  const isFaulty = useComputed(() => canvas.problems.value.has(props.id)).value;
  // A thousand boxes have no ports to draw: the one under the pointer has.
  const [isPointedAt, setPointedAt] = useState(false);
  const classes = `card-dot${props.selected ? ' card-selected' : ''}${isFaulty ? ' card-faulty' : ''}${props.data.facts.isDisabled ? ' card-disabled' : ''}`;
  return (
    <div
      class={classes}
      style={status === undefined ? {} : { borderColor: statusColor(status) }}
      onPointerEnter={() => setPointedAt(true)}
      onPointerLeave={(event) => setPointedAt(event.buttons !== 0)}
    >
      <span class="dot-title">{props.data.facts.title}</span>
      {isPointedAt && <Outputs facts={props.data.facts} isConnectable={props.isConnectable} />}
    </div>
  );
}
