/** Outcomes and durations over time above the list; dragging over it narrows the list to that part. */
import { ZoomOut } from 'lucide-preact';
import type { JSX } from 'preact';
import type { InstanceStats } from '../../../src/contract/instance-stats.ts';
import { outcomeBuckets, stacked } from '../../state/instance-stats.ts';
import type { Span } from '../../state/instance-stats.ts';
import type { Resource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Segmented } from '../../ui/field.tsx';
import { formatDuration } from '../../ui/format.ts';
import { OutcomeChart } from '../../ui/outcome-chart.tsx';
import { statusColor, statusLook } from '../../ui/status.ts';
import { RelativeTime } from '../../ui/time.tsx';
import { ErrorView, Skeleton } from '../../ui/views.tsx';

const colors = Object.fromEntries(stacked.map((status) => [status, statusColor(status)]));

export interface InstancesChartProps {
  readonly stats: Resource<InstanceStats>;
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
  /** The filter names a time of its own. */
  readonly isNarrowed: boolean;
  readonly onSelect: (fromMs: number, toMs: number) => void;
  readonly onWiden: () => void;
}

export function InstancesChart(props: InstancesChartProps): JSX.Element {
  const { value, error, reload } = props.stats;
  return (
    <section class="run-chart" aria-label="Outcomes over time">
      <div class="run-chart-head">
        {value !== undefined && <Figures stats={value} />}
        <span class="grow" />
        {props.isNarrowed ? (
          <Button size="small" icon={<ZoomOut size={14} />} hint="z" onClick={props.onWiden}>
            All times
          </Button>
        ) : (
          <Segmented
            label="How far back"
            value={props.span}
            options={[
              { value: '1h', label: '1 h' },
              { value: '24h', label: '24 h' },
              { value: '7d', label: '7 d' },
              { value: '30d', label: '30 d' },
            ]}
            onChange={props.onSpan}
          />
        )}
      </div>
      {value === undefined && error !== undefined && <ErrorView compact title="The chart could not be loaded" error={error} onRetry={reload} />}
      {value === undefined && error === undefined && <Skeleton rows={2} label="Loading the chart" shape="block" />}
      {value !== undefined && (
        <OutcomeChart
          label="Outcomes of instances over time"
          fromMs={Date.parse(value.from)}
          toMs={Date.parse(value.to)}
          buckets={outcomeBuckets(value)}
          colors={colors}
          describe={(index) => wordsOf(value, index)}
          onSelect={props.onSelect}
        />
      )}
    </section>
  );
}

function Figures(props: { readonly stats: InstanceStats }): JSX.Element {
  const { stats } = props;
  const { p50Ms, p95Ms, countedFrom } = stats;
  return (
    <span class="run-chart-figures">
      {p50Ms !== null && (
        <span class="figures muted">
          half took at most {formatDuration(p50Ms)}, 95 % at most {formatDuration(p95Ms ?? p50Ms)}
        </span>
      )}
      {countedFrom !== undefined && (
        <span class="muted">
          the newest, created since <RelativeTime at={countedFrom} />
        </span>
      )}
    </span>
  );
}

function wordsOf(stats: InstanceStats, index: number): string {
  const bucket = stats.buckets[index];
  if (bucket === undefined || bucket.total === 0) return 'none';
  const parts = stacked.flatMap((status) => {
    const count = bucket.counts[status] ?? 0;
    return count === 0 ? [] : [`${count.toLocaleString('en')} ${statusLook(status).word.toLowerCase()}`];
  });
  const took = bucket.p95Ms === null ? '' : `; 95 % within ${formatDuration(bucket.p95Ms)}`;
  return `${parts.join(', ')}${took}`;
}
