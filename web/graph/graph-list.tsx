/** The graph as text: its nodes in order, what leads where, and how each stands. For screen readers, phones and whoever prefers to read. */
import type { JSX } from 'preact';
import { now } from '../ui/clock.ts';
import { formatDuration } from '../ui/format.ts';
import { StatusChip } from '../ui/status-chip.tsx';
import { cardStatus, liveText } from './model.ts';
import type { Card, GraphModel } from './model.ts';

export function GraphList(props: {
  readonly model: GraphModel;
  readonly selected?: string | undefined;
  readonly onSelect: (key: string) => void;
  readonly label: string;
}): JSX.Element {
  return (
    <ol class="graph-list" aria-label={props.label}>
      {props.model.cards.map((card) => (
        <li key={card.key}>
          <button type="button" class="graph-list-row" aria-pressed={card.key === props.selected} onClick={() => props.onSelect(card.key)}>
            <span class="graph-list-main">
              <span class="strong truncate">{card.title}</span>
              <span class="faint small truncate">
                {card.typeTitle}
                {nextOf(card, props.model)}
              </span>
              <span class="graph-list-line truncate">{liveText(card, formatDuration, card.step?.endedAt === null ? now.value : 0) ?? card.summary}</span>
            </span>
            {card.mark !== undefined && <span class={`graph-mark graph-mark-${card.mark}`}>{card.mark}</span>}
            {card.status !== undefined && <StatusChip status={cardStatus(card)} />}
          </button>
        </li>
      ))}
    </ol>
  );
}

function nextOf(card: Card, model: GraphModel): string {
  const next = model.links.filter((link) => link.from === card.key).map((link) => (link.fromPort === undefined ? link.to : `${link.to} (${link.fromPort})`));
  return next.length === 0 ? ' · last' : ` · then ${next.join(', ')}`;
}
