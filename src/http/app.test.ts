import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import type { EndpointSpec } from '../contract/endpoint.ts';
import { ADMIN, openDoor, type Door } from '../test/door.ts';
import type { Call, Route } from './route.ts';

/** Workflows' routes with handlers that only tell what reached them: the door is what is tested. */
const probes = new Map<string, Call>();
const probe = (key: string, more: Partial<EndpointSpec> = {}, handle?: Route['handle']): Route => ({
  spec: { key, tag: 'probe', summary: 'probe', status: 200, reply: z.unknown(), ...more },
  handle:
    handle ??
    ((call) => {
      probes.set(key, call);
      return { body: { params: call.params ?? null, query: call.query, body: call.body ?? null } };
    }),
});
const anything = z.looseObject({});

let door: Door;
let token = '';
let cookie = '';
before(async () => {
  door = await openDoor({
    http: { corsOrigins: ['https://ui.example'], requestTimeoutMs: 300 },
    routes: () => [
      probe('POST /api/v1/workflows', { body: anything }),
      probe('GET /api/v1/workflows', { query: z.strictObject({ limit: z.coerce.number().int().max(200).optional() }) }),
      probe('GET /api/v1/workflows/{id}', { params: z.strictObject({ id: z.string().max(64) }) }),
      probe('POST /api/v1/workflows/validate', { body: anything }),
      probe('POST /api/v1/instances/{id}/cancel', { params: z.strictObject({ id: z.string() }) }),
      probe('GET /api/v1/instances/{id}/steps/{path}/attempts', { params: z.strictObject({ id: z.string(), path: z.string() }) }),
      probe('GET /api/v1/files/{path+}', { params: z.strictObject({ path: z.string() }) }),
      probe('GET /api/v1/workers', {}, () => new Promise(() => undefined)),
      probe('GET /api/v1/gpus', {}, () => {
        throw new Error('a fault with a secret inside');
      }),
      probe('GET /api/v1/queues', {}, async (call) => ({ body: (await call.sql.query('select nothing from nowhere')).rows })),
    ],
  });
  token = String((await door.admin()).token);
  const web = await door.call('POST', '/api/v1/auth/login', { body: { email: ADMIN.email, password: ADMIN.password }, headers: { 'x-studio-client': 'web' } });
  cookie = web.headers['set-cookie']?.split(';')[0] ?? '';
});
after(() => door.close());

const signed = (headers: Record<string, string> = {}): Record<string, string> => ({ authorization: `Bearer ${token}`, ...headers });
const get = (path: string, headers: Record<string, string> = {}) => door.call('GET', path, { headers: signed(headers) });
const codeOf = (body: unknown): string => (body as { error: { code: string } }).error.code;

test('a path parameter is decoded once, and its own slashes stay inside', async () => {
  const reply = await get('/api/v1/instances/inst_1/steps/map%5B3%5D%2Fencode/attempts');
  assert.deepEqual((reply.body as { params: object }).params, { id: 'inst_1', path: 'map[3]/encode' });
  const percent = await get('/api/v1/files/a%2525b/c%20d');
  assert.deepEqual((percent.body as { params: object }).params, { path: 'a%25b/c d' });
});

test('a literal path goes before a parameter', async () => {
  await door.call('POST', '/api/v1/workflows/validate', { body: { a: 1 }, headers: signed() });
  assert.deepEqual(probes.get('POST /api/v1/workflows/validate')?.body, { a: 1 });
});

test('every GET says where live events go on', async () => {
  assert.match((await get('/api/v1/workflows')).headers['studio-cursor'] ?? '', /^\d+\.\d+$/);
});

test('a sane request id is kept and returned, another is replaced', async () => {
  assert.equal((await get('/api/v1/workflows', { 'x-request-id': 'trace-0123456789' })).headers['x-request-id'], 'trace-0123456789');
  for (const id of ['x', 'a b c d e f g', '<script>alert(1)</script>', 'x'.repeat(200)])
    assert.match((await get('/api/v1/workflows', { 'x-request-id': id })).headers['x-request-id'] ?? '', /^req_/);
});

test('rights are decided before the body is read', async () => {
  const reply = await door.call('POST', '/api/v1/workflows', { body: 'not json at all', headers: { 'content-type': 'application/json' } });
  assert.equal(reply.status, 401);
});

test('unknown query parameters are refused by name', async () => {
  const reply = await get('/api/v1/workflows?limit=5&sort=name');
  assert.equal(reply.status, 400);
  assert.match(reply.text, /unknown key \\"sort\\"/);
  assert.match((await get('/api/v1/workflows?limit=500')).text, /at most 200/);
  assert.equal((await get('/api/v1/workflows/wf_1?x=1')).status, 400);
});

test('a call without a body takes none, or an empty object', async () => {
  const cancel = (body?: unknown) => door.call('POST', '/api/v1/instances/inst_1/cancel', { headers: signed(), ...(body === undefined ? {} : { body }) });
  assert.equal((await cancel()).status, 200);
  assert.equal((await cancel({})).status, 200);
  assert.equal((await cancel({ force: true })).status, 400);
});

for (const path of [
  '//api/v1/workflows',
  '/api//v1/workflows',
  '/api/v1/workflows/',
  '/API/v1/workflows',
  '/api/V1/workflows',
  '/api/v1/workflows;x',
  '/api/v1/workflows.',
  '/api/v1/Workflows',
  '/api/v1/workflows%20',
  '/api/v1/workflows%00',
  '/api/v1%2Fworkflows',
  '/api/v2/workflows',
  '/api',
  '/api/',
  '/api/v1/nothing',
]) {
  test(`another spelling of a path is nothing, to anybody: ${path}`, async () => {
    for (const headers of [{}, signed()]) {
      const reply = await door.call('GET', path, { headers });
      assert.equal(reply.status, 404, path);
      assert.equal(codeOf(reply.body), 'not_found');
    }
  });
}

test('an encoded spelling of a real path meets the same guard', async () => {
  assert.equal((await door.call('GET', '/api/v1/%77orkflows')).status, 401);
});

test('a wrong method is not found', async () => {
  for (const method of ['PUT', 'DELETE', 'PATCH', 'PROPFIND', 'OPTIONS'])
    assert.equal((await door.call(method, '/api/v1/workflows', { headers: signed() })).status, 404, method);
});

for (const headers of [
  { authorization: 'Bearer' },
  { authorization: 'Bearer ' },
  { authorization: 'Basic YTpi' },
  { authorization: 'bearer' },
  { authorization: `Token x` },
  { authorization: 'Bearer a b' },
  { authorization: 'null' },
  { 'x-api-key': 'x' },
  { cookie: 'studio_session=x' },
  { cookie: 'studio_session=' },
] as Record<string, string>[]) {
  test(`a credential that is none is refused: ${JSON.stringify(headers)}`, async () => {
    assert.equal((await door.call('GET', '/api/v1/workflows', { headers })).status, 401);
  });
}

test('a bad Authorization does not fall back to a good cookie', async () => {
  assert.equal((await door.call('GET', '/api/v1/workflows', { headers: { authorization: 'Bearer x', cookie } })).status, 401);
});

test('two session cookies are none: one of them may have been planted', async () => {
  assert.equal((await door.call('GET', '/api/v1/workflows', { headers: { cookie: `${cookie}; ${cookie}` } })).status, 401);
});

test('a token in the URL is no credential', async () => {
  assert.equal((await door.call('GET', `/api/v1/workflows?access_token=${token}`)).status, 401);
});

const change = (headers: Record<string, string>, body: unknown = {}) => door.call('POST', '/api/v1/workflows', { headers, body });
for (const [name, origin, status] of [
  ['our own page', () => door.url, 200],
  ['a listed origin', () => 'https://ui.example', 200],
  ['no origin', () => undefined, 403],
  ['a foreign page', () => 'https://evil.example', 403],
  ['an opaque origin', () => 'null', 403],
  ['a name that begins like ours', () => `${door.url}.evil.example`, 403],
  ['a name that ends like a listed one', () => 'https://evil-ui.example', 403],
  ['another port of ours', () => 'http://127.0.0.1:1', 403],
  ['a listed name without TLS', () => 'http://ui.example', 403],
] as const) {
  test(`a change with the cookie from ${name} is answered ${status}`, async () => {
    const from = origin();
    assert.equal((await change({ cookie, ...(from === undefined ? {} : { origin: from }) })).status, status);
  });
}

test('a form or plain text with the cookie changes nothing, also from our own page', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    assert.equal((await change({ cookie, origin: door.url, 'content-type': type }, '{"a":1}')).status, 400);
  }
});

test('a foreign page can not sign somebody in', async () => {
  const reply = await door.call('POST', '/api/v1/auth/login', {
    body: { email: ADMIN.email, password: ADMIN.password },
    headers: { 'x-studio-client': 'web', origin: 'https://evil.example' },
  });
  assert.equal(reply.status, 403);
});

test('CORS names a listed origin and never any other', async () => {
  const listed = await get('/api/v1/workflows', { origin: 'https://ui.example' });
  assert.equal(listed.headers['access-control-allow-origin'], 'https://ui.example');
  assert.equal(listed.headers['access-control-allow-credentials'], 'true');
  for (const origin of [
    'https://evil.example',
    'null',
    'https://ui.example.evil.example',
    'https://sub.ui.example',
    'https://ui.example:444',
    'http://ui.example',
  ]) {
    const reply = await get('/api/v1/workflows', { origin });
    assert.equal(reply.headers['access-control-allow-origin'], undefined, origin);
    assert.equal(reply.headers['access-control-allow-credentials'], undefined, origin);
    assert.match(reply.headers['vary'] ?? '', /Origin/);
  }
});

test('a preflight is answered for listed origins only', async () => {
  const ask = (origin: string) => door.call('OPTIONS', '/api/v1/workflows', { headers: { origin, 'access-control-request-method': 'POST' } });
  const listed = await ask('https://ui.example');
  assert.equal(listed.status, 204);
  assert.match(listed.headers['access-control-allow-headers'] ?? '', /Idempotency-Key/);
  assert.equal((await ask('https://evil.example')).status, 403);
});

test('every response carries the security headers, refusals and faults included', async () => {
  const replies = [
    await get('/api/v1/workflows'),
    await get('/api/v1/gpus'),
    await get('/nothing'),
    await door.call('GET', '/api/v1/workflows'),
    await door.call('POST', '/api/v1/workflows', { body: '{', headers: signed({ 'content-type': 'application/json' }) }),
  ];
  for (const { headers } of replies) {
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.ok(headers['referrer-policy']);
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.match(headers['content-security-policy'] ?? '', /frame-ancestors 'none'/);
    assert.doesNotMatch(headers['content-security-policy'] ?? '', /unsafe/);
    assert.equal(headers['x-powered-by'], undefined);
    assert.match(headers['x-request-id'] ?? '', /./);
  }
});

test('a fault inside is told by its request id alone, and logged with its cause', async () => {
  const reply = await get('/api/v1/gpus');
  assert.equal(reply.status, 500);
  assert.equal(codeOf(reply.body), 'internal');
  assert.doesNotMatch(reply.text, /secret inside|at .*\.ts/);
  assert.match(door.logged(), /a fault with a secret inside/);
  const sql = await get('/api/v1/queues');
  assert.equal(sql.status, 500);
  assert.doesNotMatch(sql.text, /nowhere|relation|42P01/);
});

test('a handler that never ends is given up at the request’s time', async () => {
  const reply = await get('/api/v1/workers');
  assert.equal(reply.status, 500);
  assert.match(reply.text, /within 300 ms/);
});

test('a body that never comes is given up at the request’s time', async () => {
  const answer = await raw(
    `POST /api/v1/workflows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{`,
    2_000,
  );
  assert.match(answer, /^HTTP\/1\.1 400[^]*did not arrive within 300 ms/);
});

test('a body beyond 10 MiB is refused by its announced length before it is sent', async () => {
  const reply = await raw(
    `POST /api/v1/workflows HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 10485761\r\n\r\n{`,
  );
  assert.match(reply, /^HTTP\/1\.1 413/);
});

/** What the server answers to these bytes, until it closes or is silent for a while. */
function raw(text: string, silenceMs = 300): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(door.port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let answer = '';
    socket.setTimeout(silenceMs, () => socket.destroy());
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

const smuggled: readonly (readonly [string, string])[] = [
  ['a length and a chunked body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['a negative length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
  ['a length in hex', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na'],
  ['an unknown transfer coding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
  ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n'],
  ['a blank before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
  ['bare line feeds', 'GET / HTTP/1.1\nHost: x\n\n'],
  ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n'],
  ['huge headers', `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(100_000)}\r\n\r\n`],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
  ['a host with a path', 'GET / HTTP/1.1\r\nHost: x/y\r\n\r\n'],
  ['a host with a user', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  ['a backslash in the path', 'GET /\\api HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a bad chunk size', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n'],
];
for (const [name, text] of smuggled) {
  test(`a request that two servers might read differently gets no answer of ours: ${name}`, async () => {
    const answer = await raw(text);
    assert.match(answer, /^$|^HTTP\/1\.1 4(00|04|31|13)/, answer.slice(0, 200));
    assert.doesNotMatch(answer, /^HTTP\/1\.1 2/m);
    assert.ok((answer.match(/^HTTP\/1\.1 /gm) ?? []).length <= 1, 'one request, one answer');
  });
}

test('an absolute URL in the request line changes neither the host nor the guard', async () => {
  const answer = await raw('GET http://evil.example/api/v1/workflows HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 4/);
});

test('the reference is for the signed-in, and describes itself', async () => {
  assert.equal((await door.call('GET', '/api/docs')).status, 401);
  assert.equal((await door.call('GET', '/api/v1/openapi.json')).status, 401);
  const page = await get('/api/docs');
  assert.match(page.headers['content-type'] ?? '', /text\/html/);
  assert.doesNotMatch(page.text, /<script|https?:\/\//);
  assert.match((await get('/api/v1/openapi.json')).text, /"openapi":"3\.1\.0"/);
});
