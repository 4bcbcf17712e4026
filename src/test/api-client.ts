/** A plain caller of the API, as curl would be: knows nothing of the contract, so that it also sees what the contract forbids. */
import { request as httpRequest } from 'node:http';

export interface ApiReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown;
  readonly text: string;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface ApiClient {
  readonly url: string;
  readonly token: string | undefined;
  /** @throws when there is no answer: refused, reset, or too late */
  call(method: string, path: string, options?: CallOptions): Promise<ApiReply>;
  /** The JSON object of a reply that must have `status`. @throws an error that shows the reply otherwise */
  expect(status: number, method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Record<string, unknown>>;
}

export function createApiClient(url: string, token?: string): ApiClient {
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client: ApiClient = {
    url,
    token,
    call: (method, path, options = {}) => send(url, method, path, { ...options, headers: { ...authorization, ...options.headers } }),
    async expect(status, method, path, body, headers) {
      const reply = await client.call(method, path, { body, ...(headers === undefined ? {} : { headers }) });
      if (reply.status !== status) throw new Error(`${method} ${path} answered ${reply.status}, not ${status}: ${reply.text.slice(0, 2_000)}`);
      return asObject(reply.body);
    },
  };
  return client;
}

/** One request over a connection of its own, with the path exactly as written (fetch would tidy `//` and `/../`). */
export function send(url: string, method: string, path: string, options: CallOptions): Promise<ApiReply> {
  const { hostname, port } = new URL(url);
  const isRaw = typeof options.body === 'string' || options.body instanceof Uint8Array;
  const payload = options.body === undefined ? undefined : isRaw ? (options.body as string | Uint8Array) : JSON.stringify(options.body);
  const headers: Record<string, string> = { ...(payload === undefined || isRaw ? {} : { 'content-type': 'application/json' }), ...options.headers };
  if (payload !== undefined) headers['content-length'] ??= String(Buffer.byteLength(payload));
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: hostname, port, method, path, headers, agent: false, timeout: options.timeoutMs ?? 120_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const flat = Object.fromEntries(
          Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join('\n') : (value ?? '')]),
        );
        resolve({ status: response.statusCode ?? 0, headers: flat, text, body: (flat['content-type'] ?? '').includes('json') ? parse(text) : text });
      });
    });
    request.once('timeout', () => request.destroy(new Error(`${method} ${path} had no answer in time`)));
    request.once('error', reject);
    request.end(payload);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The items of a list's page. */
export function itemsOf(page: unknown): Record<string, unknown>[] {
  const items = asObject(page)['items'];
  return Array.isArray(items) ? items.map(asObject) : [];
}
