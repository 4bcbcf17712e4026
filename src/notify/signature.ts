/** Signatures of outgoing webhooks, as Standard Webhooks writes them. Pure.
 *  @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
import { createHmac } from 'node:crypto';

/** The header `webhook-signature` over `id.timestamp.body`.
 *  @param secret `whsec_` and base64, or any text, whose bytes then are the key  @param timestamp seconds since the epoch */
export function signatureOf(secret: string, signed: { readonly id: string; readonly timestamp: number; readonly body: string }): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret, 'utf8');
  return `v1,${createHmac('sha256', key).update(`${signed.id}.${signed.timestamp}.${signed.body}`).digest('base64')}`;
}
