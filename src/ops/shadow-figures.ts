/** The shadow's figures as alerts and the metrics of lag want them. Apart from shadow-metrics.ts: wiring must not load what draws metrics. */
import type { HealthBoard } from './health.ts';
import type { ShadowFigures } from './watched.ts';

/** @param shadow null while it is not known: nothing is behind then */
export function shadowFigures(shadow: ReturnType<HealthBoard['shadow']>): ShadowFigures {
  return {
    isSynchronous: shadow?.mode === 'sync',
    lagMs: shadow?.lagMs ?? 0,
    lagBytes: shadow?.lagBytes ?? 0,
    lastBaseMs: shadow === null || shadow.lastBaseAt === null ? null : Date.parse(shadow.lastBaseAt),
    fault: shadow?.faults[0] ?? null,
  };
}
