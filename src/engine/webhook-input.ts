/** What an instance gets of the webhook call that started it. Pure. Credentials never become input: input is stored and shown. */
import type { Json } from '../contract/endpoint.ts';
import type { WebhookParams } from '../contract/trigger-params.ts';
import { SECRET_HEADER, SIGNATURE_HEADER } from './webhook-auth.ts';

export interface ReceivedCall {
  readonly method: string;
  readonly headers: Headers;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

const HIDDEN = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key', SECRET_HEADER, SIGNATURE_HEADER]);

/** `{ method, query, headers, body, receivedAt }`. A JSON body is parsed, text stays text, other bytes are `{ base64 }`. */
export function webhookInput(call: ReceivedCall, params: WebhookParams, receivedAt: Date): Json {
  const headers = Object.fromEntries([...call.headers].filter(([name]) => !HIDDEN.has(name) && name !== params.header?.toLowerCase()));
  const query = Object.fromEntries(
    [...new Set(call.query.keys())].map((name) => {
      const values = call.query.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? '') : values] as const;
    }),
  );
  return { method: call.method, query, headers, body: bodyOf(call), receivedAt: receivedAt.toISOString() };
}

function bodyOf(call: ReceivedCall): Json {
  if (call.body.length === 0) return null;
  const text = textOf(call.body);
  if (text === undefined) return { base64: call.body.toString('base64') };
  const type = call.headers.get('content-type') ?? '';
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(type)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    // Said to be JSON and is not: the workflow sees what came.
    return text;
  }
}

function textOf(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // PostgreSQL's text can't hold it.
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
