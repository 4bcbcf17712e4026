/** The report on data over the API. */
import { complianceEndpoints, type Compliance } from '../../contract/compliance.ts';
import { routesOf, type Route } from '../route.ts';

export function complianceRoutes(parts: { readonly report: () => Promise<Compliance> }): readonly Route[] {
  return routesOf(complianceEndpoints, { 'GET /api/v1/system/compliance': async () => ({ body: await parts.report() }) });
}
