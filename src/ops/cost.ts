/** Whose work a machine's price was spent on: a pure function of when it ran at which price, and when each job, model and service held how much of it.
 *
 *  A tenant's share of an hour is the part of the machine that it held: of one with GPUs its devices (a share of memory counts as that part of a device) over all
 *  devices; of one without, a job's slots over all slots, a model's or service's cores or memory over those of the machine, whichever is more. Where the shares of
 *  a moment come to more than the machine, each is cut alike. What a tenant held while nobody used it is its idle cost, spread evenly over the time it held it.
 *  What nobody held is the price of being there, and stays with nobody. */

/** Times are ms. */
export interface MachineRun {
  readonly startMs: number;
  readonly endMs: number;
  /** Null: nobody knows. */
  readonly perHour: number | null;
  readonly gpus: number;
  readonly slots: number;
}

export interface HeldUse {
  /** What it counts towards. */
  readonly key: string | null;
  readonly startMs: number;
  readonly endMs: number;
  /** Devices, whole or in part. */
  readonly gpus: number;
  readonly slots: number;
  /** Of the machine where it has no devices; undefined: its slots over all slots. */
  readonly part?: number | undefined;
  /** Of that time, the share in which it was used, 0 to 1. Default: all of it. */
  readonly busy?: number | undefined;
  /** A job, not a model or service. */
  readonly isJob: boolean;
}

export interface Share {
  readonly key: string | null;
  readonly cost: number;
  /** Of the cost, what was paid while nobody used it. */
  readonly idleCost: number;
  readonly gpuHours: number;
  readonly slotHours: number;
  readonly jobs: number;
}

export interface SharedCosts {
  readonly hours: number;
  readonly pricedHours: number;
  readonly total: number;
  readonly attributed: number;
  /** Of it, for what was held and not used. */
  readonly idle: number;
  /** Dearest first. */
  readonly shares: readonly Share[];
}

const HOUR_MS = 3_600_000;

export function shareCosts(runs: readonly MachineRun[], uses: readonly HeldUse[], window: { readonly sinceMs: number; readonly untilMs: number }): SharedCosts {
  const clip = <T extends { readonly startMs: number; readonly endMs: number }>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ ...item, startMs: Math.max(item.startMs, window.sinceMs), endMs: Math.min(item.endMs, window.untilMs) }))
      .filter((item) => item.endMs > item.startMs);
  const ran = clip(runs);
  const held = clip(uses).toSorted((a, b) => a.startMs - b.startMs);
  const shares = new Map<string | null, Sums>();
  const shareOf = (key: string | null): Sums => {
    const known = shares.get(key) ?? { cost: 0, idleCost: 0, gpuHours: 0, slotHours: 0, jobs: 0 };
    shares.set(key, known);
    return known;
  };
  for (const use of held) {
    const share = shareOf(use.key);
    const hours = (use.endMs - use.startMs) / HOUR_MS;
    share.jobs += use.isJob ? 1 : 0;
    share.gpuHours += hours * use.gpus;
    share.slotHours += hours * use.slots;
  }
  for (const run of ran) {
    for (const [use, cost] of costsIn(run, held)) {
      const share = shareOf(use.key);
      share.cost += cost;
      share.idleCost += cost * (1 - (use.busy ?? 1));
    }
  }
  const hoursOf = (some: readonly MachineRun[]): number => some.reduce((sum, run) => sum + (run.endMs - run.startMs) / HOUR_MS, 0);
  const total = ran.reduce((sum, run) => sum + ((run.endMs - run.startMs) / HOUR_MS) * (run.perHour ?? 0), 0);
  const list = [...shares]
    .map(([key, share]) => ({ key, ...share }))
    .toSorted((a, b) => b.cost - a.cost || b.gpuHours - a.gpuHours || b.slotHours - a.slotHours);
  return {
    hours: hoursOf(ran),
    pricedHours: hoursOf(ran.filter(({ perHour }) => perHour !== null)),
    total,
    attributed: list.reduce((sum, { cost }) => sum + cost, 0),
    idle: list.reduce((sum, { idleCost }) => sum + idleCost, 0),
    shares: list,
  };
}

type Sums = { -readonly [Key in Exclude<keyof Share, 'key'>]: Share[Key] };

/** Walks the moments of a run at which what is held changes. */
function costsIn(run: MachineRun, held: readonly HeldUse[]): ReadonlyMap<HeldUse, number> {
  const costs = new Map<HeldUse, number>();
  if (run.perHour === null || run.perHour === 0) return costs;
  const partOf = ({ gpus, slots, part }: HeldUse): number => (run.gpus > 0 ? gpus / run.gpus : (part ?? (run.slots > 0 ? slots / run.slots : 0)));
  const inside = held.filter((use) => use.startMs < run.endMs && use.endMs > run.startMs && partOf(use) > 0);
  const marks = [...new Set(inside.flatMap((use) => [Math.max(use.startMs, run.startMs), Math.min(use.endMs, run.endMs)]))].toSorted((a, b) => a - b);
  let next = 0;
  let active: HeldUse[] = [];
  for (const [index, startMs] of marks.entries()) {
    const endMs = marks[index + 1];
    if (endMs === undefined) break;
    active = active.filter((use) => use.endMs > startMs);
    for (let use = inside[next]; use !== undefined && use.startMs <= startMs; use = inside[++next]) if (use.endMs > startMs) active.push(use);
    const sum = active.reduce((parts, use) => parts + partOf(use), 0);
    const scale = ((endMs - startMs) / HOUR_MS) * run.perHour * (sum > 1 ? 1 / sum : 1);
    for (const use of active) costs.set(use, (costs.get(use) ?? 0) + scale * partOf(use));
  }
  return costs;
}
