/** The webhooks' door: raw bytes in, 202 with the instance's id out. Who may is the trigger's to say (engine/triggers), or the waiting step's
 *  (engine/callbacks). */
import { webhookEndpoints } from '../../contract/webhooks.ts';
import { isCallbackToken, type Callbacks } from '../../engine/callbacks.ts';
import type { Triggers } from '../../engine/triggers.ts';
import type { WebhookRequest } from '../../engine/webhooks.ts';
import { fail } from '../../kernel/fail.ts';
import { readBody } from '../parse.ts';
import { routesOf, type Route } from '../route.ts';

export function webhookRoutes({ triggers, callbacks }: { readonly triggers: Pick<Triggers, 'receive'>; readonly callbacks: Callbacks }): readonly Route[] {
  const receive = async (
    method: WebhookRequest['method'],
    call: { readonly params: { readonly token: string }; readonly request: Request; readonly requestId: string },
    body: Buffer,
  ) => ({
    body: await (isCallbackToken(call.params.token) ? callbacks : triggers).receive({
      token: call.params.token,
      method,
      headers: call.request.headers,
      query: new URL(call.request.url).searchParams,
      body,
      requestId: call.requestId,
    }),
  });
  return routesOf(webhookEndpoints, {
    'POST /webhooks/{token}': async (call) => receive('POST', call, await readBody(call.request)),
    'GET /webhooks/{token}': (call) => {
      // HEAD is answered by the GET route and must change nothing: link checkers send it.
      if (call.request.method !== 'GET') fail('not_found', `A webhook takes no ${call.request.method}.`);
      return receive('GET', call, Buffer.alloc(0));
    },
  });
}
