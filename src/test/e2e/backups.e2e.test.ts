import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { faultsOf } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
before(async () => {
  opened = await openClaimedStudio();
});
after(() => opened.close());

test('a backup is made in the settings, told how to be restored, scheduled, and deleted', async () => {
  const page = await opened.signedIn();
  await page.goto('/settings/backups');
  await page.getByText('No backups yet').waitFor();
  // Its key, as the palette shows it.
  await page.keyboard.press('n');
  const dialog = page.getByRole('dialog', { name: 'Back up now' });
  await dialog.getByLabel('Kind').selectOption('physical');
  await dialog.getByText('Only for the same major version').waitFor();
  await dialog.getByLabel(/^Passphrase/).fill('several words that nobody guesses');
  await dialog.getByRole('checkbox').uncheck();
  await dialog.getByRole('button', { name: 'Back up', exact: true }).click();
  const row = page.getByRole('row').filter({ hasText: 'Not proved' });
  await row.waitFor();
  await row.getByText('sealed, with keys').waitFor();
  await row.getByText('physical', { exact: true }).waitFor();
  const { items } = await opened.client.expect(200, 'GET', '/api/v1/backups');
  const [made] = items as { id: string }[];
  assert.ok(made !== undefined && existsSync(join(opened.studio.workspace, 'backups', 'backups', made.id, 'manifest.json')));

  await row.getByRole('button').click();
  await page.getByRole('menuitem', { name: 'How to restore…' }).click();
  await page.getByText(`studio backup restore ${made.id} --passphrase-file FILE --dry-run`).waitFor();
  await page.getByText(/^Physical: restores onto PostgreSQL \d+ only/).waitFor();
  await page.getByRole('button', { name: 'Close', exact: true }).last().click();

  await page.getByRole('switch', { name: 'Back up on a schedule' }).check();
  await page.getByLabel('When').fill('0 4 * * *');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText(/^next/).waitFor();

  await row.getByRole('button').click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No backups yet').waitFor();
  assert.deepEqual(faultsOf(page), []);
});
