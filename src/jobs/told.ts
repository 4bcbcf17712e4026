/** What a job tells of itself while it runs, from `$STUDIO_PROGRESS` and from printed markers: the latest values for its row, and points for its curves.
 *  One thing to know: how far a curve is thinned follows from how many points it has had, so that a Studio that comes back thins on alike. */
import type { ClaimedJob } from '../store/job-claims.ts';
import { recordProgress } from '../store/job-progress.ts';
import { countMetricPoints, insertMetricPoints, MAX_POINTS, type MetricPoint } from '../store/job-metrics.ts';
import type { RunParts } from './parts.ts';
import type { Progress } from './progress.ts';

export interface Told {
  add(progress: Progress): void;
  /** Writes what was added since, in one transaction; nothing when nothing was. The caller calls it once a second. */
  flush(): Promise<void>;
}

const MAX_CURVES = 50;

/** Every how many points one is kept, when there are `count`: a power of two, so that what was kept before fits the stride after. */
export function strideOf(count: number): number {
  return count <= MAX_POINTS ? 1 : 2 ** Math.ceil(Math.log2(count / MAX_POINTS));
}

export function createTold(claimed: ClaimedJob, parts: Pick<RunParts, 'database' | 'clock'>): Told {
  let progress: number | undefined;
  let metrics: Record<string, number> = {};
  let isNew = false;
  let last = '';
  /** Points each curve has had, and its stride when it was written last. Undefined: not asked yet. */
  let curves: Map<string, { count: number; stride: number }> | undefined;
  let points: { name: string; atMs: number; step: number | undefined; value: number; count: number }[] = [];
  /** Since the last flush. */
  const added = new Map<string, number>();

  function addPoint(name: string, value: number, step: number | undefined): void {
    const count = added.get(name) ?? 0;
    added.set(name, count + 1);
    // A job that tells faster than anybody looks: the second is thinned before it is kept.
    if (count % strideOf(count + 1) === 0) points.push({ name, atMs: parts.clock.now(), step, value, count });
  }

  async function pointsToWrite(): Promise<{ points: MetricPoint[]; thinned: { name: string; stride: number }[] }> {
    curves ??= new Map(
      [...(await countMetricPoints(parts.database.engine, claimed.job.id))].map(([name, count]) => [name, { count, stride: strideOf(count) }]),
    );
    const before = curves;
    const chosen: MetricPoint[] = [];
    for (const { name, atMs, step, value, count } of points) {
      if (!before.has(name) && before.size >= MAX_CURVES) continue;
      const curve = before.get(name) ?? { count: 0, stride: 1 };
      before.set(name, curve);
      const n = curve.count + count;
      if (n % strideOf(curve.count + (added.get(name) ?? 0)) === 0) chosen.push({ name, n, atMs, step, value });
    }
    const thinned: { name: string; stride: number }[] = [];
    for (const [name, count] of added) {
      const curve = before.get(name);
      if (curve === undefined) continue;
      const stride = strideOf(curve.count + count);
      if (stride > curve.stride) thinned.push({ name, stride });
    }
    return { points: chosen, thinned };
  }

  return {
    add(told) {
      isNew = true;
      progress = told.progress ?? progress;
      if (told.metrics === undefined) return;
      const step = told.metrics['step'];
      metrics = { ...metrics, ...told.metrics };
      for (const [name, value] of Object.entries(told.metrics)) if (name !== 'step') addPoint(name, value, step);
    },
    async flush() {
      if (!isNew) return;
      const text = JSON.stringify([progress, metrics]);
      const toWrite = await pointsToWrite();
      if (text === last && toWrite.points.length === 0) return;
      await parts.database.engine.transaction(async (sql) => {
        await recordProgress(sql, { id: claimed.job.id, workerId: claimed.workerId, attempt: claimed.attempt }, { progress, metrics });
        await insertMetricPoints(sql, { id: claimed.job.id, orgId: claimed.orgId }, toWrite.points, toWrite.thinned);
      });
      parts.database.announce();
      for (const [name, count] of added) {
        const curve = curves?.get(name);
        if (curve === undefined) continue;
        curve.count += count;
        curve.stride = strideOf(curve.count);
      }
      last = text;
      isNew = false;
      points = [];
      added.clear();
    },
  };
}
