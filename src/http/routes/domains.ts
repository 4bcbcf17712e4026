/** Domains over the API. */
import { domainEndpoints } from '../../contract/domains.ts';
import type { DomainControl } from '../../ops/domains.ts';
import { routesOf, type Route } from '../route.ts';

/** What Cloudflare adds to each request that passes its edge. */
const EDGE_HEADER = 'cf-ray';

export function domainRoutes(domains: DomainControl): readonly Route[] {
  return routesOf(domainEndpoints, {
    'GET /health/identity': (call) => ({ body: { proof: domains.prove(call.query.challenge), isTunnelled: call.header(EDGE_HEADER) !== undefined } }),
    'GET /api/v1/system/domains': async () => ({ body: await domains.list() }),
    'POST /api/v1/system/domains/verify': async (call) => ({ body: await domains.verify(call.body.domain) }),
  });
}
