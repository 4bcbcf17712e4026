import { deepEqual, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { itemsOf, type ApiClient } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { pagePaths } from '../page-list.ts';
import { findPaletteFaults } from '../palette.ts';

let opened: ClaimedStudio;
let client: ApiClient;
let instanceId = '';
let workflowId = '';
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
  workflowId = String(itemsOf(await client.expect(200, 'GET', '/api/v1/workflows'))[0]?.['id']);
  const reply = await client.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=60`, { body: {} });
  instanceId = String((reply.body as { id?: unknown }).id);
});
after(() => opened.close());

const paths = (): readonly string[] => pagePaths({ workflowId, instanceId, node: 'draw' });

/** What a browser does at 200 % of the size: half as many pixels each way. */
const AT_200_PERCENT = { width: 640, height: 400 };

const looks = [
  { title: 'wide, dark and light, and at 200 % of the size', colorScheme: 'dark', width: 1280, height: 800 },
  { title: 'narrow', colorScheme: 'dark', width: 390, height: 844 },
] as const;

type Fault = Readonly<Record<string, unknown>>;

async function axeFaults(page: Page, at: Fault): Promise<readonly Fault[]> {
  return (await findAxeFaults(page)).map(({ id, help, nodes }) => ({ ...at, axe: id, help, nodes: nodes.slice(0, 3) }));
}

/** A page wider than the window can't be read on a phone. */
async function overflowFaults(page: Page, at: Fault): Promise<readonly Fault[]> {
  const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'));
  return overflow > 1 ? [{ ...at, overflow }] : [];
}

/** One visit for what can be changed while it lasts: a visit costs more than all that is looked at. */
async function wideFaults(page: Page, path: string): Promise<readonly Fault[]> {
  const faults = (await findPaletteFaults(page)).map((palette): Fault => ({ path, palette }));
  // Without motion, for colours that are on their way to others have no contrast of their own.
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  faults.push(...(await axeFaults(page, { path, theme: 'light' })));
  await page.setViewportSize(AT_200_PERCENT);
  faults.push(...(await overflowFaults(page, { path, size: '200 %' })));
  await page.setViewportSize(looks[0]);
  await page.emulateMedia({ colorScheme: 'dark' });
  return faults;
}

for (const { title, ...look } of looks) {
  test(`every page is without faults: ${title}`, async () => {
    const page = await opened.signedIn(look);
    const faults: unknown[] = [];
    for (const path of paths()) {
      await page.goto(path, { waitUntil: 'networkidle' });
      for (const fault of faultsOf(page)) faults.push({ path, fault });
      faults.push(...(await axeFaults(page, { path })), ...(await overflowFaults(page, { path })));
      if (look.width !== 390) faults.push(...(await wideFaults(page, path)));
    }
    await page.context().close();
    deepEqual(faults, []);
  });
}

test('a button, an entry of a menu and a thing of the machine are reached by typing their names', async () => {
  const page = await opened.signedIn({});
  const choose = async (words: string): Promise<void> => {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'What do you want to do?' }).fill(words);
    await page.locator('.palette-row[aria-selected=true]', { hasText: words }).waitFor();
    await page.keyboard.press('Enter');
  };
  await page.goto(`/instances/${instanceId}`);
  await page.getByRole('button', { name: 'Rerun' }).waitFor();
  await choose('Rerun');
  await page.getByRole('dialog').waitFor();
  deepEqual(await findAxeFaults(page), []);
  await page.keyboard.press('Escape');
  await choose('Open the workflow');
  await page.waitForURL(`**/workflows/${workflowId}*`);
  await page.getByRole('tab', { name: 'Versions' }).waitFor();
  await choose('Make a copy');
  await page.getByRole('heading', { level: 1, name: /copy/i }).waitFor();
  await choose('redis');
  await page.waitForURL('**/services?service=redis');
  await page.getByRole('button', { name: 'Restart' }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).getByText('Define a service').waitFor();
  deepEqual(await findAxeFaults(page), []);
  await page.context().close();
});

test('the pages before signing in are without faults', async () => {
  const page = await opened.browser.newPage(opened.studio.url);
  const faults: unknown[] = [];
  for (const path of ['/', '/claim', '/claim#token=x']) {
    await page.goto(path, { waitUntil: 'networkidle' });
    faults.push(...(await axeFaults(page, { path })));
    // A session that is not there is asked for once: its 401 stands on the console.
    for (const fault of faultsOf(page).filter((text) => !text.includes('401'))) faults.push({ path, fault });
  }
  await page.context().close();
  deepEqual(faults, []);
});

test('a page that is open while Studio is killed and started again says so, and goes on by itself', async () => {
  const page = await opened.signedIn({});
  await page.goto('/instances', { waitUntil: 'networkidle' });
  await page.locator('[data-connection="live"]').waitFor();
  await opened.studio.kill();
  await page.locator('[data-connection="lost"], [data-connection="connecting"], [data-connection="polling"]').first().waitFor();
  await opened.studio.start();
  await page.locator('[data-connection="live"]').waitFor({ timeout: 60_000 });
  const before = itemsOf(await client.expect(200, 'GET', '/api/v1/instances')).length;
  await client.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances`, {});
  await page
    .getByRole('row')
    .nth(before + 1)
    .or(page.getByText(/1 new/))
    .first()
    .waitFor();
  ok(true, 'the new instance was seen without a reload');
  await page.context().close();
});
