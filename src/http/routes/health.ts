/** Health and metrics over HTTP. `/health` and `/health/live` are answered by the listener before the application sees them;
 *  they stand here too, so that the application alone answers the same. */
import { healthEndpoints } from '../../contract/health.ts';
import type { HealthBoard } from '../../ops/health.ts';
import type { Infrastructure } from '../../ops/infrastructure.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { routesOf, type Route } from '../route.ts';

export interface HealthRouteParts {
  readonly board: Pick<HealthBoard, 'minimal'>;
  readonly infrastructure: Infrastructure;
  /** Loaded at the first reading: prom-client is not needed before. */
  readonly metrics: () => Promise<Pick<Metrics, 'read'>>;
}

export function healthRoutes({ board, infrastructure, metrics }: HealthRouteParts): readonly Route[] {
  return routesOf(healthEndpoints, {
    'GET /health': () => {
      const { httpStatus, body } = board.minimal();
      return { body, status: httpStatus };
    },
    'GET /health/live': () => ({ body: { status: 'live' as const } }),
    'GET /api/v1/infrastructure/health': async () => ({ body: await infrastructure.glance() }),
    'GET /api/v1/infrastructure/health/redis': async () => ({ body: await infrastructure.redis() }),
    'GET /api/v1/infrastructure/health/workers': async () => ({ body: await infrastructure.workers() }),
    'GET /api/v1/infrastructure/health/full': async () => {
      const body = await infrastructure.full();
      return { body, status: body.ok ? 200 : 503 };
    },
    'GET /api/v1/infrastructure/health/storage': async () => ({ body: await infrastructure.storage() }),
    'GET /api/v1/infrastructure/health/database': async () => ({ body: await infrastructure.database() }),
    'GET /metrics': async () =>
      new Response(await (await metrics()).read(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' } }),
  });
}
