/** The API's description of itself. For the signed-in only: it names every route. */
import { randomBytes } from 'node:crypto';
import type { EndpointSpec } from '../../contract/endpoint.ts';
import { openapiEndpoints } from '../../contract/openapi.ts';
import { docsPage } from '../docs-page.ts';
import { pagePolicy } from '../headers.ts';
import { describe, openapi, type Described } from '../openapi.ts';
import { routesOf, type Route } from '../route.ts';

/** @param specs the contract's list of all endpoints */
export function openapiRoutes({ specs, version }: { readonly specs: readonly EndpointSpec[]; readonly version: string }): readonly Route[] {
  // Lazy: nobody pays for the schemas until the first reader comes (about 50 ms).
  let described: Described | undefined;
  const shown = (): Described => (described ??= describe(specs));
  return routesOf(openapiEndpoints, {
    'GET /api/v1/openapi.json': () => ({ body: openapi(shown(), version) }),
    'GET /api/docs': () => {
      const nonce = randomBytes(16).toString('base64url');
      return new Response(docsPage(shown(), { version, nonce }), {
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy(nonce) },
      });
    },
  });
}
