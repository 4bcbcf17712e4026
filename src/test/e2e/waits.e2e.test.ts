/** What people do on an instance's page while it waits, and how maps are shown, in real Chromium: dark, light, and as narrow as a phone. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { ApiClient } from '../api-client.ts';
import { findAxeFaults, faultsOf } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { owner } from '../studio-process.ts';

let opened: ClaimedStudio;
let client: ApiClient;
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
});
after(() => opened.close());

const signedIn = (look: Parameters<ClaimedStudio['signedIn']>[0] = {}): Promise<Page> => opened.signedIn({ width: 1440, height: 900, ...look });

/** Pictures for those who look at them: STUDIO_SCREENSHOTS names the folder. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env['STUDIO_SCREENSHOTS'];
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`) });
}

async function startExample(id: string, input: object = {}): Promise<string> {
  const example = await client.expect(200, 'GET', `/api/v1/examples/${id}`);
  const workflow = await client.expect(201, 'POST', '/api/v1/workflows', { name: String(example['title']), ...(example['definition'] as object) });
  return String((await client.expect(201, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances`, { input: example['input'] ?? {}, ...input }))['id']);
}

const done = (page: Page) => page.locator('.page-header [data-status="completed"]').waitFor();

for (const look of [
  { name: 'dark', colorScheme: 'dark' as const },
  { name: 'light', colorScheme: 'light' as const },
  { name: 'narrow', colorScheme: 'dark' as const, width: 390, height: 844 },
])
  test(`an approval is filled in and given on the page of its instance (${look.name})`, async () => {
    const id = await startExample('approval');
    const page = await signedIn(look);
    await page.goto(`/instances/${id}?step=review`);
    const card = page.getByRole('region', { name: 'Approval' });
    await card.getByText('Send the offer to Ada Lovelace?').waitFor();
    await picture(page, `approval-${look.name}`);
    deepEqual(await findAxeFaults(page), []);
    await card.getByRole('button', { name: 'Approve' }).click();
    await card.locator('.field-fault').first().waitFor();
    await card.getByLabel('Price').fill('90');
    await card.getByLabel(/Comment/).fill('fair');
    await card.getByRole('button', { name: 'Approve' }).click();
    await done(page);
    equal(
      ((await client.expect(200, 'GET', `/api/v1/instances/${id}/steps?path=review`))['items'] as { reason: string }[])[0]?.reason,
      `approved by ${owner.name}: fair`,
    );
    deepEqual(faultsOf(page), []);
    await page.context().close();
  });

test('a rejection goes its own way, and a called URL ends a wait', async () => {
  const page = await signedIn();
  await page.goto(`/instances/${await startExample('approval')}?step=review`);
  await page.getByRole('region', { name: 'Approval' }).getByRole('button', { name: 'Reject' }).click();
  await done(page);
  await page.goto(`/instances/${await startExample('wait-call')}?step=paid`);
  const card = page.getByRole('region', { name: 'URL to call' });
  const url = (await card.locator('code').textContent()) ?? '';
  match(url, /^http:\/\/.*\/webhooks\/cb_/);
  await picture(page, 'callback');
  deepEqual(await findAxeFaults(page), []);
  equal((await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"amount":3}' })).status, 202);
  await done(page);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a manual step is started, and a debugged instance goes step by step', async () => {
  const page = await signedIn();
  await page.goto(`/instances/${await startExample('manual-step')}?step=release`);
  await page.getByRole('button', { name: 'Start this step' }).click();
  await done(page);
  await page.goto(`/instances/${await startExample('manual-step', { debug: true })}?step=prepare`);
  await page.getByText('debug mode').waitFor();
  await picture(page, 'debug');
  await page.getByRole('button', { name: 'Start this step' }).click();
  await page.goto(page.url().replace('step=prepare', 'step=release'));
  await page.getByRole('button', { name: 'Start this step' }).click();
  await done(page);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a map of thousands is counted on its card and unfolded as one list', async () => {
  const nodes = [
    {
      key: 'each',
      type: 'map',
      params: {
        items: '{{ [1..3000] }}',
        concurrency: 100,
        onItemError: 'collect',
        body: { nodes: [{ key: 'one', type: 'set', params: { values: { n: '{{ item }}' } } }], edges: [] },
      },
    },
  ];
  const workflow = await client.expect(201, 'POST', '/api/v1/workflows', { name: 'Many', nodes, edges: [] });
  const page = await signedIn();
  const { id } = await client.expect(201, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances`, {});
  await page.goto(`/instances/${String(id)}`);
  await done(page);
  await page.getByText('3,000 completed').first().waitFor();
  await picture(page, 'map-graph');
  await page.getByRole('tab', { name: /Steps/ }).click();
  await page.getByRole('button', { name: 'Steps of each' }).click();
  await page.getByRole('button', { name: 'Steps of each[0]' }).click();
  await page.getByRole('cell', { name: 'one' }).first().waitFor();
  await picture(page, 'map-steps');
  deepEqual(await findAxeFaults(page), []);
  await page.getByText('one', { exact: true }).first().click();
  await page.waitForURL(/step=each%5B0%5D%2Fone/);
  await page.getByRole('heading', { name: 'each[0]/one' }).waitFor();
  ok((await page.locator('tbody tr').count()) < 200, 'rows are drawn by window');
  await page.locator('.table-scroll').first().hover();
  await page.mouse.wheel(0, 100_000);
  await page.getByText('[2999]', { exact: true }).waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a workflow begins from an example', async () => {
  const page = await signedIn();
  await page.goto('/workflows');
  await page.getByRole('button', { name: 'New workflow' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('An example').click();
  await dialog.getByText('Maps inside maps').click();
  await picture(page, 'examples');
  deepEqual(await findAxeFaults(page), []);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.waitForURL(/\/workflows\/wf_.*tab=editor/);
  await page.getByRole('heading', { name: 'Maps inside maps' }).waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a caller leads to the instance that it waits for and back, and a large output is a download', async () => {
  const make = async (name: string, nodes: object[]): Promise<string> =>
    String((await client.expect(201, 'POST', '/api/v1/workflows', { name, nodes, edges: [] }))['id']);
  const child = await make('Child', [{ key: 'hold', type: 'noop', start: 'manual' }]);
  const parent = await make('Parent', [
    { key: 'call', type: 'workflow.call', params: { workflowId: child } },
    { key: 'large', type: 'code.js', params: { source: "return 'x'.repeat(400000);" } },
  ]);
  const id = String((await client.expect(201, 'POST', `/api/v1/workflows/${parent}/instances`, {}))['id']);
  const page = await signedIn({ width: 390, height: 844 });
  await page.goto(`/instances/${id}?step=large`);
  const link = page.getByRole('link', { name: 'Download the output' });
  await link.waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  equal(download.suggestedFilename(), 'large.json');
  await page.goto(`/instances/${id}?step=call`);
  await page.getByRole('region', { name: 'The instance that was called' }).getByRole('link').click();
  await page.getByText('called by').waitFor();
  deepEqual(await findAxeFaults(page), []);
  await page.getByRole('button', { name: 'hold' }).first().click();
  await page.getByRole('button', { name: 'Start this step' }).click();
  await done(page);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});
