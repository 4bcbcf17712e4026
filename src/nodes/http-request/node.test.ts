import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../contract/endpoint.ts';
import { EgressError } from '../../kernel/egress-error.ts';
import { NodeError, type NodeContext } from '../kit.ts';
import type { HttpReply, HttpRequest } from '../kit-ports.ts';
import { httpRequest } from './node.ts';

interface Ran {
  readonly output: Json;
  readonly sent: HttpRequest;
  readonly written: readonly (readonly [string, Buffer])[];
}

async function run(params: Record<string, Json>, reply: Partial<HttpReply> | Error = {}): Promise<Ran> {
  const sent: HttpRequest[] = [];
  const written: [string, Buffer][] = [];
  const context = {
    instanceId: 'inst_1',
    path: 'ask',
    idempotencyKey: 'inst_1/ask/0',
    signal: new AbortController().signal,
    http: {
      async request(request: HttpRequest): Promise<HttpReply> {
        sent.push(request);
        if (reply instanceof Error) throw reply;
        return { status: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.from('ok'), ...reply };
      },
    },
    files: {
      async write(path: string, content: Buffer) {
        written.push([path, content]);
        return { path, bytes: content.length, sha256: 'x' };
      },
    },
  } as unknown as NodeContext;
  const result = await httpRequest.run(httpRequest.params.parse(params), context);
  const [first] = sent;
  if (result.kind !== 'output' || first === undefined) throw new Error('no output');
  return { output: result.output, sent: first, written };
}

const json = (value: Json): Partial<HttpReply> => ({ headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(value)) });

describe('http.request', () => {
  it('parses JSON, and keeps what only claims to be JSON as text', async () => {
    assert.deepEqual((await run({ url: 'https://a.b/' }, json({ n: 1 }))).output, {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: { n: 1 },
    });
    const { output } = await run({ url: 'https://a.b/' }, { headers: { 'content-type': 'application/json' }, body: Buffer.from('{') });
    assert.deepEqual(output, { status: 200, headers: { 'content-type': 'application/json' }, body: '{' });
  });
  it('encodes the query, the body and the credentials, and hands on the idempotency key', async () => {
    const { sent } = await run({
      method: 'POST',
      url: 'https://a.b/x?a=1',
      query: { q: 'ä&b', n: 2 },
      body: { a: 1 },
      auth: { type: 'basic', username: 'u', password: 'p' },
    });
    assert.equal(sent.url, 'https://a.b/x?a=1&q=%C3%A4%26b&n=2');
    assert.equal(sent.body?.toString(), '{"a":1}');
    assert.deepEqual(sent.headers, { 'content-type': 'application/json', 'idempotency-key': 'inst_1/ask/0', authorization: 'Basic dTpw' });
  });
  it('keeps binary and large bodies as a file', async () => {
    const binary = await run({ url: 'https://a.b/' }, { headers: { 'content-type': 'image/png' }, body: Buffer.from([137, 80]) });
    assert.deepEqual(
      binary.written.map(([path]) => path),
      ['http/inst_1/ask'],
    );
    const large = await run({ url: 'https://a.b/', saveTo: 'a/b.txt' }, { body: Buffer.alloc(200_000, 'a') });
    assert.deepEqual(
      large.written.map(([path]) => path),
      ['a/b.txt'],
    );
  });
  it('fails on an unexpected status, finally where trying again can not help', async () => {
    const failure = (final: boolean) => (error: unknown) => error instanceof NodeError && error.code === 'http_status' && error.final === final;
    await assert.rejects(run({ url: 'https://a.b/' }, { status: 404 }), failure(true));
    await assert.rejects(run({ url: 'https://a.b/' }, { status: 503 }), failure(false));
    await assert.rejects(run({ url: 'https://a.b/' }, { status: 429 }), failure(false));
    await assert.rejects(run({ url: 'https://a.b/', expectStatus: [201] }, { status: 200 }), failure(true));
    assert.equal(((await run({ url: 'https://a.b/', expectStatus: [404] }, { status: 404 })).output as { status: number }).status, 404);
  });
  it('names a refusal of the guard, and never tries it again', async () => {
    await assert.rejects(
      run({ url: 'https://a.b/' }, new EgressError('egress_refused', 'a.b is 10.0.0.1')),
      (error) => error instanceof NodeError && error.final && error.code === 'egress_refused',
    );
  });
  it('refuses, when it is saved, a URL that can not be asked', () => {
    const check = (url: string): string[] =>
      (httpRequest.check?.({ key: 'a', type: 'http.request', params: { url } }) ?? []).map(({ code, path }) => `${code} ${path}`);
    for (const url of ['https://example.com/x?y=1', 'http://10.0.0.1', '{{ input.url }}', 'https://{{ input.host }}/x', ' {{ input.url }}'])
      assert.deepEqual(check(url), [], url);
    for (const url of [
      'example.com',
      '/path',
      'ftp://example.com',
      'file:///etc/passwd',
      'https://',
      'javascript:{{ input.x }}',
      'http://[::1',
      'example.com/{{ input.x }}',
    ])
      assert.deepEqual(check(url), ['bad_url params.url'], url);
  });
});
