/** What the charts of the machine show: a panel a resource, its lines over time and how it stands now. Pure. */
import { formatBytes, formatMs, formatPercent, formatShort } from '../../ui/format.ts';
import type { PlotPoint } from '../../ui/plot-data.ts';
import type { ReplyOf } from '../../../src/contract/index.ts';

type Point = ReplyOf<'GET /api/v1/system/metrics'>['points'][number];

export interface ChartLine {
  readonly name: string;
  readonly color: string;
  readonly isStacked?: boolean;
  readonly points: readonly PlotPoint[];
}

export interface ChartPanel {
  readonly title: string;
  /** How it stands now. */
  readonly now: string;
  readonly lines: readonly ChartLine[];
  /** Top of the axis, which begins at nothing. */
  readonly max: number;
  readonly format: (value: number) => string;
}

const BLUE = 'var(--running-solid)';
const GREEN = 'var(--ok-solid)';
const AMBER = 'var(--retry-solid)';
const COLORS = [BLUE, 'var(--cached-solid)', 'var(--dead-solid)', 'var(--timed-out-solid)', 'var(--paused-solid)', GREEN, AMBER] as const;

/** @param points oldest first */
export function chartPanels(points: readonly Point[]): readonly ChartPanel[] {
  const last = points.at(-1);
  if (last === undefined) return [];
  const line = (name: string, color: string, of: (point: Point) => number | null, isStacked = false): ChartLine => ({
    name,
    color,
    ...(isStacked ? { isStacked } : {}),
    points: points.map((point) => ({ x: Date.parse(point.at), y: of(point) })),
  });
  const known = (value: number | null, format: (value: number) => string): string => (value === null ? '–' : format(value));
  const perS = (value: number): string => `${formatShort(value)}/s`;
  const bytesPerS = (value: number): string => `${formatBytes(value)}/s`;
  const panels: readonly Drawn[] = [
    { title: 'CPU', now: known(last.cpuShare, formatPercent), lines: [line('CPU', BLUE, (p) => p.cpuShare)], max: 1, format: formatPercent },
    {
      title: 'Memory',
      now: `${formatBytes(last.memoryUsedBytes)} of ${formatBytes(last.memoryTotalBytes)}`,
      lines: [line('Used', BLUE, (p) => p.memoryUsedBytes), line('Studio itself', COLORS[1], (p) => p.processBytes)],
      max: last.memoryTotalBytes,
      format: formatBytes,
    },
    {
      title: 'Disk',
      now: `${formatBytes(last.diskTotalBytes - last.diskUsedBytes)} free`,
      lines: [line('Used', BLUE, (p) => p.diskUsedBytes)],
      max: last.diskTotalBytes,
      format: formatBytes,
    },
    {
      title: 'Throughput',
      now: known(last.stepsPerS, (value) => `${perS(value)} steps`),
      lines: [line('Steps and jobs', BLUE, (p) => p.stepsPerS), line('Requests', COLORS[1], (p) => p.requestsPerS)],
      max: undefined,
      format: perS,
    },
    {
      title: 'Jobs',
      now: known(last.queuedJobs, (value) => `${value} waiting`),
      lines: [line('Running', BLUE, (p) => p.runningJobs, true), line('Waiting', AMBER, (p) => p.queuedJobs, true)],
      max: undefined,
      format: formatShort,
    },
    {
      title: 'Event loop delay',
      now: known(last.loopDelayMs, formatMs),
      lines: [line('99th percentile', BLUE, (p) => p.loopDelayMs)],
      max: undefined,
      format: formatMs,
    },
    {
      title: 'Database connections',
      now: known(last.databaseConnections, String),
      lines: [line('Connections', BLUE, (p) => p.databaseConnections)],
      max: undefined,
      format: formatShort,
    },
    {
      title: 'Network',
      now: known(sumOf(last), bytesPerS),
      lines: [line('In', BLUE, (p) => p.networkReceivedBytesPerS), line('Out', COLORS[1], (p) => p.networkSentBytesPerS)],
      max: undefined,
      format: bytesPerS,
    },
    ...gpuPanels(points),
  ];
  return panels.map((panel) => ({ ...panel, max: panel.max ?? topOf(panel) }));
}

/** A panel whose top may be what its lines need. */
type Drawn = Omit<ChartPanel, 'max'> & { readonly max: number | undefined };

/** So that a quiet resource is drawn as a quiet one. */
const LEAST: Readonly<Record<string, number>> = { Jobs: 4, 'Event loop delay': 50, 'Database connections': 10, Network: 1_024, 'GPU temperature': 100 };

function topOf({ title, lines }: Drawn): number {
  const tops = lines.map(({ points }) => points.reduce((top, { y }) => Math.max(top, y ?? 0), 0));
  const isStacked = lines.some((one) => one.isStacked === true);
  return Math.max(LEAST[title] ?? 1, (isStacked ? tops.reduce((sum, top) => sum + top, 0) : Math.max(0, ...tops)) * 1.1);
}

function sumOf(point: Point): number | null {
  const { networkReceivedBytesPerS: received, networkSentBytesPerS: sent } = point;
  return received === null || sent === null ? null : received + sent;
}

/** Of all cards, a line each. */
function gpuPanels(points: readonly Point[]): readonly Drawn[] {
  const cards = [...new Map(points.flatMap((point) => point.gpus.map((gpu) => [gpu.uuid, gpu.index] as const)))].toSorted((a, b) => a[1] - b[1]);
  if (cards.length === 0) return [];
  type GpuPoint = Point['gpus'][number];
  const lines = (of: (gpu: GpuPoint) => number | null): readonly ChartLine[] =>
    cards.map(([uuid, index], at) => ({
      name: `GPU ${index}`,
      color: COLORS[at % COLORS.length] ?? BLUE,
      points: points.map((point) => {
        const gpu = point.gpus.find((one) => one.uuid === uuid);
        return { x: Date.parse(point.at), y: gpu === undefined ? null : of(gpu) };
      }),
    }));
  const newest = points.at(-1)?.gpus ?? [];
  const most = (values: readonly (number | null)[]): number | null =>
    values.reduce((top, value) => (value === null ? top : Math.max(top ?? value, value)), null);
  const busiest = most(newest.map((gpu) => gpu.utilizationPercent));
  const hottest = most(newest.map((gpu) => gpu.temperatureC));
  const celsius = (value: number): string => `${Math.round(value)} °C`;
  return [
    {
      title: 'GPU utilisation',
      now: busiest === null ? '–' : formatPercent(busiest / 100),
      lines: lines((gpu) => (gpu.utilizationPercent === null ? null : gpu.utilizationPercent / 100)),
      max: 1,
      format: formatPercent,
    },
    {
      title: 'GPU memory',
      now: formatBytes(newest.reduce((total, gpu) => total + gpu.memoryUsedBytes, 0)),
      lines: lines((gpu) => gpu.memoryUsedBytes),
      max: undefined,
      format: formatBytes,
    },
    { title: 'GPU temperature', now: hottest === null ? '–' : celsius(hottest), lines: lines((gpu) => gpu.temperatureC), max: undefined, format: celsius },
  ];
}

/** What the lines say of one moment. */
export function momentOf({ lines, format }: Pick<ChartPanel, 'lines' | 'format'>, x: number): string {
  return lines
    .flatMap(({ name, points }) => {
      const y = points.find((point) => point.x === x)?.y;
      return y === null || y === undefined ? [] : [`${lines.length === 1 ? '' : `${name} `}${format(y)}`];
    })
    .join(' · ');
}
