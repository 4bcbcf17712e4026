/** How hard the machine works, as one line a resource: its last hour, and in words how it stands now. Pure. */
import { formatBytes, formatPercent } from '../../ui/format.ts';
import type { MachineView } from '../../state/overview.ts';

export interface LoadLine {
  readonly name: string;
  /** Oldest first; null where nothing is known. */
  readonly values: readonly (number | null)[];
  /** Of the drawing: undefined where there is no whole. */
  readonly max: number | undefined;
  readonly figure: string;
}

type Point = MachineView['load']['points'][number];

/** @param points oldest first  @param cpuNow the share of this moment: a point tells that of its minute */
export function loadLines(points: readonly Point[], cpuNow?: number | null): readonly LoadLine[] {
  const now = points.at(-1);
  if (now === undefined) return [];
  const share = (name: string, of: (point: Point) => number | null, figure: string): LoadLine => ({ name, values: points.map(of), max: 1, figure });
  const network = (point: Point): number | null =>
    point.networkReceivedBytesPerS === null || point.networkSentBytesPerS === null ? null : point.networkReceivedBytesPerS + point.networkSentBytesPerS;
  const flow = network(now);
  const cpu = cpuNow ?? now.cpuShare;
  return [
    share('CPU', (point) => point.cpuShare, cpu === null ? '–' : formatPercent(cpu)),
    share(
      'Memory',
      (point) => part(point.memoryUsedBytes, point.memoryTotalBytes),
      `${formatBytes(now.memoryUsedBytes)} of ${formatBytes(now.memoryTotalBytes)}`,
    ),
    share('Disk', (point) => part(point.diskUsedBytes, point.diskTotalBytes), `${formatBytes(now.diskTotalBytes - now.diskUsedBytes)} free`),
    { name: 'Network', values: points.map(network), max: undefined, figure: flow === null ? '–' : `${formatBytes(flow)}/s` },
  ];
}

function part(used: number, total: number): number {
  return total === 0 ? 0 : used / total;
}
