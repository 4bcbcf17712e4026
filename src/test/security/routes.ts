/** Every route of the API with its rule, and how to call it: what the generated security tests go through, so that a new endpoint is
 *  tested the day it appears. */
import { endpoints, type EndpointKey } from '../../contract/index.ts';
import type { EndpointSpec } from '../../contract/endpoint.ts';
import { errorBody } from '../../contract/error.ts';
import { gatewayError } from '../../contract/gateway.ts';
import { policy, type Rule } from '../../identity/policy.ts';

export interface TestedRoute {
  readonly key: EndpointKey;
  readonly method: string;
  /** With `{name}` where parameters stand. */
  readonly template: string;
  readonly spec: EndpointSpec;
  readonly rule: Rule;
  readonly isPublic: boolean;
  readonly changes: boolean;
  readonly params: readonly string[];
  /** What its refusals look like. */
  readonly refusal: typeof errorBody | typeof gatewayError;
}

export const routes: readonly TestedRoute[] = endpoints.map((spec) => {
  const [method = '', template = ''] = spec.key.split(' ');
  const rule = policy[spec.key];
  return {
    key: spec.key,
    method,
    template,
    spec,
    rule,
    isPublic: 'access' in rule,
    changes: !['GET', 'HEAD', 'OPTIONS'].includes(method),
    refusal: spec.tag === 'gateway' ? gatewayError : errorBody,
    params: [...template.matchAll(/\{(\w+)\+?\}/g)].map((match) => match[1] ?? ''),
  };
});

export const guarded = routes.filter((route) => !route.isPublic);

/** What stands for each parameter when nothing real is meant: well-formed, and nobody's. */
const UNKNOWN: Readonly<Record<string, string>> = { n: '1', path: 'unknown', name: 'UNKNOWN', key: 'unknown' };

/** The path of `route` with `values` in place of its parameters, each encoded as one segment; others are nobody's. */
export function pathOf(route: TestedRoute, values: Readonly<Record<string, string>> = {}): string {
  return route.template.replaceAll(/\{(\w+)\+?\}/g, (_, name: string) => encodeURIComponent(values[name] ?? UNKNOWN[name] ?? `x_${'0'.repeat(26)}`));
}

/** Query that a route can't do without, so that what is tested is not its absence. */
export function queryOf(route: TestedRoute): string {
  const needed: Readonly<Record<string, string>> = {
    'GET /api/v1/events': '?room=system',
    'GET /api/v1/jobs/{id}/log/search': '?text=x',
    'GET /api/v1/services/{name}/log/search': '?text=x',
    'GET /api/v1/search': '?q=only-home-knows-this',
    'GET /api/v1/triggers/next-times': '?expression=0%203%20*%20*%20*',
    'DELETE /api/v1/workflows/{id}/editors': '?editor=unknown1',
  };
  return needed[route.key] ?? '';
}
