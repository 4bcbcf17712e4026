import { deepEqual, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { asObject, itemsOf } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
before(async () => {
  opened = await openClaimedStudio();
});
after(() => opened.close());

async function make(name: string, nodes: readonly object[]): Promise<string> {
  return String((await opened.client.expect(201, 'POST', '/api/v1/workflows', { name, nodes, edges: [] }))['id']);
}

async function openNode(page: Page, id: string, key: string): Promise<Locator> {
  await page.goto(`/workflows/${id}?tab=editor&find=${key}`);
  const pane = page.locator('[data-pane=node]');
  await pane.locator('.node-key', { hasText: key }).waitFor();
  return pane;
}

/** Waits until the stored draft holds of a node's parameters what is looked for. */
async function stored(id: string, key: string, holds: (params: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
  for (;;) {
    const { draft } = await opened.client.expect(200, 'GET', `/api/v1/workflows/${id}/draft`);
    const node = draft === null ? undefined : itemsOf({ items: asObject(asObject(draft)['definition'])['nodes'] }).find((each) => each['key'] === key);
    const params = node === undefined ? undefined : asObject(node['params']);
    if (params !== undefined && holds(params)) return params;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('code is written in a larger editor, and stays when it is closed', async () => {
  const id = await make('Code', [{ key: 'run', type: 'code.js', params: { source: 'return 1;' } }]);
  const page = await opened.signedIn();
  const pane = await openNode(page, id, 'run');
  await pane.getByRole('button', { name: /, larger$/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('.cm-content').click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.type('return 41 + 1;');
  deepEqual(await findAxeFaults(page), []);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await pane.locator('.cm-content', { hasText: 'return 41 + 1;' }).waitFor();
  equal((await stored(id, 'run', ({ source }) => source !== 'return 1;'))['source'], 'return 41 + 1;');
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a model and a workflow are picked by name', async () => {
  const settings = { kind: 'openai', baseUrl: 'http://127.0.0.1:9/v1', model: 'x' };
  await opened.client.expect(201, 'POST', '/api/v1/models', { engine: 'remote', owner: 'org', name: 'picked-writer', settings });
  const called = await make('Called by name', [{ key: 'a', type: 'noop' }]);
  const id = await make('Picks', [
    { key: 'ask', type: 'llm.chat', params: { model: 'none-yet', prompt: 'Hello' } },
    { key: 'call', type: 'workflow.call', params: { workflowId: called } },
  ]);
  const page = await opened.signedIn();
  const pane = await openNode(page, id, 'ask');
  const model = pane.getByRole('combobox', { name: /^Model\b/ });
  await pane.locator('datalist option[value="picked-writer"]').waitFor({ state: 'attached' });
  await model.fill('picked-writer');
  await stored(id, 'ask', (params) => params['model'] === 'picked-writer');
  await openNode(page, id, 'call');
  await pane.getByRole('combobox', { name: /^Workflow\b/ }).selectOption('Called by name');
  await stored(id, 'call', (params) => params['workflowId'] === called);
  equal(await pane.getByRole('link', { name: 'Open it' }).getAttribute('href'), `/workflows/${called}`);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a secret is made from the form that needs it, and its value is shown nowhere', async () => {
  const id = await make('Secret', [{ key: 'tell', type: 'notify', params: { channel: 'in_app', title: 'Done' } }]);
  const page = await opened.signedIn();
  const pane = await openNode(page, id, 'tell');
  await pane.getByRole('button', { name: 'New secret…' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'New secret' });
  await dialog.getByLabel('Name').fill('HOOK_FROM_FORM');
  await dialog.getByLabel('Value').fill('https://hooks.example.com/very-secret');
  deepEqual(await findAxeFaults(page), []);
  await dialog.getByRole('button', { name: 'Save' }).click();
  const params = await stored(id, 'tell', (each) => Object.values(each).includes('HOOK_FROM_FORM'));
  equal(JSON.stringify(params).includes('very-secret'), false);
  equal((await page.content()).includes('very-secret'), false);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a test run that waits is stopped from the pane', async () => {
  const id = await make('Waits', [{ key: 'wait', type: 'wait.timer', params: { durationMs: 3_600_000 } }]);
  const page = await opened.signedIn();
  const pane = await openNode(page, id, 'wait');
  await pane.getByRole('button', { name: 'Test', exact: true }).click();
  await page.locator('.test-state').getByRole('button', { name: 'Stop' }).click();
  await page.locator('.test-state [data-status=cancelled]').waitFor();
  await page.locator('.test-state').getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' });
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('steps go as text from one tab to another; junk and what a newer version wrote are refused in words', async () => {
  const from = await make('From', [{ key: 'carried', type: 'template', params: { text: 'over there' } }]);
  const to = await make('To', [{ key: 'first', type: 'noop' }]);
  const page = await opened.signedIn();
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`/workflows/${from}?tab=editor`);
  await page.locator('.react-flow__node[data-id="carried"]').click();
  await page.keyboard.press('Control+c');
  const text = (await page.evaluate('navigator.clipboard.readText()')) as string;
  equal(asObject(JSON.parse(text))['studio'], 'nodes');

  const other = await page.context().newPage();
  await other.goto(`/workflows/${to}?tab=editor`);
  await other.locator('.react-flow__node[data-id="first"]').waitFor();
  await other.locator('.react-flow__pane').click({ position: { x: 40, y: 400 } });
  await other.keyboard.press('Control+v');
  await other.locator('.react-flow__node[data-id="carried"]').waitFor();

  const notice = other.locator('.canvas-notice');
  const paste = async (what: string): Promise<void> => {
    await other.evaluate(`navigator.clipboard.writeText(${JSON.stringify(what)})`);
    await other.keyboard.press('Control+v');
  };
  await paste('Dear all, <b>no steps</b> here');
  await notice.getByText('it is no JSON').waitFor();
  await paste(JSON.stringify({ ...(JSON.parse(text) as object), format: 99 }));
  await notice.getByText('from a newer Studio').waitFor();
  await paste(JSON.stringify({ studio: 'nodes', nodes: [{ key: 'Bad Key!', type: 'noop' }], edges: [] }));
  await notice.getByText('is no key').waitFor();
  equal(await other.locator('.react-flow__node').count(), 2);
  await other.keyboard.press('Control+z');
  await other.locator('.react-flow__node[data-id="carried"]').waitFor({ state: 'detached' });
  await page.context().close();
});

test('an output of fifty megabytes is named by its size and begun, not drawn whole', async () => {
  const id = await make('Large', [{ key: 'large', type: 'code.js', params: { source: "return 'x'.repeat(50 * 1024 * 1024);" } }]);
  const started = await opened.client.expect(201, 'POST', `/api/v1/workflows/${id}/instances`, {});
  const page = await opened.signedIn();
  await page.goto(`/instances/${String(started['id'])}?step=large`);
  await page.getByRole('link', { name: 'Download the output' }).waitFor({ timeout: 120_000 });
  await page.getByText('50 MiB').waitFor();
  const pane = await openNode(page, id, 'large');
  await pane.getByRole('tab', { name: 'Data' }).click();
  await pane.getByText('The first 64 KiB.').waitFor();
  equal(Number(await page.evaluate('document.body.textContent.length')) < 200_000, true);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});
