/** The four figures that are looked at first: what runs, what waits, what failed, what it costs. Each leads to its list. */
import { href } from '../../route.ts';
import { formatMoney } from '../../ui/format.ts';
import { statusColor } from '../../ui/status.ts';
import type { JSX } from 'preact';
import type { Costs } from '../../../src/contract/costs.ts';
import type { WorkList, WorkView } from '../../state/overview.ts';

export function Tiles(props: { readonly work: WorkView | undefined; readonly costs: Costs | undefined }): JSX.Element {
  const { work, costs } = props;
  return (
    <ul class="tiles" aria-label="In figures">
      <Tile name="Running" figure={figureOf(work?.running)} status="running" path="/instances?filter=status:running" />
      <Tile name="Waiting" figure={figureOf(work?.waiting)} status="waiting" path="/instances?filter=status:pending,waiting,paused" />
      <Tile name="Failed this week" figure={figureOf(work?.failed)} status="failed" path="/instances?filter=status:failed" />
      {costs !== undefined && <Cost costs={costs} />}
    </ul>
  );
}

function figureOf(list: WorkList | undefined): string {
  return list === undefined ? '–' : `${list.count}${list.more ? '+' : ''}`;
}

/** A figure of nothing wears no colour. */
function Tile(props: { readonly name: string; readonly figure: string; readonly status: string; readonly path: string }): JSX.Element {
  const isNone = props.figure === '0' || props.figure === '–';
  return (
    <li>
      <a class="tile" href={href(props.path)}>
        <span class="tile-name">
          <span class="tile-mark" style={{ backgroundColor: isNone ? 'var(--line-strong)' : statusColor(props.status) }} aria-hidden="true" />
          {props.name}
        </span>
        <span class="tile-figure">{props.figure}</span>
      </a>
    </li>
  );
}

function Cost({ costs }: { readonly costs: Costs }): JSX.Element {
  const { perHour, currency } = costs.price;
  return (
    <li>
      <a class="tile" href={href('/costs')}>
        <span class="tile-name">Cost, 24 h</span>
        <span class="tile-figure">
          {perHour === null && costs.total === 0 ? '–' : formatMoney(costs.total, currency)}
          <span class="tile-about">{perHour === null ? 'no price is set' : `${formatMoney(perHour, currency)} an hour`}</span>
        </span>
      </a>
    </li>
  );
}
