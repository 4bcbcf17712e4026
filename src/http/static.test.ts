import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createStaticUi, isReservedPath, type StaticUi } from './static.ts';

const SCRIPT = 'export const x = 1;\n'.repeat(100);
let dir = '';
let ui: StaticUi;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'studio-ui-'));
  mkdirSync(join(dir, 'web/assets'), { recursive: true });
  writeFileSync(join(dir, 'secret.txt'), 'outside');
  writeFileSync(join(dir, 'web/index.html'), '<base href="{{base}}"><meta name="style-nonce" content="{{nonce}}">');
  writeFileSync(join(dir, 'web/assets/main-ABC.js'), SCRIPT);
  writeFileSync(join(dir, 'web/assets/main-ABC.js.gz'), gzipSync(SCRIPT));
  ui = createStaticUi(join(dir, 'web'));
});
after(() => rmSync(dir, { recursive: true }));

const get = (path: string, headers: Record<string, string> = {}): Promise<Response | undefined> => ui.serve(new Request(`http://x${path}`, { headers }));

for (const [path, base] of [
  ['/', './'],
  ['/workflows', './'],
  ['/workflows/wf_1', '../'],
  ['/workflows/wf_1/edit', '../../'],
  ['/workflows/', '../'],
]) {
  test(`the page at ${path} finds its root by ${base}, under any prefix`, async () => {
    assert.match((await (await get(path ?? ''))?.text()) ?? '', new RegExp(`href="${base}"`));
  });
}

test('each page has a style nonce of its own, the same in its policy', async () => {
  const [one, two] = [await get('/'), await get('/')];
  const nonce = /content="([\w-]{22})"/.exec((await one?.text()) ?? '')?.[1] ?? 'none';
  assert.ok(one?.headers.get('content-security-policy')?.includes(`'nonce-${nonce}'`));
  assert.ok(!two?.headers.get('content-security-policy')?.includes(nonce));
  assert.doesNotMatch(one?.headers.get('content-security-policy') ?? '', /unsafe|\*/);
});

test('a file comes compressed when the caller can read that, with its length, and may be kept for ever', async () => {
  const packed = await get('/assets/main-ABC.js', { 'accept-encoding': 'gzip, deflate' });
  assert.equal(packed?.headers.get('content-encoding'), 'gzip');
  assert.equal(packed?.headers.get('cache-control'), 'public, max-age=31536000, immutable');
  const body = Buffer.from((await packed?.arrayBuffer()) ?? []);
  assert.equal(String(body.length), packed?.headers.get('content-length'));
  assert.equal(gunzipSync(body).toString(), SCRIPT);
  const plain = await get('/assets/main-ABC.js', { 'accept-encoding': 'gzip;q=0' });
  assert.equal(plain?.headers.get('content-encoding'), null);
  assert.equal(await plain?.text(), SCRIPT);
});

test('a file that the caller has is not sent again', async () => {
  const first = await get('/assets/main-ABC.js');
  const again = await get('/assets/main-ABC.js', { 'if-none-match': first?.headers.get('etag') ?? '' });
  assert.equal(again?.status, 304);
  assert.equal((await get('/assets/main-ABC.js', { 'if-none-match': '"else"' }))?.status, 200);
});

for (const path of [
  '/assets/../../secret.txt',
  '/assets/%2e%2e/%2e%2e/secret.txt',
  '/..%2fsecret.txt',
  '/assets/..%5c..%5csecret.txt',
  '/%2e%2e/secret.txt',
  '/assets/main-ABC.js%00.txt',
  '/assets//main-ABC.js',
  '/assets/none.js',
]) {
  test(`no path leaves the list of files: ${path}`, async () => {
    const reply = await get(path);
    assert.doesNotMatch((await reply?.text()) ?? '', /outside/);
    if (path.startsWith('/assets/') && !path.includes('..') && !path.includes('%2e')) assert.equal(reply, undefined);
  });
}

test('an older address of the UI leads to its own, relatively', async () => {
  for (const [from, to] of [
    ['/web', './'],
    ['/web/', '../'],
    ['/web/workflows/wf_1?x=1', '../../workflows/wf_1?x=1'],
  ]) {
    const reply = await get(from ?? '');
    assert.equal(reply?.status, 302);
    assert.equal(new URL(reply?.headers.get('location') ?? '', `http://x/prefix${from}`).href, new URL(to ?? '', `http://x/prefix${from}`).href);
  }
});

test('a redirect never leads to another host', async () => {
  for (const path of ['/web//evil.example', '/web/%2F%2Fevil.example', '/web/\\evil.example', '/web///evil.example/x']) {
    const location = (await get(path))?.headers.get('location');
    if (location !== null && location !== undefined) assert.equal(new URL(location, 'http://x/web/y').host, 'x', path);
  }
});

test('a folder without a build serves nothing', async () => {
  assert.equal(await createStaticUi(join(dir, 'none')).serve(new Request('http://x/')), undefined);
});

for (const path of [
  '/api',
  '/api/',
  '//api/v1',
  '/API/v1',
  '/api;x=1/v1',
  '/api./v1',
  '/Health',
  '/metrics/',
  '/webhooks',
  '/v1/models',
  '/\\api',
  '/api%20x',
]) {
  test(`the API's paths are never answered by a page: ${path}`, () => assert.ok(isReservedPath(path)));
}
for (const path of ['/', '/apis', '/workflows', '/claim', '/healthy', '/v10']) {
  test(`a page's path is not the API's: ${path}`, () => assert.ok(!isReservedPath(path)));
}
