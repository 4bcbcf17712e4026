import { deepEqual, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startApp, type TestApp } from '../app.ts';
import { createBrowser, type TestBrowser } from '../browser.ts';
import { signInBrowser } from '../people.ts';

const program = fileURLToPath(new URL('../page-service.ts', import.meta.url));

let app: TestApp;
let browser: TestBrowser;
before(async () => {
  app = await startApp();
  browser = await createBrowser();
  const { client } = app.people.superAdmin;
  for (const [name, isolation] of [
    ['boxed', 'sandbox'],
    ['open', 'trusted'],
  ]) {
    const definition = { name, command: [process.execPath, program], health: { type: 'http', path: '/health' }, page: { isolation } };
    await client.expect(201, 'POST', '/api/v1/services', definition);
  }
});
after(async () => {
  await browser.close();
  await app.close();
});

/** What the scripts of the page got done, once they are through. */
async function openPage(name: string): Promise<{ readonly page: Page; readonly done: Record<string, string> }> {
  const page = await browser.newPage(app.url);
  const [cookieName = '', value = ''] = (await signInBrowser(app.url, app.people.superAdmin.email)).split('=');
  await page.context().addCookies([{ name: cookieName, value, url: app.url, httpOnly: true, sameSite: 'Lax' }]);
  await page.goto(`/services/${name}/`);
  // While it starts the page asks again by itself.
  await page.locator('#out[data-done]').waitFor({ state: 'attached' });
  return { page, done: (await page.evaluate(`({ ...document.getElementById('out').dataset })`)) as Record<string, string> };
}

async function secrets(): Promise<unknown> {
  return (await app.people.superAdmin.client.expect(200, 'GET', '/api/v1/secrets'))['items'];
}

test('a sandboxed page works, and its scripts can use nothing of the session of who looks at it', async () => {
  const { page, done } = await openPage('boxed');
  deepEqual(
    { own: done['own'], socket: done['socket'], storage: done['storage'], cookie: done['cookie'] },
    { own: '200', socket: 'ping from nobody', storage: 'empty', cookie: 'none' },
  );
  deepEqual([done['api'], done['change'], done['studio']], ['refused TypeError', 'refused TypeError', 'failed']);
  deepEqual(await secrets(), []);
  // A window of Studio's own that the page opens is out of its reach.
  const reached = await page.evaluate(`(() => { const other = window.open('/'); return new Promise((resolve) => setTimeout(() => {
    try { resolve(String(other.document.title)); } catch (error) { resolve(error.name); } }, 1000)); })()`);
  equal(reached, 'SecurityError');
  // What it stores outlives a reload.
  await page.evaluate(`localStorage.setItem('kept', 'yes'); localStorage.own = 'too'`);
  await page.reload();
  await page.locator('#out[data-done]').waitFor({ state: 'attached' });
  deepEqual(await page.evaluate(`[localStorage.getItem('kept'), localStorage.own, localStorage.length]`), ['yes', 'too', 2]);
  // Workers too, from an address that is foreign to its origin.
  deepEqual(
    await page.evaluate(
      `new Promise((resolve, reject) => { const worker = new Worker('worker.js'); worker.onmessage = (event) => resolve(event.data); worker.onerror = reject; })`,
    ),
    4,
  );
});

test('a trusted page shares the origin: that is what its definition says', async () => {
  const { done } = await openPage('open');
  deepEqual([done['own'], done['api'], done['cookie']], ['200', '200', 'none']);
});
