/** uPlot with the colours and type of this UI: the lazy chunk of charts; imported by nobody at once. Draws and tells the cursor; knows no page. */
import uPlot from 'uplot';
import type { AlignedData, Options, Series } from 'uplot';
import { formatClock } from './format.ts';
import { stack } from './plot-data.ts';
import type { Aligned } from './plot-data.ts';

export interface PlotSeries {
  readonly name: string;
  /** A colour of tokens.css: `var(--…)`. */
  readonly color: string;
  /** An area upon the stacked ones before it. */
  readonly isStacked?: boolean | undefined;
}

export interface PlotParts {
  readonly parent: HTMLElement;
  readonly series: readonly PlotSeries[];
  readonly data: Aligned;
  /** `time`: milliseconds since 1970. */
  readonly axis: 'time' | 'number';
  /** Of the x axis where it is not that of the data. */
  readonly range?: readonly [number, number] | undefined;
  /** Of the y axis; default: what the data needs. */
  readonly max?: number | undefined;
  readonly format: (value: number) => string;
  readonly height: number;
  /** The index of the moment that is pointed at. */
  readonly onPick: (index: number | undefined) => void;
}

export interface PlotCanvas {
  set(parts: Pick<PlotParts, 'data' | 'range' | 'max'>): void;
  /** Points at a moment, as the pointer would. */
  point(index: number): void;
  close(): void;
}

const FONT = '11px "Inter Variable", system-ui, sans-serif';

export function createPlot(parts: PlotParts): PlotCanvas {
  const { parent, series } = parts;
  const { colorOf, forget } = createColors(parent);
  let { range, max } = parts;
  const stroked = series.map((one): Series => {
    const color = (): string => colorOf(one.color);
    return { label: one.name, width: one.isStacked === true ? 1 : 1.5, stroke: color, points: { show: false }, spanGaps: false };
  });
  const stackedAt = series.flatMap((one, index) => (one.isStacked === true ? [index + 1] : []));
  const fillOf = (index: number) => (): string => `color-mix(in srgb, ${colorOf(series[index - 1]?.color ?? '')} 45%, transparent)`;
  const lowest = stackedAt[0];
  const first = lowest === undefined ? undefined : stroked[lowest - 1];
  if (first !== undefined && lowest !== undefined) first.fill = fillOf(lowest);
  const axis = { stroke: () => colorOf('var(--text-3)'), font: FONT, ticks: { show: false }, grid: { stroke: () => colorOf('var(--line)'), width: 1 } };
  const options: Options = {
    width: Math.max(40, parent.clientWidth),
    height: parts.height,
    legend: { show: false },
    cursor: { y: false, points: { size: 5 }, drag: { x: true, y: false } },
    scales: {
      x: { time: parts.axis === 'time', range: (_plot, low, high) => (range === undefined ? [low, high] : [...range]) },
      y: { range: (_plot, low, high) => yRange(low, high, max) },
    },
    axes: [
      { ...axis, size: 22, gap: 2, space: 72, grid: { show: false }, ...(parts.axis === 'time' ? { values: (_plot, ticks) => ticks.map(formatClock) } : {}) },
      { ...axis, side: 1, size: 56, gap: 4, space: 28, values: (_plot, ticks) => ticks.map(parts.format) },
    ],
    series: [{}, ...stroked],
    bands: stackedAt.slice(1).map((index, at) => ({ series: [index, stackedAt[at] ?? 0], fill: fillOf(index) })),
    hooks: { setCursor: [(plot) => parts.onPick(plot.cursor.idx ?? undefined)] },
    // The axis counts in what the data has: milliseconds.
    ms: 1,
  };
  const plot = new uPlot(options, drawn(parts.data, series), parent);
  const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(40, parent.clientWidth), height: parts.height }));
  observer.observe(parent);
  const themes = new MutationObserver(() => repaint());
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const repaint = (): void => {
    forget();
    plot.redraw(false, true);
  };
  system.addEventListener('change', repaint);
  return {
    set(next) {
      ({ range, max } = next);
      plot.setData(drawn(next.data, series));
    },
    point(index) {
      const x = plot.data[0][index];
      if (x !== undefined) plot.setCursor({ left: plot.valToPos(x, 'x'), top: 0 });
    },
    close() {
      observer.disconnect();
      themes.disconnect();
      system.removeEventListener('change', repaint);
      plot.destroy();
    },
  };
}

/** What is drawn of the data: stacked series upon each other. */
function drawn({ xs, ys }: Aligned, series: readonly PlotSeries[]): AlignedData {
  const isStacked = (index: number): boolean => series[index]?.isStacked === true;
  const piled = stack(ys.filter((_, index) => isStacked(index)));
  let at = 0;
  return [[...xs], ...ys.map((one, index) => [...(isStacked(index) ? (piled[at++] ?? one) : one)])];
}

/** A flat line lies in the middle; a given top begins at nothing. */
function yRange(low: number | null, high: number | null, max: number | undefined): [number, number] {
  if (max !== undefined) return [0, max];
  if (low === null || high === null) return [0, 1];
  const pad = high === low ? Math.max(Math.abs(high) * 0.1, 1e-9) : (high - low) * 0.06;
  return [low - pad, high + pad];
}

/** Tokens as the canvas takes them: resolved by the browser for the theme of the moment, once each. */
function createColors(parent: HTMLElement): { readonly colorOf: (token: string) => string; readonly forget: () => void } {
  const known = new Map<string, string>();
  const probe = document.createElement('span');
  probe.hidden = true;
  parent.append(probe);
  const colorOf = (token: string): string => {
    const found = known.get(token);
    if (found !== undefined) return found;
    probe.style.color = token;
    const color = getComputedStyle(probe).color;
    known.set(token, color);
    return color;
  };
  return { colorOf, forget: () => known.clear() };
}
