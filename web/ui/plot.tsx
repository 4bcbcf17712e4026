/** A chart of a few series: drawn by a lazy chunk (uPlot), picked by the pointer or the arrow keys, its moment said in words below.
 *  Dragging over it looks closer; a double click shows all again. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { align } from './plot-data.ts';
import type { ComponentChildren, JSX } from 'preact';
import type { PlotCanvas, PlotParts, PlotSeries } from './plot-canvas.ts';
import type { PlotPoint } from './plot-data.ts';

export interface PlotProps extends Pick<PlotParts, 'axis' | 'range' | 'max' | 'format' | 'height'> {
  /** What it shows, in one sentence: it is all that a screen reader has. */
  readonly label: string;
  readonly series: readonly (PlotSeries & { readonly points: readonly PlotPoint[] })[];
  /** What is said of one moment. */
  readonly describe: (x: number) => ComponentChildren;
  /** Points further apart than this are not joined. */
  readonly gap?: number | undefined;
}

export function Plot(props: PlotProps): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<PlotCanvas>();
  const picked = useSignal<number | undefined>(undefined);
  const data = align(
    props.series.map((one) => one.points),
    props.gap,
  );
  const latest = useRef({ props, data });
  latest.current = { props, data };
  // Other series are another chart; other points of the same are drawn into it.
  const shape = props.series.map((one) => `${one.name} ${one.color} ${one.isStacked === true}`).join('\n');
  useEffect(() => {
    let isGone = false;
    void import('./plot-canvas.ts').then(({ createPlot }) => {
      const parent = frame.current;
      if (isGone || parent === null) return;
      const { props: given, data: first } = latest.current;
      canvas.current = createPlot({ ...given, parent, data: first, onPick: (index) => (picked.value = index) });
    });
    return () => {
      isGone = true;
      canvas.current?.close();
      canvas.current = undefined;
    };
  }, [shape, props.axis]);
  useEffect(() => canvas.current?.set({ data, range: props.range, max: props.max }), [data, props.max, props.range?.[0], props.range?.[1]]);
  const move = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (step === 0 || data.xs.length === 0) return;
    event.preventDefault();
    const next = Math.min(data.xs.length - 1, Math.max(0, (picked.value ?? data.xs.length - 1) + step));
    picked.value = next;
    canvas.current?.point(next);
  };
  const x = picked.value === undefined ? undefined : data.xs[picked.value];
  return (
    <figure class="plot">
      <div ref={frame} class="plot-frame" role="img" aria-label={props.label} tabIndex={0} style={{ height: `${props.height}px` }} onKeyDown={move} />
      <figcaption class="plot-legend small" aria-live="polite">
        {x === undefined
          ? props.series.map((one) => (
              <span key={one.name} class="row">
                <span class="plot-key" style={{ backgroundColor: one.color }} aria-hidden="true" />
                <span class="truncate">{one.name}</span>
              </span>
            ))
          : props.describe(x)}
      </figcaption>
    </figure>
  );
}
