/** Curves of what a job says of its metrics, drawn anew while it runs. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Job } from '../../../src/contract/jobs.ts';
import { call } from '../../api.ts';
import { curveOf, formatValue, nearestTo, polylineOf } from '../../state/curves.ts';
import type { Curve } from '../../state/curves.ts';
import { useResource } from '../../state/resource.ts';
import { Empty, View } from '../../ui/views.tsx';

const BOX = { width: 600, height: 120 };
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

function CurveView(props: { readonly curve: Curve }): JSX.Element {
  const { curve } = props;
  const [picked, setPicked] = useState<number>();
  const point = curve.points[Math.min(picked ?? curve.points.length - 1, curve.points.length - 1)];
  const pick = (event: PointerEvent & { currentTarget: HTMLElement }): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setPicked(nearestTo(curve, (event.clientX - box.left) / Math.max(1, box.width)));
  };
  const move = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (step === 0) return;
    event.preventDefault();
    setPicked(Math.min(curve.points.length - 1, Math.max(0, (picked ?? curve.points.length - 1) + step)));
  };
  const share = point === undefined || curve.toX === curve.fromX ? 1 : (point.x - curve.fromX) / (curve.toX - curve.fromX);
  return (
    <figure class="curve">
      <figcaption class="curve-head">
        <span class="strong truncate">{curve.name}</span>
        <span class="mono figures" aria-live="polite">
          {point === undefined ? '' : formatValue(point.y)}
        </span>
        <span class="faint small figures">{point === undefined ? '' : placeOf(curve, point.x)}</span>
      </figcaption>
      <div
        class="curve-plot"
        role="img"
        aria-label={`${curve.name}: ${curve.points.length} points from ${formatValue(curve.fromY)} to ${formatValue(curve.toY)}`}
        tabIndex={0}
        onPointerMove={pick}
        onPointerLeave={() => setPicked(undefined)}
        onKeyDown={move}
      >
        <svg viewBox={`0 0 ${BOX.width} ${BOX.height}`} preserveAspectRatio="none" width="100%" height={BOX.height} aria-hidden="true">
          {[0, 0.5, 1].map((height) => (
            <line
              key={height}
              x1="0"
              x2={BOX.width}
              y1={BOX.height * height}
              y2={BOX.height * height}
              stroke="var(--line)"
              vector-effect="non-scaling-stroke"
            />
          ))}
          <polyline
            points={polylineOf(curve, BOX)}
            fill="none"
            stroke="var(--accent)"
            stroke-width="1.5"
            stroke-linejoin="round"
            vector-effect="non-scaling-stroke"
          />
          {picked !== undefined && (
            <line x1={share * BOX.width} x2={share * BOX.width} y1="0" y2={BOX.height} stroke="var(--line-control)" vector-effect="non-scaling-stroke" />
          )}
        </svg>
        <span class="curve-mark curve-top faint">{formatValue(curve.toY)}</span>
        <span class="curve-mark curve-bottom faint">{formatValue(curve.fromY)}</span>
      </div>
      <div class="curve-ends faint small figures">
        <span>{placeOf(curve, curve.fromX)}</span>
        <span>{placeOf(curve, curve.toX)}</span>
      </div>
    </figure>
  );
}

function placeOf(curve: Curve, x: number): string {
  if (curve.over === 'step') return `step ${formatValue(x)}`;
  return new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(x);
}
