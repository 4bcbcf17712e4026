/** Webhooks: what the outside calls to start a workflow. How a caller authenticates stands in the trigger's params (contract/trigger-params). */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';

const token = z.strictObject({ token: z.string().max(64) });
/** Whatever a sender puts there becomes input. */
const query = z.looseObject({});
const accepted = z.strictObject({ instanceId: z.string() });

export const webhookEndpoints = [
  endpoint({
    key: 'POST /webhooks/{token}',
    tag: 'webhooks',
    summary: 'Start a workflow by its webhook, or answer a step that waits for a call',
    description:
      'Of a waiting step (cb_…) the first call that is let in counts; every later one is 404. auth header: the secret in X-Studio-Secret (or the header the trigger names). auth jwt: Authorization: Bearer, and a token of the algorithm that the trigger names, not expired. auth hmac: X-Studio-Delivery (an id of letters, digits, - and _), X-Studio-Timestamp (unix seconds, at most five minutes off, or what the trigger says) and X-Studio-Signature: sha256=<hex HMAC-SHA256 of "<delivery>.<timestamp>.<body>">. Copies of one delivery start one instance, whichever auth; without a delivery id every call counts.',
    params: token,
    query,
    bodyKind: 'bytes',
    status: 202,
    reply: accepted,
    errors: ['unauthenticated', 'forbidden', 'not_found', 'conflict', 'invalid_body', 'too_large', 'rate_limited', 'disk_full'],
  }),
  endpoint({
    key: 'GET /webhooks/{token}',
    tag: 'webhooks',
    summary: 'Start a workflow by its webhook, where the trigger allows GET',
    params: token,
    query,
    status: 202,
    reply: accepted,
    errors: ['unauthenticated', 'forbidden', 'not_found', 'conflict', 'invalid_body', 'rate_limited', 'disk_full'],
  }),
] as const;
