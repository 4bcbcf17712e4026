/** Instances over time. */
import { instanceStatsEndpoints, MAX_COUNTED } from '../../contract/instance-stats.ts';
import type { Clock } from '../../kernel/clock.ts';
import { fail } from '../../kernel/fail.ts';
import { countInstancesOverTime, type Stats } from '../../store/instance-stats.ts';
import { instanceFilterOf } from '../filters.ts';
import { routesOf, type Route } from '../route.ts';

const DAY_MS = 86_400_000;

export function instanceStatsRoutes({ clock }: { readonly clock: Pick<Clock, 'now'> }): readonly Route[] {
  return routesOf(instanceStatsEndpoints, {
    'GET /api/v1/instances/stats': async (call) => {
      const cursor = await call.cursor();
      const { from: wantedFrom, to: wantedTo, buckets, ...filter } = call.query;
      const toMs = wantedTo === undefined ? clock.now() : Date.parse(wantedTo);
      const fromMs = wantedFrom === undefined ? toMs - DAY_MS : Date.parse(wantedFrom);
      if (fromMs >= toMs)
        fail('invalid_query', `from is ${iso(fromMs)} and to ${iso(toMs)}: a window ends after it begins; leave both out for the last 24 hours`);
      const stats = await countInstancesOverTime(call.sql, {
        filter: { orgId: call.caller.orgId, ...instanceFilterOf(filter, new Date(clock.now())) },
        from: new Date(fromMs),
        to: new Date(toMs),
        buckets,
        maxRows: MAX_COUNTED,
      });
      const bucketMs = (toMs - fromMs) / buckets;
      const all = bucketOf(stats, null);
      return {
        body: {
          from: iso(fromMs),
          to: iso(toMs),
          bucketMs,
          buckets: Array.from({ length: buckets }, (_, index) => ({ from: iso(fromMs + index * bucketMs), ...bucketOf(stats, index) })),
          total: all.total,
          p50Ms: all.p50Ms,
          p95Ms: all.p95Ms,
          facets: stats.facets,
          ...(stats.countedFrom === null ? {} : { countedFrom: stats.countedFrom.toISOString() }),
          cursor,
        },
      };
    },
  });
}

function bucketOf(stats: Stats, bucket: number | null) {
  const found = stats.counted.find((one) => one.bucket === bucket);
  return { total: found?.total ?? 0, counts: found?.counts ?? {}, p50Ms: found?.p50 ?? null, p95Ms: found?.p95 ?? null };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
