/** The machine as a whole: what it is and uses, its configuration. */
import { systemEndpoints, type Configuration } from '../../contract/system.ts';
import type { Explanation } from '../../config/explain.ts';
import type { Reload } from '../../config/live.ts';
import type { SystemInfo } from '../../contract/system.ts';
import { routesOf, type Route } from '../route.ts';

export interface SystemRouteParts {
  readonly info: () => Promise<SystemInfo>;
  readonly explain: () => Explanation;
  readonly lastReload: () => Reload | undefined;
  readonly reload: () => Promise<Reload>;
  /** Writes down who changed what. */
  readonly audit: (by: { readonly actor: string; readonly orgId: string; readonly address: string }, done: Reload) => Promise<void>;
}

export function systemRoutes(parts: SystemRouteParts): readonly Route[] {
  return routesOf(systemEndpoints, {
    'GET /api/v1/system/info': async () => ({ body: await parts.info() }),
    'GET /api/v1/system/configuration': () => ({ body: configurationOf(parts.explain(), parts.lastReload()) }),
    'POST /api/v1/system/reload': async (call) => {
      const done = await parts.reload();
      await parts.audit({ actor: call.caller.userId, orgId: call.caller.orgId, address: call.address }, done);
      return { body: replyOf(done) };
    },
  });
}

function configurationOf(explanation: Explanation, last: Reload | undefined): Configuration {
  return {
    mode: explanation.mode,
    reason: explanation.reason,
    keys: explanation.keys.map(({ env: [name = '', ...aliases], value, from, hides, change, about, isLive }) => ({
      ...{ name, aliases, value, from, hides: [...hides], change, about, isLive },
      isDefault: from === 'default',
    })),
    notices: [...explanation.notices],
    reload: last === undefined ? null : replyOf(last),
  };
}

function replyOf({ at, applied, needsRestart, faults }: Reload): NonNullable<Configuration['reload']> {
  return { at, applied: [...applied], needsRestart: [...needsRestart], faults: [...faults] };
}
