/** Files and resumable uploads over the API. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
let user: ApiClient;
before(async () => {
  app = await startApp();
  user = app.people.user.client;
});
after(() => app.close());

const put = (path: string, body: string | Buffer, headers: Record<string, string> = {}) => user.call('PUT', `/api/v1/files/${path}`, { body, headers });

test('a file is stored, fetched in parts, revalidated, listed and deleted', async () => {
  const stored = await put('notes/a%20b.txt', '0123456789', { 'content-type': 'text/plain' });
  assert.equal(stored.status, 200, stored.text);
  const whole = await user.call('GET', '/api/v1/files/notes/a%20b.txt');
  assert.deepEqual([whole.status, whole.text, whole.headers['content-length'], whole.headers['accept-ranges']], [200, '0123456789', '10', 'bytes']);
  const part = await user.call('GET', '/api/v1/files/notes/a%20b.txt', { headers: { range: 'bytes=-3' } });
  assert.deepEqual([part.status, part.text], [206, '789']);
  assert.equal((await user.call('GET', '/api/v1/files/notes/a%20b.txt', { headers: { range: 'bytes=99-' } })).headers['content-range'], 'bytes */10');
  assert.equal((await user.call('GET', '/api/v1/files/notes/a%20b.txt', { headers: { 'if-none-match': whole.headers['etag'] ?? '' } })).status, 304);
  assert.equal((await user.expect(200, 'GET', '/api/v1/files/notes/a%20b.txt?meta'))['bytes'], 10);
  assert.deepEqual(
    itemsOf(await user.expect(200, 'GET', '/api/v1/files?prefix=notes/')).map((file) => file['path']),
    ['notes/a b.txt'],
  );
  assert.equal((await user.call('HEAD', '/api/v1/files/notes/a%20b.txt')).headers['content-length'], '10');
  await user.expect(204, 'DELETE', '/api/v1/files/notes/a%20b.txt');
  assert.equal((await user.call('GET', '/api/v1/files/notes/a%20b.txt')).status, 404);
});

test('what a browser could run comes in a sandbox, unsniffed, to be saved', async () => {
  for (const [name, type] of [
    ['x.html', 'text/html'],
    ['x.js', 'text/javascript'],
    ['x.xml', 'application/xml'],
    ['x.xhtml', 'application/xhtml+xml'],
  ] as const) {
    await put(name, '<script>alert(1)</script>', { 'content-type': type });
    const { headers } = await user.call('GET', `/api/v1/files/${name}`);
    assert.match(headers['content-security-policy'] ?? '', /(^|; ?)sandbox(;|$)/, name);
    assert.equal(headers['x-content-type-options'], 'nosniff', name);
    assert.match(headers['content-disposition'] ?? '', /^attachment/, name);
  }
  await put('x.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', { 'content-type': 'image/svg+xml' });
  assert.match((await user.call('GET', '/api/v1/files/x.svg')).headers['content-security-policy'] ?? '', /sandbox; default-src 'none'/);
});

test('a name can not break out of the headers that carry it', async () => {
  const name = encodeURIComponent(`a"; filename="evil.exe;é.bin`);
  assert.equal((await put(name, 'x')).status, 200);
  const disposition = (await user.call('GET', `/api/v1/files/${name}`)).headers['content-disposition'] ?? '';
  assert.equal(disposition.split('"').length, 3, disposition);
});

test('path tricks are refused by name or not found, whatever the method', async () => {
  const before = itemsOf(await user.expect(200, 'GET', '/api/v1/files')).length;
  const tricks = [
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e/%2e%2e/etc/passwd',
    'a%5cb',
    'a%00b',
    'a%0ab',
    '%2fetc%2fpasswd',
    'a//b',
    'a%2f%2fb',
    'a%2f..%2fb',
    '.%2fa',
    'a%2f.',
    'a/',
    'e%cc%81',
    '%ff',
    'x'.repeat(600),
  ];
  for (const trick of tricks) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const reply = await user.call(method, `/api/v1/files/${trick}`, method === 'PUT' ? { body: 'x' } : {});
      assert.ok(reply.status === 400 || reply.status === 404 || (reply.status === 405 && trick === 'a/'), `${method} ${trick}: ${reply.status} ${reply.text}`);
    }
  }
  assert.equal(itemsOf(await user.expect(200, 'GET', '/api/v1/files')).length, before);
  // Dots that stand as segments of the URL itself are resolved by the URL standard before anybody looks: the path is what remains, and that one is checked.
  await put('plain', 'plain');
  assert.equal((await user.call('GET', '/api/v1/files/a/%2e%2e/plain')).text, 'plain');
});

test("another org's file is not found, and the same path is its own", async () => {
  await put('shared-name', 'ours');
  const { client } = app.people.stranger;
  assert.equal((await client.call('GET', '/api/v1/files/shared-name')).status, 404);
  assert.equal((await client.call('DELETE', '/api/v1/files/shared-name')).status, 404);
  assert.equal((await client.call('PUT', '/api/v1/files/shared-name', { body: 'theirs' })).status, 200);
  assert.equal((await user.call('GET', '/api/v1/files/shared-name')).text, 'ours');
});

const tus = { 'tus-resumable': '1.0.0' };
const metadata = (path: string): string => `path ${Buffer.from(path).toString('base64')},filetype ${Buffer.from('application/zip').toString('base64')}`;
const part = (offset: number) => ({ ...tus, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' });

test('a resumable upload goes on from where HEAD says, and becomes a file', async () => {
  const bytes = randomBytes(300_000);
  const made = await user.call('POST', '/api/v1/uploads', {
    headers: { ...tus, 'upload-length': String(bytes.length), 'upload-metadata': metadata('models/m.zip') },
  });
  assert.equal(made.status, 201, made.text);
  const location = made.headers['location'] ?? '';
  const first = await user.call('PATCH', location, { body: bytes.subarray(0, 100_000), headers: part(0) });
  assert.deepEqual([first.status, first.headers['upload-offset']], [204, '100000'], first.text);
  const head = await user.call('HEAD', location, { headers: tus });
  assert.deepEqual(
    [head.status, head.headers['upload-offset'], head.headers['upload-length'], head.headers['cache-control']],
    [200, '100000', '300000', 'no-store'],
  );
  assert.equal((await user.call('PATCH', location, { body: bytes.subarray(0, 10), headers: part(0) })).status, 409);
  const last = await user.call('PATCH', location, { body: bytes.subarray(100_000), headers: part(100_000) });
  assert.equal(last.status, 204, last.text);
  const file = await user.expect(200, 'GET', '/api/v1/files/models/m.zip?meta');
  assert.deepEqual([file['bytes'], file['mediaType']], [300_000, 'application/zip']);
  assert.equal((await user.call('HEAD', location, { headers: tus })).status, 404);
});

test('an upload says what it can, and refuses what it can not', async () => {
  const options = await user.call('OPTIONS', '/api/v1/uploads');
  assert.deepEqual([options.status, options.headers['tus-version'], options.headers['tus-max-size']], [204, '1.0.0', String(100 * 1024 ** 3)]);
  const create = (headers: Record<string, string>) => user.call('POST', '/api/v1/uploads', { headers });
  assert.equal((await create({ 'upload-length': '1', 'upload-metadata': metadata('a') })).status, 412);
  assert.equal((await create({ ...tus, 'upload-length': 'x', 'upload-metadata': metadata('a') })).status, 400);
  assert.equal((await create({ ...tus, 'upload-length': '1' })).status, 400);
  assert.equal((await create({ ...tus, 'upload-length': '1', 'upload-metadata': metadata('../a') })).status, 400);
  assert.equal((await create({ ...tus, 'upload-length': String(200 * 1024 ** 3), 'upload-metadata': metadata('a') })).status, 413);
  const made = await create({ ...tus, 'upload-length': '5', 'upload-metadata': metadata('a') });
  const location = made.headers['location'] ?? '';
  assert.equal((await app.people.stranger.client.call('HEAD', location, { headers: tus })).status, 404);
  assert.equal((await app.people.stranger.client.call('PATCH', location, { body: 'x', headers: part(0) })).status, 404);
  assert.equal((await user.call('PATCH', location, { body: 'x', headers: { ...tus, 'upload-offset': '0', 'content-type': 'text/plain' } })).status, 400);
  assert.equal((await user.call('DELETE', location, { headers: tus })).status, 204);
  assert.deepEqual(itemsOf(await user.expect(200, 'GET', '/api/v1/uploads')), []);
});
