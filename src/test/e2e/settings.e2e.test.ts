import { deepEqual, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsOf } from '../browser.ts';
import { addPerson, openClaimedStudio, signIn, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let page: Page;
before(async () => {
  opened = await openClaimedStudio();
  await opened.client.expect(201, 'POST', '/api/v1/workflows', {
    name: 'Nightly',
    nodes: [{ key: 'go', type: 'noop' }],
    edges: [],
    triggers: [
      { key: 'daily', type: 'cron', params: { expression: '0 3 * * *' } },
      { key: 'hook', type: 'webhook', params: { auth: 'none' } },
    ],
  });
  page = await opened.signedIn();
});
after(() => opened.close());

test('triggers of all workflows are seen, one is switched off, all are paused', async () => {
  await page.goto('/settings/triggers');
  const daily = page.getByRole('row', { name: /Nightly.*daily/ });
  await daily.getByText('On', { exact: true }).waitFor();
  await daily.getByRole('switch').press('Space');
  await daily.getByText('Off', { exact: true }).waitFor();
  await page
    .getByRole('button', { name: 'Webhooks' })
    .or(page.getByRole('radio', { name: 'Webhooks' }))
    .first()
    .click();
  await daily.waitFor({ state: 'detached' });
  const hook = page.getByRole('row', { name: /Nightly.*hook/ });
  await hook.getByText('On', { exact: true }).waitFor();
  await page.getByRole('switch', { name: 'Pause all triggers' }).press('Space');
  await hook.getByText('Paused').waitFor();
  deepEqual(faultsOf(page), []);
});

test('the audit trail says who did what, and is filtered by it', async () => {
  await opened.client.expect(200, 'PUT', '/api/v1/secrets/FIRST', { value: 'one' });
  await page.goto('/settings/audit');
  await page.getByRole('row', { name: /secret\.set.*Owner.*FIRST/ }).waitFor();
  await page.getByLabel('Action').fill('session.started');
  await page.getByRole('row', { name: /secret\.set/ }).waitFor({ state: 'detached' });
  await page
    .getByRole('row', { name: /session\.started/ })
    .first()
    .waitFor();
  deepEqual(faultsOf(page), []);
});

test('the storage of runs is shown by period, and swept by hand', async () => {
  await page.goto('/settings/storage');
  await page
    .getByRole('row', { name: /\d{4}-\d\d-\d\d to / })
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Sweep now' }).click();
  await page.getByRole('status').getByText('Nothing was due').waitFor();
  match((await page.getByRole('region', { name: 'Last sweep' }).textContent()) ?? '', /Gave back/);
  deepEqual(faultsOf(page), []);
});

test('maintenance is set and lifted, and told above every page', async () => {
  await page.goto('/settings/system');
  const card = page.getByRole('region', { name: 'Maintenance' });
  await card.getByRole('button', { name: 'Warn' }).click();
  await card.getByLabel('What people read').fill('a new disk at six');
  await card.getByRole('button', { name: 'Set' }).click();
  await page.getByText('Maintenance soon: a new disk at six').waitFor();
  await page.goto('/workflows');
  await page.getByText('Maintenance soon: a new disk at six').waitFor();
  await page.goto('/settings/system');
  await card.getByRole('button', { name: 'Off' }).click();
  await card.getByRole('button', { name: 'Set' }).click();
  await page.getByText('Maintenance soon').waitFor({ state: 'detached' });
  deepEqual(faultsOf(page), []);
});

test('the configuration says where each setting came from, and is read again', async () => {
  await page.goto('/settings/configuration');
  await page.getByRole('row', { name: /PORT.*environment PORT/ }).waitFor();
  await page.getByLabel('Find').fill('retention');
  await page.getByRole('row', { name: /PORT/ }).waitFor({ state: 'detached' });
  await page
    .getByRole('row', { name: /RETENTION_DAYS/ })
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Read again' }).click();
  await page.getByRole('status').getByText('Nothing has changed').waitFor();
  deepEqual(faultsOf(page), []);
});

test('workers are listed with what they run', async () => {
  await page.goto('/workers');
  await page.getByRole('row', { name: /in Studio.*Alive/ }).waitFor();
  deepEqual(faultsOf(page), []);
});

test('an administrator sees what their organisation takes of the disk, and nothing of the machine', async () => {
  const person = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery staple' };
  await addPerson(opened, person);
  const members = await opened.client.expect(200, 'GET', '/api/v1/orgs/current/members');
  const ada = (members['items'] as { userId: string; email: string }[]).find(({ email }) => email === person.email);
  await opened.client.expect(200, 'PATCH', `/api/v1/orgs/current/members/${ada?.userId ?? ''}`, { role: 'admin' });
  const own = await opened.browser.newPage(opened.studio.url);
  await signIn(own, person);
  await own.goto('/settings/storage');
  const card = own.getByRole('region', { name: 'What this organisation takes' });
  await card.getByText('Together').waitFor();
  deepEqual([await own.getByRole('region', { name: 'Disk' }).count(), await own.getByRole('region', { name: 'By organisation' }).count()], [0, 0]);
  deepEqual(faultsOf(own), []);
  await page.goto('/settings/storage');
  await page
    .getByRole('region', { name: 'By organisation' })
    .getByRole('row', { name: /Default/ })
    .waitFor();
  deepEqual(faultsOf(page), []);
});
