/** Settings: how long things are kept, and an organisation that is exported and purged. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsOf } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let page: Page;
before(async () => {
  opened = await openClaimedStudio();
  await opened.client.expect(201, 'POST', '/api/v1/orgs', { name: 'Guests', admin: { email: 'guest@example.com', name: 'Guest' } });
  page = await opened.signedIn();
});
after(() => opened.close());

test('what takes the disk is shown, and how long a class is kept is set after a look at what would go', async () => {
  await page.goto('/settings/storage');
  await page.getByRole('button', { name: 'Change how long notifications are kept' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/Nothing of \d+ would be deleted/).waitFor();
  await dialog.getByLabel('Days').fill('91');
  await dialog.getByText('A whole number from 1 to 90').waitFor();
  await dialog.getByLabel('Days').fill('14');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Change how long notifications are kept' }).getByText('14 days').waitFor();
  deepEqual(faultsOf(page), []);
});

test('an organisation of one’s own is made, renamed and gone to; one comes back from its file under another id', async () => {
  await page.goto('/settings/orgs');
  await page.getByRole('button', { name: 'New organisation' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Mine');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('button', { name: 'Actions for Mine' }).click();
  await page.getByRole('menuitem', { name: 'Rename…' }).click();
  await dialog.getByLabel('Name').fill('All mine');
  await dialog.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('button', { name: 'Export All mine' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Export' }).click()]);
  const path = await download.path();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Import…' }).click();
  await dialog.locator('input[type=file]').setInputFiles(path);
  await dialog.getByRole('button', { name: 'Look at it' }).click();
  await dialog.getByText(/Nothing was changed yet\. All mine would bring/).waitFor();
  await dialog.getByRole('button', { name: 'Import', exact: true }).click();
  await dialog.getByText(/All mine is imported/).waitFor();
  await dialog.getByText(/this one has a new id/).waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Export All mine' }).nth(1).waitFor();
  await page.getByRole('button', { name: 'Actions for All mine' }).first().click();
  await Promise.all([page.waitForEvent('load'), page.getByRole('menuitem', { name: 'Go there' }).click()]);
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menu').getByText('All mine').first().waitFor();
  await Promise.all([page.waitForEvent('load'), page.getByRole('menuitem', { name: 'Default' }).click()]);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  deepEqual(faultsOf(page), []);
});

test('an organisation is saved as a file, then purged by its name; the certificate can be saved', async () => {
  await page.goto('/settings/orgs');
  await page.getByRole('button', { name: 'Export Guests' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('dialog').getByRole('button', { name: 'Export' }).click()]);
  equal(download.suggestedFilename(), 'Guests.studio-org');
  ok(readFileSync(await download.path()).length > 100);
  await page.getByRole('button', { name: 'Purge Guests' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/the accounts of guest@example\.com/).waitFor();
  await dialog.getByRole('textbox').fill('Guests');
  await dialog.getByRole('button', { name: 'Purge for ever' }).click();
  await page.getByRole('button', { name: 'Certificate of Guests' }).waitFor();
  await page.getByRole('button', { name: 'Purge Guests' }).waitFor({ state: 'detached' });
  deepEqual(faultsOf(page), []);
});
