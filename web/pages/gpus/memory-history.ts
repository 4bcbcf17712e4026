/** Who had the memory of a device over time, as areas upon each other: tenants, the largest first, then what others used. Pure. */
import type { GpuHistory } from '../../state/gpus.ts';
import type { PlotPoint } from '../../ui/plot-data.ts';

type Item = GpuHistory['items'][number];

export interface MemoryArea {
  readonly key: string;
  readonly name: string;
  readonly points: readonly PlotPoint[];
}

// As many hues as there are for tenants; more are one area.
const MAX_TENANTS = 5;

/** Values are bytes in use, x milliseconds since 1970. What tenants do not use is the last area, of the driver and of others. */
export function memoryAreas(item: Pick<Item, 'points' | 'tenants'>): readonly MemoryArea[] {
  const ranked = item.tenants.toSorted((a, b) => mostOf(b) - mostOf(a));
  const [shown, folded] = ranked.length > MAX_TENANTS ? [ranked.slice(0, MAX_TENANTS - 1), ranked.slice(MAX_TENANTS - 1)] : [ranked, []];
  const areas = shown.map((tenant, index) => ({ key: tenant.id ?? `other ${index}`, name: tenant.name, points: usedOf(tenant) }));
  const others = folded.length === 0 ? [] : [{ key: 'more', name: `${folded.length} more`, points: sumOf(folded.map(usedOf)) }];
  const ours = sumOf([...areas, ...others].map((area) => area.points));
  const oursAt = new Map(ours.map((point) => [point.x, point.y ?? 0]));
  const rest = item.points.map((point) => {
    const x = Date.parse(point.at);
    return { x, y: Math.max(0, point.memoryUsedBytes - (oursAt.get(x) ?? 0)) };
  });
  return [...areas, ...others, { key: 'rest', name: areas.length === 0 ? 'In use' : 'Driver and others', points: rest }];
}

function usedOf(tenant: Item['tenants'][number]): readonly PlotPoint[] {
  return tenant.points.map((point) => ({ x: Date.parse(point.at), y: point.usedBytes }));
}

function mostOf(tenant: Item['tenants'][number]): number {
  return Math.max(0, ...tenant.points.map((point) => point.usedBytes));
}

function sumOf(series: readonly (readonly PlotPoint[])[]): readonly PlotPoint[] {
  const sums = new Map<number, number>();
  for (const { x, y } of series.flat()) sums.set(x, (sums.get(x) ?? 0) + (y ?? 0));
  return [...sums].map(([x, y]) => ({ x, y })).toSorted((a, b) => a.x - b.x);
}

/** What each area had at a moment, those that had something. */
export function areasAt(areas: readonly MemoryArea[], x: number): readonly { readonly name: string; readonly bytes: number }[] {
  return areas.flatMap(({ name, points }) => {
    const bytes = points.find((point) => point.x === x)?.y ?? 0;
    return bytes > 0 ? [{ name, bytes }] : [];
  });
}
