/** A collector of traces that a test owns: takes OTLP over HTTP as the real ones do, in JSON or protobuf, and keeps the spans. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 5 consumer. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2: it failed. */
  readonly status: { readonly code?: number; readonly message?: string };
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface OtlpReceiver {
  /** As OTEL_EXPORTER_OTLP_ENDPOINT has it. */
  readonly url: string;
  readonly requests: ReceivedRequest[];
  /** Of the requests that were taken, JSON alone. */
  readonly spans: ReceivedSpan[];
  /** What is answered from now on; 0: nothing at all. */
  status: number;
  /** Resolves with the first span that `matches`. */
  span(what: string, matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
  /** Resolves when `holds`, asked again with each request. */
  until(what: string, holds: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Longer than any batch waits; a test that comes here has failed. */
const PATIENCE_MS = 30_000;

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    void buffer(request).then((sent) => {
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      receiver.requests.push({ path: request.url ?? '', headers: request.headers, body });
      if (receiver.status === 200 && request.headers['content-type'] === 'application/json') receiver.spans.push(...spansOf(body));
      for (const look of [...waiting]) look();
      if (receiver.status === 0) return;
      response.writeHead(receiver.status, { 'content-type': request.headers['content-type'] ?? 'application/json' });
      response.end(request.headers['content-type'] === 'application/json' ? '{}' : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    spans: [],
    status: 200,
    async span(what, matches) {
      await receiver.until(what, () => receiver.spans.some(matches));
      const found = receiver.spans.find(matches);
      if (found === undefined) throw new Error(`no span: ${what}`);
      return found;
    },
    until: (what, holds) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!holds()) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`${what}: not within ${PATIENCE_MS} ms; there are ${receiver.spans.map(({ name }) => name).join(', ')}`));
        }, PATIENCE_MS);
        waiting.add(look);
        look();
      }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly SentAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

interface SentAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>> & { readonly arrayValue?: { readonly values: readonly Readonly<Record<string, unknown>>[] } };
}

interface SentSpan extends Omit<ReceivedSpan, 'attributes' | 'startMs' | 'endMs' | 'links'> {
  readonly attributes: readonly SentAttribute[];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly links?: ReceivedSpan['links'];
}

function spansOf(body: Buffer): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(body.toString()) as Sent;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        ...span,
        parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
        attributes: attributesOf(span.attributes),
        startMs: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
        endMs: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
        links: span.links ?? [],
        resource: attributesOf(resource.attributes),
      })),
  );
}

function attributesOf(sent: readonly SentAttribute[]): Record<string, unknown> {
  const plain = (value: Readonly<Record<string, unknown>>): unknown => Object.values(value)[0];
  return Object.fromEntries(sent.map(({ key, value }) => [key, value.arrayValue === undefined ? plain(value) : value.arrayValue.values.map(plain)]));
}
