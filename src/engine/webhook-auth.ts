/** Whether a webhook call may start its workflow. Pure, over the raw bytes that came; compares in constant time; fails closed:
 *  what is missing, empty, doubled or spelled otherwise is refused. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookParams } from '../contract/graph.ts';

/** A sender's clock may be off, and a queue may hold a call, by this much. Source: RELIABILITY R29. */
export const TIMESTAMP_WINDOW_MS = 5 * 60_000;
export const SECRET_HEADER = 'x-studio-secret';
export const SIGNATURE_HEADER = 'x-studio-signature';
export const TIMESTAMP_HEADER = 'x-studio-timestamp';
export const DELIVERY_HEADER = 'x-studio-delivery';
/** Of senders that sign no id; looked for in this order. */
const DELIVERY_HEADERS = [DELIVERY_HEADER, 'webhook-id', 'x-github-delivery', 'x-gitlab-event-uuid', 'idempotency-key'];
const MAX_DELIVERY_LENGTH = 500;

export interface WebhookCall {
  readonly headers: Headers;
  readonly body: Buffer;
  readonly nowMs: number;
}

/** What refused a call, for its sender: names what is expected, never what is right. Undefined: let in. */
export function webhookRefusal(params: WebhookParams, secret: string, call: WebhookCall): string | undefined {
  if (params.auth === 'none') return undefined;
  if (secret === '') return 'this webhook has no secret, so nobody can use it';
  return params.auth === 'header' ? headerRefusal(params, secret, call) : hmacRefusal(params, secret, call);
}

function headerRefusal(params: WebhookParams, secret: string, call: WebhookCall): string | undefined {
  const name = params.header ?? SECRET_HEADER;
  const given = call.headers.get(name);
  const value = name.toLowerCase() === 'authorization' ? /^Bearer (.+)$/.exec(given ?? '')?.[1] : given;
  return value !== undefined && value !== null && isSame(value, secret) ? undefined : `the secret must stand in the header ${name}`;
}

function hmacRefusal(params: WebhookParams, secret: string, call: WebhookCall): string | undefined {
  const name = params.header ?? SIGNATURE_HEADER;
  const given = /^sha256=([0-9a-f]{64})$/.exec(call.headers.get(name) ?? '')?.[1];
  const expects = `${name} must be sha256= and the hex HMAC-SHA256 of ${params.timestamp ? '"<delivery>.<timestamp>.<body>"' : 'the body'}`;
  if (given === undefined) return expects;
  const hmac = createHmac('sha256', secret);
  if (params.timestamp) {
    const delivery = /^[A-Za-z0-9_-]{1,200}$/.exec(call.headers.get(DELIVERY_HEADER) ?? '')?.[0];
    if (delivery === undefined) return `${DELIVERY_HEADER} must name this delivery, in up to 200 letters, digits, - and _`;
    const seconds = /^\d{1,12}$/.exec(call.headers.get(TIMESTAMP_HEADER) ?? '')?.[0];
    if (seconds === undefined) return `${TIMESTAMP_HEADER} must hold the time of sending in unix seconds`;
    if (Math.abs(call.nowMs - Number(seconds) * 1_000) > TIMESTAMP_WINDOW_MS)
      return `${TIMESTAMP_HEADER} is more than ${TIMESTAMP_WINDOW_MS / 60_000} minutes off`;
    hmac.update(`${delivery}.${seconds}.`);
  }
  return isSame(given, hmac.update(call.body).digest('hex')) ? undefined : expects;
}

/** What makes a delivery this one, as a digest. Undefined when nothing does: then every call counts as its own.
 *  Under a signature only what is signed counts: an id that anybody could change would let a replay through. */
export function deliveryOf(params: WebhookParams, headers: Headers): Buffer | undefined {
  if (params.auth === 'hmac' && !params.timestamp) return digest(`signature ${headers.get(params.header ?? SIGNATURE_HEADER) ?? ''}`);
  const names = params.auth === 'hmac' ? [DELIVERY_HEADER] : DELIVERY_HEADERS;
  const sent = names.map((name) => headers.get(name)).find((value) => value !== null && value !== '' && value.length <= MAX_DELIVERY_LENGTH);
  return typeof sent === 'string' ? digest(`id ${sent}`) : undefined;
}

/** Of any lengths, in a time that tells nothing about either. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
