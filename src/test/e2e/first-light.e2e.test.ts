import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { createBrowser, faultsOf, measureLoad, type TestBrowser } from '../browser.ts';
import { createStudio, owner, type Studio } from '../studio-process.ts';

let studio: Studio;
let browser: TestBrowser;
let page: Page;
before(async () => {
  studio = await createStudio();
  await studio.start();
  browser = await createBrowser();
  page = await browser.newPage(studio.url);
});
after(async () => {
  await browser.close();
  await studio.destroy();
});

// The tests tell one story, in order, on one page: the first minutes of a new owner.

test('the claim link makes the first administrator', async () => {
  await page.goto(`/claim#token=${studio.claimToken()}`);
  await page.getByLabel('Name').fill(owner.name);
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  // Whether somebody is signed in is asked once, and the browser notes the 401.
  deepEqual(
    faultsOf(page).filter((fault) => !fault.includes('/api/v1/users/me')),
    [],
  );
});

test('the claim link works once', async () => {
  const other = await browser.newPage(studio.url);
  const reply = await other.request.post('/api/v1/auth/claim', { data: { token: 'any', email: 'x@example.com', password: 'long enough 1234', name: 'X' } });
  ok([401, 403, 409].includes(reply.status()), String(reply.status()));
  await other.context().close();
});

test('one click runs the example, and its end is seen live', async () => {
  await page
    .getByRole('region', { name: 'First steps' })
    .getByRole('link', { name: /^Open / })
    .click();
  await page.getByRole('button', { name: 'Run', exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL(/\/instances\/inst_/);
  await page.locator('[data-connection="live"]').waitFor();
  await page.locator('.page-header [data-status="completed"]').waitFor({ timeout: 60_000 });
  deepEqual(faultsOf(page), []);
});

test('after a reload the finished run is still there, with every step', async () => {
  await page.reload();
  await page.getByRole('tab', { name: /Steps/ }).click();
  const steps = page.getByRole('tabpanel');
  await steps.getByText('Completed').first().waitFor();
  match(await steps.innerText(), /Completed/);
  deepEqual(faultsOf(page), []);
});

test('what the example wrote is among the files', async () => {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Files' }).click();
  await page.getByRole('heading', { name: 'Files', level: 1 }).waitFor();
  await page.getByRole('row').nth(1).waitFor();
  deepEqual(faultsOf(page), []);
});

test('what a first load costs is measured', async (context) => {
  const load = await measureLoad(page, '/');
  context.diagnostic(
    `first load: ${(load.scriptBytes / 1024).toFixed(1)} KiB of JavaScript, ${(load.bytes / 1024).toFixed(1)} KiB in all, ${load.requests} requests`,
  );
  ok(load.scriptBytes > 0 && load.requests > 0);
});

test('after logging out nothing is readable: not by going back, not by address, not from storage', async () => {
  const instance = page.url();
  await page.goto('/instances');
  await page.getByRole('heading', { name: 'Instances', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await page.goto(instance);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  const answers = await Promise.all(['/api/v1/users/me', '/api/v1/instances', '/api/v1/files', '/api/v1/workflows'].map((path) => page.request.get(path)));
  deepEqual(
    answers.map((answer) => answer.status()),
    [401, 401, 401, 401],
  );
  const kept = String(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage }) + document.body.innerText'));
  equal(/inst_|wf_|file_|owner@example/.test(kept), false, kept);
});
