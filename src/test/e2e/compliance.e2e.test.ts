import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { findAxeFaults, faultsOf } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { findPaletteFaults } from '../palette.ts';

let opened: ClaimedStudio;
let page: Page;
before(async () => {
  opened = await openClaimedStudio();
  page = await opened.signedIn({ width: 390, height: 844 });
});
after(() => opened.close());

test('the report is found from the palette, follows what is set, and is taken along as JSON', async () => {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('compliance');
  await page.getByRole('option', { name: /Settings: Compliance/ }).click();
  const leaving = page.getByRole('region', { name: 'What leaves this machine' });
  await leaving.getByText('HF_ENDPOINT').waitFor();
  equal(await leaving.getByText('hooks.example:8443').count(), 0);
  const url = 'https://hooks.example:8443/hidden-in-the-path';
  await opened.client.expect(200, 'PATCH', '/api/v1/settings', { notifications: [{ on: ['failed'], channel: 'webhook', url }] });
  await page.getByRole('button', { name: 'Look again' }).click();
  await leaving.getByText('hooks.example:8443').waitFor();
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download as JSON' }).click();
  const download = await coming;
  const text = readFileSync(await download.path(), 'utf8');
  const report = JSON.parse(text) as { readonly outgoing: readonly { readonly kind: string; readonly hosts: readonly string[] }[] };
  deepEqual(report.outgoing.find(({ kind }) => kind === 'notifications')?.hosts, ['hooks.example:8443']);
  ok(!text.includes('hidden-in-the-path'));
  equal(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth'), 0);
  deepEqual(await findAxeFaults(page), []);
  deepEqual(await findPaletteFaults(page), []);
  deepEqual(faultsOf(page), []);
});
