/** Domains over the API. */
import { domainEndpoints } from '../../contract/domains.ts';
import type { DomainControl } from '../../ops/domains.ts';
import { routesOf, type Route } from '../route.ts';

export function domainRoutes(domains: Pick<DomainControl, 'list' | 'verify'>): readonly Route[] {
  return routesOf(domainEndpoints, {
    'GET /api/v1/system/domains': async () => ({ body: await domains.list() }),
    'POST /api/v1/system/domains/verify': async (call) => ({ body: await domains.verify(call.body.domain) }),
  });
}
