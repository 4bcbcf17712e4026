/** Instances over time under the list's filter, for its chart and its facets: read again, at most every few seconds, when instances changed. */
import type { InstanceStats } from '../../src/contract/instance-stats.ts';
import { call } from '../api.ts';
import type { Filter } from '../route.ts';
import type { OutcomeBucket } from '../ui/outcome-bars.ts';
import { instanceQuery } from './instance-filter.ts';
import { useResource } from './resource.ts';
import type { Resource } from './resource.ts';

// Counting a busy day takes a tenth of a second; a bar that is a few seconds old misleads nobody.
const RECOUNT_MS = 4_000;
const BUCKETS = 72;

export const spans = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000 } as const;
export type Span = keyof typeof spans;

/** @param span how far back it looks, where the filter names no time of its own */
export function useInstanceStats(filter: Filter, text: string, parts: { readonly span: Span; readonly orgId: string }): Resource<InstanceStats> {
  const { span, orgId } = parts;
  return useResource<InstanceStats>(
    async (signal) => {
      const nowMs = Date.now();
      const { since, until, ...query } = instanceQuery(filter, nowMs);
      const to = until ?? new Date(nowMs).toISOString();
      const from = since ?? new Date(Date.parse(to) - spans[span]).toISOString();
      return await call('GET /api/v1/instances/stats', { query: { ...query, from, to, buckets: BUCKETS }, signal });
    },
    [text, span, orgId],
    {
      follow: {
        rooms: [`org:${orgId}`],
        apply: (stats, event) => (event.event_type.startsWith('engine:instance:') ? 'reload' : stats),
        reloadAfterMs: RECOUNT_MS,
      },
    },
  );
}

/** The order in which outcomes are stacked, from below. */
export const stacked = ['completed', 'failed', 'cancelled', 'waiting', 'paused', 'running', 'pending'] as const;

export function outcomeBuckets(stats: InstanceStats): readonly OutcomeBucket[] {
  return stats.buckets.map((bucket) => ({
    fromMs: Date.parse(bucket.from),
    parts: stacked.map((key) => ({ key, value: bucket.counts[key] ?? 0 })),
    line: bucket.p95Ms,
  }));
}
