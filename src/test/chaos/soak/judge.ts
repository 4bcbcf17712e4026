/** What a soak's samples say: whether anything grows that should not. Pure.
 *  One thing to know: a short soak can't show a slow leak, so a slope counts only where its own uncertainty leaves it above the limit. */

export interface SoakSample {
  /** Since the begin of the soak, ms. */
  readonly atMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly handles: number;
  readonly sockets: number;
  readonly processes: number;
  readonly zombies: number;
  /** Private memory of all that Studio started. */
  readonly childrenBytes: number;
  /** Files that a piece of work leaves behind only when something went wrong. */
  readonly tempFiles: number;
  readonly databaseBytes: number;
  readonly healthMs: number;
}

export interface Slope {
  /** A unit an hour. */
  readonly perHour: number;
  /** Twice the standard error: with 95 % the truth lies as near. */
  readonly give: number;
}

const HOUR_MS = 3_600_000;
/** Caches, pools and the compiler's code fill up first. */
const WARM_SHARE = 1 / 3;
const WARM_MOST_MS = 20 * 60_000;
/** R43. */
const RSS_LIMIT = 2 ** 20;
/** One more socket, log file or lock at the moment of the last look is no leak. */
const SLACK = { descriptors: 12, handles: 12, processes: 3, tempFiles: 4 } as const;

/** What comes after the first third, at most twenty minutes. */
export function warm(samples: readonly SoakSample[]): readonly SoakSample[] {
  const from = Math.min(WARM_MOST_MS, (samples.at(-1)?.atMs ?? 0) * WARM_SHARE);
  return samples.filter(({ atMs }) => atMs >= from);
}

/** Least squares. @returns undefined for fewer than eight points: nothing can be said of them */
export function slopeOf(points: readonly { readonly atMs: number; readonly value: number }[]): Slope | undefined {
  const count = points.length;
  if (count < 8) return undefined;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / count;
  const hours = points.map(({ atMs }) => atMs / HOUR_MS);
  const [x, y] = [mean(hours), mean(points.map(({ value }) => value))];
  const spread = hours.reduce((sum, hour) => sum + (hour - x) ** 2, 0);
  if (spread === 0) return undefined;
  const perHour = points.reduce((sum, { value }, index) => sum + ((hours[index] ?? 0) - x) * (value - y), 0) / spread;
  const rest = points.reduce((sum, { value }, index) => sum + (value - y - perHour * ((hours[index] ?? 0) - x)) ** 2, 0);
  return { perHour, give: 2 * Math.sqrt(rest / (count - 2) / spread) };
}

/** Faults by R43: memory that grows for certain. */
export function findGrowth(samples: readonly SoakSample[]): string[] {
  const faults: string[] = [];
  for (const [name, read] of [
    ['RSS', (one: SoakSample) => one.rssBytes],
    ['private memory of children', (one: SoakSample) => one.childrenBytes],
  ] as const) {
    const slope = slopeOf(warm(samples).map((one) => ({ atMs: one.atMs, value: read(one) })));
    if (slope !== undefined && slope.perHour - slope.give > RSS_LIMIT)
      faults.push(`${name} grows by ${mib(slope.perHour)} ± ${mib(slope.give)} MiB an hour; the limit is ${mib(RSS_LIMIT)}`);
  }
  return faults;
}

/** Faults by R43: what was not given back. @param at `before` the work began, and at `rest` once everything had ended */
export function findKept({ before, rest }: { readonly before: SoakSample; readonly rest: SoakSample }): string[] {
  const faults: string[] = [];
  for (const name of ['descriptors', 'handles', 'processes', 'tempFiles'] as const)
    if (rest[name] > before[name] + SLACK[name]) faults.push(`${name}: ${rest[name]} when all was over, ${before[name]} before`);
  if (rest.zombies > 0) faults.push(`${rest.zombies} zombies when all was over`);
  return faults;
}

function mib(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10;
}
