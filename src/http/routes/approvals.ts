/** What waits for the caller's approval. */
import { approvalEndpoints } from '../../contract/approvals.ts';
import { roles } from '../../contract/values.ts';
import type { Identity } from '../../identity/identity.ts';
import { fail } from '../../kernel/fail.ts';
import { listApprovals } from '../../store/approvals.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function approvalRoutes({ accounts }: { readonly accounts: Pick<Identity['accounts'], 'me'> }): readonly Route[] {
  return routesOf(approvalEndpoints, {
    'GET /api/v1/approvals': async (call) => {
      const cursor = await call.cursor();
      const { limit, after, all } = call.query;
      const { id: userId, email } = await accounts.me(call.caller);
      const held = roles.slice(0, roles.indexOf(call.caller.role) + 1);
      const found = await listApprovals(call.sql, {
        orgId: call.caller.orgId,
        who: all === 'true' ? undefined : { userId, email, roles: held },
        after: placeOf(after),
        limit: limit + 1,
      });
      return { body: pageOf(found, { limit, after: (one) => `${one.instanceId}/${one.path}`, cursor }) };
    },
  });
}

function placeOf(text: string | undefined): { readonly instanceId: string; readonly path: string } | undefined {
  if (text === undefined) return undefined;
  const slash = text.indexOf('/');
  return slash > 0
    ? { instanceId: text.slice(0, slash), path: text.slice(slash + 1) }
    : fail('invalid_query', `after is "${text}", which no page before gave; leave it out to start from the beginning`);
}
