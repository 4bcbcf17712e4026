import { deepEqual, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let page: Page;
before(async () => {
  opened = await openClaimedStudio();
  page = await opened.signedIn();
});
after(() => opened.close());

test('a person sees what the machine did, resource by resource, also in words', async () => {
  await page.goto('/monitoring');
  for (const title of ['CPU', 'Memory', 'Disk', 'Throughput', 'Jobs', 'Event loop delay', 'Database connections', 'Network'])
    await page.getByRole('heading', { name: title, exact: true }).waitFor();
  await page.getByRole('img', { name: /^Memory over time, now / }).waitFor();
  await page
    .getByRole('radio', { name: '24 h' })
    .or(page.getByRole('button', { name: '24 h' }))
    .first()
    .click();
  match(page.url(), /minutes=1440/);
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
});

test('an owner says from when on is told and whom, and tries it', async () => {
  await page.goto('/alerts');
  await page.getByText('Nothing is wrong').waitFor();
  await page.getByLabel('Redis away for, seconds').fill('600');
  await page.getByLabel('Hot GPUs').uncheck();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved').waitFor();
  const kept = await opened.client.expect(200, 'GET', '/api/v1/alerts/settings');
  deepEqual([kept['redisS'], kept['muted']], [600, ['gpu_hot']]);
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('Told 1 in the app, 0 beyond it').waitFor();
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
});

test('an owner follows the log live, narrows it to one request, and writes more for a while', async () => {
  await page.goto('/logs');
  const log = page.getByRole('log', { name: 'Log of studio' });
  await log
    .getByText(/\bready\b/)
    .first()
    .waitFor();
  await page.getByLabel('Level that is written from').selectOption('debug');
  await page.getByText(/^Written from debug on until/).waitFor();
  await opened.client.call('GET', '/api/v1/workflows/wf_nobody', { headers: { 'x-request-id': 'seen-in-the-log' } });
  await log
    .getByText(/seen-in-the-log/)
    .first()
    .waitFor();
  await page.getByLabel('Request', { exact: true }).fill('seen-in-the-log');
  await page.waitForURL(/request=seen-in-the-log/);
  // What does not belong to the request goes.
  await log
    .getByText(/\bready\b/)
    .first()
    .waitFor({ state: 'hidden' });
  await log
    .getByText(/request answered/)
    .first()
    .waitFor();
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
});

test('a log is entered at a time: what was written then is pointed at, with what came before and after it, and the way back to now', async () => {
  const { items } = await opened.client.expect(200, 'GET', '/api/v1/logs?limit=1000');
  const ready = (items as { readonly at: string; readonly message: string }[]).find(({ message }) => message === 'ready');
  await page.goto('/logs');
  await page.getByLabel('Go to a time in the log').fill(ready?.at ?? 'never');
  await page.getByLabel('Go to a time in the log').press('Enter');
  await page.waitForURL(/at=/);
  await page.locator('.log-hit').waitFor();
  // Of several in the same moment the last one is pointed at.
  match((await page.locator('.log-hit .log-text').textContent()) ?? '', new RegExp(`^${(await clockOf(page, ready?.at ?? '')).replaceAll('.', '\\.')}`));
  await page.getByRole('button', { name: 'To now' }).click();
  await page.getByText(/^Around /).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Follow the end' }).waitFor();
  deepEqual(faultsOf(page), []);
});

/** A time as a log shows it. */
async function clockOf(on: Page, at: string): Promise<string> {
  return String(
    await on.evaluate(
      `(() => { const at = new Date('${at}'); return at.toTimeString().slice(0, 8) + '.' + String(at.getMilliseconds()).padStart(3, '0')[0]; })()`,
    ),
  );
}

test('an error leads to what Studio logged for its request, and to what can be done', async () => {
  await page.goto('/workflows/wf_nobody');
  const link = page.getByRole('link', { name: /^req_/ }).first();
  const requestId = (await link.textContent()) ?? '';
  await link.click();
  await page.waitForURL(new RegExp(`/logs\\?request=${requestId}$`));
  deepEqual(await page.getByLabel('Request', { exact: true }).inputValue(), requestId);
  await page.goto('/settings/system');
  await page.getByText('service postgres').waitFor();
  match((await page.getByRole('link', { name: 'Troubleshooting' }).getAttribute('href')) ?? '', /\/docs\/troubleshooting$/);
  deepEqual(await findAxeFaults(page), []);
  // The workflow that is not there was asked for on purpose.
  deepEqual(
    faultsOf(page).filter((fault) => !String(JSON.stringify(fault)).includes('404')),
    [],
  );
});
