/** One request as doctor-url sends it: on a connection of its own, over HTTP/1.1, whoever the certificate is of. Never follows, never retries. */
import { request as requestPlain, type IncomingHttpHeaders } from 'node:http';
import { request as requestSecure } from 'node:https';

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The body is announced in the headers and never sent. */
  readonly isBodyHeld?: boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Undefined: not JSON. */
  readonly json: unknown;
}

/** A proxy's page of an error is short; more is not looked at. */
const KEPT_CHARS = 100_000;

/** @throws Error when there is no answer in time, or none at all */
export function ask(url: string, asking: Asking & { readonly timeoutMs: number }): Promise<Reply> {
  const { method = 'GET', headers = {}, body, isBodyHeld = false, timeoutMs } = asking;
  const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestSecure : requestPlain;
    const options = { method, headers: { accept: 'application/json', ...length, ...headers }, agent: false, rejectUnauthorized: false };
    const sent = send(url, options, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (part: string) => (text = (text + part).slice(0, KEPT_CHARS)));
      reply.once('error', reject);
      reply.once('end', () => {
        sent.destroy();
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text, json: parse(text) });
      });
    });
    // Cut by the time of the whole, not by silence: a body that trickles must not hold it up.
    const late = AbortSignal.timeout(timeoutMs);
    late.addEventListener('abort', () => sent.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)), { once: true });
    sent.once('upgrade', (reply, socket) => {
      socket.destroy();
      resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text: '', json: undefined });
    });
    sent.on('error', reject);
    if (isBodyHeld) sent.flushHeaders();
    else sent.end(body);
  });
}

/** The code of an error that Studio itself answered with. */
export function errorCodeOf({ json }: Reply): string | undefined {
  const code = (json as { readonly error?: { readonly code?: unknown } } | undefined)?.error?.code;
  return typeof code === 'string' ? code : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
