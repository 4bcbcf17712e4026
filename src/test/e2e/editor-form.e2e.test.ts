import { deepEqual, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { itemsOf, asObject } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
before(async () => {
  opened = await openClaimedStudio();
});
after(() => opened.close());

const graph = {
  inputSchema: { type: 'object', properties: { customer: { type: 'string', title: 'Customer' } }, required: ['customer'] },
  nodes: [
    { key: 'rows', type: 'set', params: { values: { list: [{ price: 2 }, { price: 3 }] } }, position: { x: 0, y: 0 } },
    { key: 'text', type: 'template', params: { text: 'nothing yet' }, position: { x: 260, y: 0 } },
    { key: 'end', type: 'log', params: { message: '{{ steps.text.output.text }}' }, position: { x: 520, y: 0 } },
  ],
  edges: [
    { from: 'rows', to: 'text' },
    { from: 'text', to: 'end' },
  ],
};

async function openEditor(name: string, definition: object = graph): Promise<{ readonly page: Page; readonly id: string }> {
  const id = String((await opened.client.expect(201, 'POST', '/api/v1/workflows', { name, ...definition }))['id']);
  const page = await opened.signedIn({ width: 1440, height: 900 });
  return { page, id };
}

async function select(page: Page, id: string, key: string): Promise<Locator> {
  await page.goto(`/workflows/${id}?tab=editor&find=${key}`);
  const pane = page.locator('[data-pane=node]');
  await pane.locator('.node-key', { hasText: key }).waitFor();
  return pane;
}

/** What the stored draft holds of a node. */
async function draftNode(id: string, key: string): Promise<Record<string, unknown>> {
  const { draft } = await opened.client.expect(200, 'GET', `/api/v1/workflows/${id}/draft`);
  return itemsOf({ items: asObject(asObject(draft)['definition'])['nodes'] }).find((node) => node['key'] === key) ?? {};
}

test('a form takes an expression, shows what it gives, and the node is tested, pinned and tested from', async () => {
  const { page, id } = await openEditor('Tested');
  const pane = await select(page, id, 'text');
  const run = page.locator('.test-state [data-status=completed]');

  await pane.getByRole('button', { name: 'Up to here' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Customer').fill('Ada');
  await dialog.getByRole('button', { name: 'Test', exact: true }).click();
  await run.waitFor();

  await pane.getByRole('button', { name: 'Text as an expression' }).click();
  const editor = pane.getByRole('textbox', { name: 'Text', exact: true });
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.type('{{ $sum(steps.rows.output.list.pr');
  await page.locator('.cm-tooltip-autocomplete li', { hasText: 'price' }).click();
  await pane.locator('.expression-value', { hasText: 'number' }).getByText('5', { exact: true }).waitFor();
  await page.getByText(/Draft saved/).waitFor();

  await pane.getByRole('button', { name: 'Test', exact: true }).click();
  await pane.getByRole('tab', { name: 'Data' }).click();
  await pane.locator('.data-line', { hasText: 'text' }).getByText('5').waitFor();

  await pane.getByRole('button', { name: 'Pin', exact: true }).click();
  const pinned = pane.getByRole('textbox', { name: 'Pinned output' });
  await pinned.fill('{ "text": "from the pin" }');
  // Stored: the next page begins with it.
  while (JSON.stringify((await draftNode(id, 'text'))['mock']) !== '{"text":"from the pin"}') await page.waitForTimeout(50);

  const end = await select(page, id, 'end');
  await page.locator('.react-flow__node[data-id="text"]').getByText('pinned').waitFor();
  await end.getByRole('button', { name: 'From here' }).click();
  await run.waitFor();
  await end.getByRole('tab', { name: 'Data' }).click();
  await end.getByText('"from the pin"').first().waitFor();
  await end.getByRole('button', { name: 'Log', exact: true }).click();
  await end.getByText('from the pin').first().waitFor();

  const again = await select(page, id, 'text');
  await again.getByRole('button', { name: 'Unpin' }).click();
  await again.getByRole('button', { name: 'Pin', exact: true }).waitFor();
  await page.getByText(/Draft saved/).waitFor();
  equal((await draftNode(id, 'text'))['mock'], undefined);
  deepEqual(faultsOf(page), []);
  deepEqual(await findAxeFaults(page), []);
  await page.context().close();
});

test('what is half typed is kept: a figure in the draft, a broken JSON in the tab', async () => {
  const plain = { key: 'ask', type: 'http.request', params: { url: 'https://example.com' } };
  const { page, id } = await openEditor('Half typed', { nodes: [plain], edges: [] });
  const newer = { ...plain, params: { ...plain.params, later: { kept: true } } };
  await opened.client.expect(200, 'PUT', `/api/v1/workflows/${id}/draft`, { definition: { nodes: [newer], edges: [] } });
  const pane = await select(page, id, 'ask');
  await pane.getByLabel('Timeout', { exact: true }).fill('5 or');
  await pane.getByText('“5 or” is not a number.').waitFor();
  await pane.getByLabel('Kind of Body').selectOption('JSON');
  await pane.getByRole('textbox', { name: 'Body' }).fill('{ "half": ');
  await pane.getByText(/The value before it still holds/).waitFor();
  await page.getByText(/Draft saved/).waitFor();
  await page.reload();
  equal(await pane.getByLabel('Timeout', { exact: true }).inputValue(), '5 or');
  equal(await pane.getByRole('textbox', { name: 'Body' }).inputValue(), '{ "half": ');
  const { params } = await draftNode(id, 'ask');
  deepEqual(asObject(params)['later'], { kept: true });
  await pane.getByText('No field of this version shows it').waitFor();
  await page.context().close();
});

test('a workflow gets an input, a schedule with its next times, and settings, all in forms', async () => {
  const { page, id } = await openEditor('Settings', { nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  await page.goto(`/workflows/${id}?tab=editor`);
  const pane = page.locator('[data-pane=workflow]');
  await pane.getByRole('tab', { name: 'Input' }).click();
  await pane.getByRole('button', { name: 'Add field' }).click();
  await pane.getByLabel('Name of field 1').fill('amount');
  await pane.getByLabel('Type of amount').selectOption('Number');
  await pane.getByRole('tab', { name: /Triggers/ }).click();
  await pane.getByLabel('Add a trigger').selectOption('Schedule');
  await pane.locator('.next-times li').first().waitFor();
  await pane
    .getByLabel(/^When\b/)
    .first()
    .fill('61 * * * *');
  await pane.locator('p.field-fault').waitFor();
  await pane
    .getByLabel(/^When\b/)
    .first()
    .fill('0 6 * * *');
  await pane.locator('.next-times li').first().waitFor();
  await pane.getByRole('tab', { name: 'Settings' }).click();
  await pane.getByRole('button', { name: 'Set instances at once' }).click();
  await pane.getByRole('textbox', { name: 'At most' }).fill('3');
  await pane.getByRole('button', { name: 'No notify rules at all' }).click();
  await pane.getByText('Empty on purpose.').waitFor();
  await page.getByText(/Draft saved/).waitFor();
  const { draft } = await opened.client.expect(200, 'GET', `/api/v1/workflows/${id}/draft`);
  const definition = asObject(asObject(draft)['definition']);
  deepEqual(asObject(asObject(definition['inputSchema'])['properties']), { amount: { type: 'number' } });
  deepEqual(asObject(definition['settings'])['concurrency'], { limit: 3 });
  deepEqual(asObject(definition['settings'])['notify'], []);
  equal(asObject(itemsOf({ items: definition['triggers'] })[0]?.['params'])['expression'], '0 6 * * *');
  deepEqual(faultsOf(page), []);
  deepEqual(await findAxeFaults(page), []);
  await page.context().close();
});

test('a path is dragged from the data into a field, and files of an output are shown without running any of them', async () => {
  const hostile = '<script>parent.hostile = 1; window.hostile = 1</script>';
  await opened.client.call('PUT', '/api/v1/files/docs/page.pdf', { body: hostile, headers: { 'content-type': 'text/html' } });
  const values = { name: hostile, doc: { path: 'docs/page.pdf', bytes: hostile.length } };
  const { page, id } = await openEditor('Files', {
    nodes: [
      { key: 'made', type: 'set', params: { values }, position: { x: 0, y: 0 } },
      { key: 'text', type: 'template', params: { text: 'It is ' }, position: { x: 260, y: 0 } },
    ],
    edges: [{ from: 'made', to: 'text' }],
  });
  const pane = await select(page, id, 'text');
  await pane.getByRole('button', { name: 'Up to here' }).click();
  await pane.locator('.readable summary', { hasText: 'steps.made' }).click();
  await pane.locator('.data-name', { hasText: 'path' }).dragTo(pane.getByRole('textbox', { name: /^Text/ }));
  await pane.locator('.expression-value', { hasText: 'It is docs/page.pdf' }).waitFor();

  const made = await select(page, id, 'made');
  await made.getByRole('tab', { name: 'Data' }).click();
  await made.locator('.data-line', { hasText: '<script>' }).waitFor();
  await made.getByRole('button', { name: 'Files', exact: true }).click();
  await made.getByRole('button', { name: 'Show the document' }).click();
  await made.locator('iframe').waitFor();
  equal(await page.evaluate('window.hostile'), undefined);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});
