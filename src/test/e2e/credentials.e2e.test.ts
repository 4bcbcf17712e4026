/** Credentials: made by a form, tested against a provider, picked in a step, used, and not deleted by accident. */
import { deepEqual, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { asObject, itemsOf } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { startProvider, type Provider } from '../provider.ts';

const CANARY = 'canary-in-a-browser-0815';
let opened: ClaimedStudio;
let provider: Provider;
let page: Page;
before(async () => {
  provider = await startProvider();
  opened = await openClaimedStudio();
  await opened.client.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: [provider.host] });
  page = await opened.signedIn({ width: 1440, height: 900 });
});
after(async () => {
  await opened.close();
  await provider.close();
});

test('a credential is made by its type’s form, and a test says whether it works', async () => {
  await page.goto('/settings/credentials');
  await page.getByRole('button', { name: 'Add a credential' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Type').selectOption('http_header');
  await dialog.getByLabel('Name', { exact: true }).fill('Billing API');
  await dialog.getByLabel('Header', { exact: true }).fill('X-Billing-Key');
  await dialog.getByLabel('Value').fill(CANARY);
  await dialog.getByLabel('Test URL').fill('https://elsewhere.example/me');
  await dialog.getByLabel('Sent to').fill(`http://${provider.host}`);
  deepEqual(await findAxeFaults(page), []);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('It is not on one of the hosts').waitFor();
  await dialog.getByLabel('Test URL').fill(`${provider.origin}/me`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /Billing API.*Header.*Active.*Never/ }).waitFor();
  await page.getByRole('button', { name: 'Actions for Billing API' }).click();
  await page.getByRole('menuitem', { name: 'Test…' }).click();
  await dialog.getByRole('button', { name: 'Test', exact: true }).click();
  await dialog.getByText(/It works: .* answered 200/).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  deepEqual(
    provider.asked.map(({ headers }) => headers['x-billing-key']),
    [CANARY],
  );
  // The refused form is a fault on the console, and the only one.
  deepEqual(
    faultsOf(page).filter((fault) => !/status of 400/.test(fault)),
    [],
  );
  equal((await page.content()).includes(CANARY), false);
});

test('a step picks it by name, runs with it, and its value shows nowhere', async () => {
  const made = await opened.client.expect(201, 'POST', '/api/v1/workflows', {
    name: 'Asks billing',
    nodes: [{ key: 'ask', type: 'http.request', params: { url: `${provider.origin}/invoices`, auth: { type: 'bearer', token: 'x' } } }],
    edges: [],
  });
  const id = String(made['id']);
  await page.goto(`/workflows/${id}?tab=editor&find=ask`);
  const pane = page.locator('[data-pane=node]');
  await pane.getByRole('combobox', { name: 'Kind of Auth' }).selectOption({ label: 'Credential' });
  await pane.getByRole('combobox', { name: /^Credential/ }).selectOption({ label: 'Billing API' });
  await page.getByText(/Draft saved/).waitFor();
  await page.getByRole('button', { name: 'Publish' }).first().click();
  const published = async (): Promise<unknown> => {
    const document = asObject((await opened.client.call('GET', `/api/v1/workflows/${id}/export`)).body);
    const [node] = itemsOf({ items: asObject(document['definition'])['nodes'] });
    return asObject(asObject(node?.['params'])['auth'])['credential'];
  };
  while (typeof (await published()) !== 'string') await page.waitForTimeout(100);
  const instance = await opened.client.expect(200, 'POST', `/api/v1/workflows/${id}/instances?wait=60`, {});
  equal(instance['status'], 'completed');
  await page.goto(`/instances/${String(instance['id'])}`);
  await page.getByText('Completed').first().waitFor();
  equal((await page.content()).includes(CANARY), false);

  await page.goto('/settings/credentials');
  await page.getByRole('button', { name: 'Actions for Billing API' }).click();
  await page.getByRole('menuitem', { name: 'Used by…' }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'Asks billing' }).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
});

test('what would send it elsewhere needs its secret again; what is used is deleted by its name only', async () => {
  await page.goto('/settings/credentials');
  await page.getByRole('button', { name: 'Actions for Billing API' }).click();
  await page.getByRole('menuitem', { name: 'Change…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Sent to').fill(`http://${provider.host}\nevil.example`);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Needed, as it may be sent elsewhere now').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Actions for Billing API' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  await dialog.getByText(/Used by Asks billing/).waitFor();
  await dialog.getByRole('textbox').fill('Billing API');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No credentials yet').waitFor();
});
