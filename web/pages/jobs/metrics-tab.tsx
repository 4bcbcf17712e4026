/** Curves of what a job says of its metrics, drawn anew while it runs. */
import type { JSX } from 'preact';
import type { Job } from '../../../src/contract/jobs.ts';
import { call } from '../../api.ts';
import { curveOf, formatValue } from '../../state/curves.ts';
import type { Curve } from '../../state/curves.ts';
import { useResource } from '../../state/resource.ts';
import { Plot } from '../../ui/plot.tsx';
import { Empty, View } from '../../ui/views.tsx';

const HEIGHT = 140;
const AGAIN_MS = 2_000;

export function MetricsTab(props: { readonly job: Job }): JSX.Element {
  const { job } = props;
  const live = job.status === 'running';
  const found = useResource(
    async (signal) => await call('GET /api/v1/jobs/{id}/metrics', { params: { id: job.id }, signal }),
    [job.id, job.status],
    live ? { everyMs: AGAIN_MS } : {},
  );
  return (
    <div class="pane-body">
      <View of={found} what="metrics">
        {({ series }) => {
          const curves = series.map(curveOf).filter((curve) => curve !== undefined);
          return curves.length === 0 ? (
            <Empty title="No metrics">
              A job tells them by lines such as <code>::metric loss=0.52 step=10::</code>, or in $STUDIO_PROGRESS.
            </Empty>
          ) : (
            <div class="curves">
              {curves.map((curve) => (
                <CurveView key={curve.name} curve={curve} />
              ))}
            </div>
          );
        }}
      </View>
    </div>
  );
}

function CurveView({ curve }: { readonly curve: Curve }): JSX.Element {
  const last = curve.points.at(-1);
  return (
    <section class="curve" aria-label={curve.name}>
      <header class="curve-head">
        <span class="strong truncate">{curve.name}</span>
        <span class="mono figures">{last === undefined ? '' : formatValue(last.y)}</span>
        <span class="faint small figures">{last === undefined ? '' : placeOf(curve, last.x)}</span>
      </header>
      <Plot
        label={`${curve.name}: ${curve.points.length} points from ${formatValue(curve.fromY)} to ${formatValue(curve.toY)}`}
        axis={curve.over === 'time' ? 'time' : 'number'}
        height={HEIGHT}
        format={formatValue}
        series={[{ name: curve.name, color: 'var(--accent)', points: curve.points }]}
        describe={(x) => <Moment curve={curve} x={x} />}
      />
    </section>
  );
}

function Moment({ curve, x }: { readonly curve: Curve; readonly x: number }): JSX.Element {
  const point = curve.points.find((one) => one.x === x);
  return <span class="mono">{point === undefined ? '' : `${placeOf(curve, x)} · ${formatValue(point.y)}`}</span>;
}

function placeOf(curve: Curve, x: number): string {
  if (curve.over === 'step') return `step ${formatValue(x)}`;
  return new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(x);
}
