import { deepEqual } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { itemsOf, type ApiClient } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let client: ApiClient;
let workflowId = '';
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
  workflowId = String(itemsOf(await client.expect(200, 'GET', '/api/v1/workflows'))[0]?.['id']);
  await client.expect(200, 'PUT', '/api/v1/secrets/TOKEN', { value: 'a value' });
  await client.expect(201, 'POST', '/api/v1/services', { name: 'shown', command: ['sleep', '900'], health: { type: 'none' } });
  await client.call('PUT', '/api/v1/files/notes.md', { body: Buffer.from('# Notes\n') });
});
after(() => opened.close());

/** A page, and the buttons on it that each open a dialog. */
const dialogs: readonly (readonly [path: string, buttons: readonly string[]])[] = [
  ['/workflows', ['New workflow', 'Import…']],
  ['/workflows/one', ['Run']],
  ['/jobs', ['New job']],
  ['/models', ['Download', 'Register']],
  ['/services', ['New service']],
  ['/services?service=shown', ['Stop']],
  ['/settings/keys', ['New key']],
  ['/settings/secrets', ['New secret', 'Replace']],
  ['/settings/credentials', ['New credential']],
  ['/settings/members', ['Add person', 'Invite']],
  ['/settings/orgs', ['New organisation', 'Import…', 'Export Default', 'Purge Default']],
];

/** What opens beside a list. */
const drawers: readonly string[] = ['/services?service=shown', '/files?file=notes.md'];

async function faultsAt(page: Page, at: object): Promise<readonly object[]> {
  const found: object[] = (await findAxeFaults(page)).map(({ id, help, nodes }) => ({ ...at, axe: id, help, nodes: nodes.slice(0, 3) }));
  const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'));
  return [...found, ...(overflow > 1 ? [{ ...at, overflow }] : []), ...faultsOf(page).map((fault) => ({ ...at, fault }))];
}

const looks = [
  { title: 'dark and wide', colorScheme: 'dark', width: 1280, height: 800 },
  { title: 'light and narrow', colorScheme: 'light', width: 390, height: 844 },
] as const;

for (const { title, ...look } of looks)
  test(`every dialog and drawer is without faults, and a dialog that is closed gives the focus back: ${title}`, async () => {
    const page = await opened.signedIn(look);
    const faults: object[] = [];
    for (const [path, buttons] of dialogs) {
      await page.goto(path.replace('/one', `/${workflowId}`));
      for (const name of buttons) {
        const button = page.getByRole('button', { name, exact: true }).first();
        await button.click();
        await page.getByRole('dialog').waitFor();
        faults.push(...(await faultsAt(page, { path, name })));
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        if ((await button.and(page.locator(':focus')).count()) === 0) faults.push({ path, name, focus: 'is lost' });
      }
    }
    for (const path of drawers) {
      await page.goto(path);
      await page.getByRole('complementary').getByRole('button', { name: 'Close' }).waitFor();
      faults.push(...(await faultsAt(page, { path })));
    }
    await page.keyboard.press('Control+k');
    await page.locator('.palette-row').first().waitFor();
    faults.push(...(await faultsAt(page, { name: 'palette' })));
    await page.context().close();
    deepEqual(faults, []);
  });
