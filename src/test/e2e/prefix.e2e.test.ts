import { deepEqual, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { itemsOf } from '../api-client.ts';
import { faultsOf } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { pagePaths } from '../page-list.ts';
import { startPrefixProxy, type PrefixProxy } from '../prefix-proxy.ts';
import { owner } from '../studio-process.ts';

let opened: ClaimedStudio;
let proxy: PrefixProxy;
before(async () => {
  opened = await openClaimedStudio({ env: { PROXY_FIX_ENABLED: 'true' } });
  proxy = await startPrefixProxy(opened.studio.url, '/box/studio');
});
after(async () => {
  await proxy.close();
  await opened.close();
});

test('below a path of somebody else’s address every page opens, is live, and asks for nothing outside it', async () => {
  const { client } = opened;
  const workflowId = String(itemsOf(await client.expect(200, 'GET', '/api/v1/workflows'))[0]?.['id']);
  const run = await client.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=60`, { body: {} });
  const instanceId = String((run.body as { readonly id?: unknown }).id);
  const page = await opened.browser.newPage(proxy.url);
  await page.goto('./');
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('[data-connection="live"]').waitFor();
  faultsOf(page);
  const faults: unknown[] = [];
  for (const path of pagePaths({ workflowId, instanceId, node: 'draw' })) {
    await page.goto(`.${path}`, { waitUntil: 'networkidle' });
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    for (const fault of faultsOf(page)) faults.push({ path, fault });
  }
  deepEqual(faults, []);
  deepEqual(proxy.strays, []);
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  await page.getByRole('heading', { name: 'Jobs', level: 1 }).waitFor();
  ok(page.url().startsWith(`${proxy.url}jobs`), page.url());
});
