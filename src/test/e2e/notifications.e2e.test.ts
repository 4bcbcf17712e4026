import { deepEqual, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { itemsOf, type ApiClient } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let client: ApiClient;
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
});
after(() => opened.close());

const signedIn = (look: Parameters<ClaimedStudio['signedIn']>[0] = {}): Promise<Page> => opened.signedIn(look);

test('a workflow that fails rings the bell without a reload; the notification leads to the instance and is read by that', async () => {
  const page = await signedIn();
  await page.locator('[data-connection="live"]').waitFor();
  await page.getByRole('link', { name: 'Notifications', exact: true }).waitFor();
  const nodes = [{ key: 'end', type: 'fail', params: { message: 'the disk is full' } }];
  const workflow = String((await client.expect(201, 'POST', '/api/v1/workflows', { name: 'Nightly import', nodes, edges: [] }))['id']);
  const instance = (await client.call('POST', `/api/v1/workflows/${workflow}/instances?wait=30`, { body: {} })).body as { readonly id: string };
  const bell = page.getByRole('link', { name: 'Notifications, 1 unread' });
  await bell.waitFor();
  await bell.click();
  await page.getByText('Nightly import failed').click();
  await page.waitForURL(`**/instances/${instance.id}**`);
  await page.getByRole('link', { name: 'Notifications', exact: true }).waitFor();
  equal((await client.expect(200, 'GET', '/api/v1/notifications'))['unread'], 0);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a delivery that was given up says why and can be sent again', async () => {
  await client.expect(202, 'POST', '/api/v1/notifications/test', { channel: 'webhook', url: 'http://127.0.0.1:9/hook' });
  const page = await signedIn();
  await page.goto('/notifications/deliveries');
  await page.getByText('Given up').waitFor();
  await page
    .getByText(/not a public address/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Send again' }).click();
  await page.getByText('It is sent again').waitFor();
  equal(itemsOf(await client.expect(200, 'GET', '/api/v1/notifications/deliveries')).length, 1);
  await page.context().close();
});

const looks = [
  { title: 'dark', colorScheme: 'dark', width: 1280, height: 800 },
  { title: 'light', colorScheme: 'light', width: 1280, height: 800 },
  { title: 'narrow', colorScheme: 'dark', width: 390, height: 844 },
] as const;

for (const { title, ...look } of looks) {
  test(`notifications with rows are without faults: ${title}`, async () => {
    await client.expect(202, 'POST', '/api/v1/notifications/test', { channel: 'in_app' });
    const page = await signedIn(look);
    for (const path of ['/notifications', '/notifications/deliveries']) {
      await page.goto(path, { waitUntil: 'networkidle' });
      await page.getByRole('row').nth(1).waitFor();
      deepEqual(
        (await findAxeFaults(page)).map(({ id, nodes }) => ({ path, id, nodes: nodes.slice(0, 3) })),
        [],
      );
      equal(Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')) <= 1, true, `${path} is too wide`);
    }
    deepEqual(faultsOf(page), []);
    await page.context().close();
  });
}
