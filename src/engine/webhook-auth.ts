/** Whether a webhook call may start its workflow. No effects, over the raw bytes that came; compares in constant time; fails closed:
 *  what is missing, empty, doubled or spelled otherwise is refused. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookParams } from '../contract/trigger-params.ts';
import { readWebhookToken } from './webhook-jwt.ts';

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

/** A call that was let in. */
interface Admitted {
  /** What makes it this one and no other, where its proof says so: the jti of a token that counts once. */
  readonly proofId?: string;
}

/** Whether a call is let in. `refusal`, for its sender, names what is expected, never what is right. */
export async function judgeWebhook(params: WebhookParams, secret: string, call: WebhookCall): Promise<Admitted | { readonly refusal: string }> {
  if (params.auth === 'none') return {};
  if (secret === '') return { refusal: 'this webhook has no secret, so nobody can use it' };
  if (params.auth === 'jwt') return judgeToken(params, secret, call);
  const refusal = params.auth === 'header' ? headerRefusal(params, secret, call) : hmacRefusal(params, secret, call);
  return refusal === undefined ? {} : { refusal };
}

async function judgeToken(params: WebhookParams, secret: string, call: WebhookCall): Promise<Admitted | { readonly refusal: string }> {
  const { jwt } = params;
  const name = params.header ?? 'authorization';
  if (jwt === undefined) return { refusal: 'this webhook does not say which tokens it takes, so nobody can use it' };
  const read = await readWebhookToken(valueOf(call.headers, name) ?? '', secret, { ...jwt, nowMs: call.nowMs });
  if ('fault' in read) return { refusal: `a valid ${jwt.alg} token must stand in the header ${name} (${read.fault})` };
  return jwt.once ? { proofId: read.jti } : {};
}

function headerRefusal(params: WebhookParams, secret: string, call: WebhookCall): string | undefined {
  const name = params.header ?? SECRET_HEADER;
  const value = valueOf(call.headers, name);
  return value !== undefined && isSame(value, secret) ? undefined : `the secret must stand in the header ${name}`;
}

function valueOf(headers: Headers, name: string): string | undefined {
  const given = headers.get(name) ?? undefined;
  return name.toLowerCase() === 'authorization' ? /^Bearer (.+)$/.exec(given ?? '')?.[1] : given;
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
    if (Math.abs(call.nowMs - Number(seconds) * 1_000) > params.windowS * 1_000) return `${TIMESTAMP_HEADER} is more than ${params.windowS} seconds off`;
    hmac.update(`${delivery}.${seconds}.`);
  }
  return isSame(given, hmac.update(call.body).digest('hex')) ? undefined : expects;
}

/** What makes a delivery this one, as a digest. Undefined when nothing does: then every call counts as its own.
 *  Under a signature only what is signed counts: an id that anybody could change would let a replay through. */
export function deliveryOf(params: WebhookParams, headers: Headers, proofId?: string): Buffer | undefined {
  if (proofId !== undefined) return digest(`jti ${proofId}`);
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
