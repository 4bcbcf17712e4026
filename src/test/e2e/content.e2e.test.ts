import { deepEqual } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { ApiClient } from '../api-client.ts';
import { openClaimedStudio, signIn, type ClaimedStudio } from '../claimed-studio.ts';
import { owner } from '../studio-process.ts';

/** Text that would run as code wherever it were taken for markup. `hit()` is what it would call. */
const PAYLOADS = [
  '<script>hit()</script>',
  '<img src=x onerror=hit()>',
  '<svg onload=hit()>',
  '"><script>hit()</script>',
  "'><img src=x onerror=hit()>",
  '</textarea><script>hit()</script>',
  '</style><script>hit()</script>',
  '<iframe srcdoc="<script>parent.hit()</script>">',
  '<a href="javascript:hit()" autofocus onfocus=hit()>x</a>',
  'javascript:hit()',
  '<details open ontoggle=hit()>',
  '<math><mtext></mtext><script>hit()</script></math>',
  '\u001b]8;;javascript:hit()\u0007link\u001b]8;;\u0007',
  '{{constructor.constructor("hit()")()}}',
  '<base href="//evil.example/">',
  '<meta http-equiv="refresh" content="0;url=javascript:hit()">',
];

let opened: ClaimedStudio;
let client: ApiClient;
let page: Page;
const paths: string[] = ['/', '/workflows', '/instances', '/jobs', '/files', '/settings/keys', '/settings/secrets', '/settings/members', '/settings/devices'];
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
  // Serial: each payload stands in every place.
  for (const [index, payload] of PAYLOADS.entries()) await plant(payload, index);
  page = await opened.browser.newPage(opened.studio.url);
  await page.context().addInitScript('window.hits = 0; window.hit = () => { window.hits += 1; }; window.alert = window.hit;');
  await signIn(page);
});
after(async () => {
  await opened.close();
});

async function plant(payload: string, index: number): Promise<void> {
  const nodes = [
    { key: 'say', type: 'log', name: payload, notes: payload, params: { message: payload.replaceAll('{{', '{ {') } },
    { key: 'fault', type: 'fail', params: { message: payload.replaceAll('{{', '{ {') } },
  ];
  const made = await client.expect(201, 'POST', '/api/v1/workflows', { name: payload, description: payload, nodes, edges: [{ from: 'say', to: 'fault' }] });
  const reply = await client.call('POST', `/api/v1/workflows/${String(made['id'])}/instances?wait=20`, {
    body: { input: { [payload]: payload }, labels: { [payload.slice(0, 64)]: payload } },
  });
  const instance = String((reply.body as { id?: unknown }).id);
  paths.push(`/workflows/${String(made['id'])}`, `/instances/${instance}?step=say`, `/instances/${instance}?tab=result`);
  const name = encodeURIComponent(payload.replaceAll(/[\u0000-\u001f\\]/g, '').replaceAll('/', '∕'));
  await client.expect(200, 'PUT', `/api/v1/files/${name}`, `<!doctype html><script>hit()</script>${payload}`, {
    'content-type': ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/xml'][index % 4] ?? 'text/html',
  });
  await client.expect(201, 'POST', '/api/v1/api-keys', { name: payload, scopes: ['files:read'] });
  await client.call('POST', '/api/v1/orgs/current/members', { body: { email: `p${index}@example.com`, name: payload } });
  await client.call('POST', '/api/v1/auth/login', {
    body: { email: owner.email, password: owner.password },
    headers: { 'user-agent': payload.replaceAll(/[^\u0020-\u007e]/g, '') },
  });
}

test('no text that people or jobs wrote runs as code on any page', async () => {
  const ran: string[] = [];
  for (const path of paths) {
    await page.goto(path, { waitUntil: 'networkidle' });
    if (Number(await page.evaluate('window.hits')) !== 0) ran.push(path);
  }
  deepEqual(ran, []);
});

test('a stored file that is a page or a drawing does not run in the origin of Studio when it is opened', async () => {
  const list = (await client.expect(200, 'GET', '/api/v1/files?limit=200')) as { items: { path: string }[] };
  const faults: string[] = [];
  for (const { path } of list.items) {
    const url = `/api/v1/files/${path.split('/').map(encodeURIComponent).join('/')}`;
    const { headers } = await client.call('GET', url);
    if (headers['x-content-type-options'] !== 'nosniff' || !/sandbox|default-src 'none'/.test(headers['content-security-policy'] ?? ''))
      faults.push(`${path}: ${JSON.stringify(headers)}`);
    // A download instead of a page ends the navigation: that is as good.
    await page.goto(url).catch(() => undefined);
    if (Number(await page.evaluate('window.hits ?? 0')) !== 0) faults.push(`${path} ran`);
  }
  deepEqual(faults, []);
});
