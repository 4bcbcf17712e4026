/** Nothing that is typed in the editor is lost: a tab that crashes, a connection that is cut, two tabs, two people. In a real browser. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { faultsOf, inPage } from '../browser.ts';
import { addPerson, openClaimedStudio, signIn, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
before(async () => {
  opened = await openClaimedStudio();
});
after(() => opened.close());

async function makeWorkflow(name: string): Promise<string> {
  const made = await opened.client.expect(201, 'POST', '/api/v1/workflows', {
    name,
    nodes: [
      { key: 'a', type: 'noop', position: { x: 0, y: 0 } },
      { key: 'b', type: 'noop', position: { x: 300, y: 0 } },
    ],
    edges: [{ from: 'a', to: 'b' }],
  });
  return String(made['id']);
}

async function openEditor(context: BrowserContext, id: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`/workflows/${id}?tab=editor`);
  await page.getByRole('toolbar', { name: 'Editor', exact: true }).waitFor();
  await page.locator('[data-connection="live"]').waitFor();
  return page;
}

const name = (page: Page) => page.getByLabel('Workflow name');
const saved = (page: Page) => page.locator('.editor-saved[data-state="saved"]');

/** Ends the page's process, as a bug in it or a lack of memory would. */
async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  // It is never answered: who would answer is gone.
  void session.send('Page.crash').catch(() => undefined);
  await crashed;
  await page.close();
}

async function storedName(id: string): Promise<unknown> {
  const view = await opened.client.expect(200, 'GET', `/api/v1/workflows/${id}/draft`);
  return (view['draft'] as { readonly name?: unknown }).name;
}

test('what was typed when the tab crashed is back in the next one, and undo takes it away', async () => {
  const id = await makeWorkflow('Crash');
  const first = await opened.signedIn();
  const context = first.context();
  await first.close();
  const page = await openEditor(context, id);
  // Nothing reaches the server, as in the moment before a draft is sent.
  await context.route('**/draft', (route) => (route.request().method() === 'PUT' ? route.abort() : route.continue()));
  await name(page).fill('Typed before the crash');
  await crash(page);
  await context.unroute('**/draft');
  equal(await storedName(id), 'Crash');

  const next = await openEditor(context, id);
  await next.locator('input[aria-label="Workflow name"]').and(next.locator(':enabled')).waitFor();
  await saved(next).waitFor();
  equal(await name(next).inputValue(), 'Typed before the crash');
  equal(await storedName(id), 'Typed before the crash');
  await next.getByRole('button', { name: /^Undo: Bring back/ }).click();
  equal(await name(next).inputValue(), 'Crash');
  await context.close();
});

test('what was typed without a connection is kept, said so, and stored when the line is back', async () => {
  const id = await makeWorkflow('Cut');
  const first = await opened.signedIn();
  const context = first.context();
  await first.close();
  const page = await openEditor(context, id);
  await context.setOffline(true);
  await name(page).fill('Typed on a train');
  await page.getByText('Not saved yet: kept in this browser').waitFor();
  await page.close();
  await context.setOffline(false);

  const next = await openEditor(context, id);
  await saved(next).waitFor();
  equal(await name(next).inputValue(), 'Typed on a train');
  await context.setOffline(true);
  await name(next).fill('Typed in a tunnel');
  await next.getByText('Not saved yet: kept in this browser').waitFor();
  await context.setOffline(false);
  await saved(next).waitFor();
  equal(await storedName(id), 'Typed in a tunnel');
  await context.close();
});

test('two tabs show the same; the second looks on until it takes over, and the first then looks on', async () => {
  const id = await makeWorkflow('Two tabs');
  const first = await opened.signedIn();
  const context = first.context();
  await first.close();
  const one = await openEditor(context, id);
  await one.locator('.editor-bar').waitFor();
  const two = await openEditor(context, id);
  await two.getByText('You, in another tab, edits this workflow.').waitFor();
  equal(await name(two).isDisabled(), true);
  await one.getByRole('list', { name: 'Also here' }).waitFor();

  await name(one).fill('From the first');
  await saved(one).waitFor();
  await inPage(two, 'document.querySelector("input[aria-label=\'Workflow name\']").value === "From the first"');

  await two.getByRole('button', { name: 'Take over' }).click();
  await one.getByText(/took over\. What you typed is stored\./).waitFor();
  await name(two).fill('From the second');
  await saved(two).waitFor();
  await inPage(one, 'document.querySelector("input[aria-label=\'Workflow name\']").value === "From the second"');
  await two.close();
  await one.locator('input[aria-label="Workflow name"]').and(one.locator(':enabled')).waitFor();
  deepEqual(faultsOf(one), []);
  await context.close();
});

test('two people see each other: one looks on with the name of who edits, takes over, and both go on from the same', async () => {
  const ada = { email: 'ada@example.com', name: 'Ada Lovelace', password: 'another horse battery staple' };
  await addPerson(opened, ada);
  const id = await makeWorkflow('Two people');
  const first = await opened.signedIn();
  const one = await openEditor(first.context(), id);
  const second = await opened.browser.newPage(opened.studio.url);
  await signIn(second, ada);
  const two = await openEditor(second.context(), id);
  await two.getByText(/Owner.* edits this workflow\./).waitFor();
  equal(await name(two).isDisabled(), true);
  await one.getByRole('list', { name: 'Also here' }).getByRole('listitem', { name: 'Ada Lovelace looks on' }).waitFor();
  await name(one).fill('From the owner');
  await saved(one).waitFor();
  await inPage(two, 'document.querySelector("input[aria-label=\'Workflow name\']").value === "From the owner"');
  await two.getByRole('button', { name: 'Take over' }).click();
  await one.getByText(/Ada Lovelace took over\. What you typed is stored\./).waitFor();
  await name(two).fill('From Ada');
  await saved(two).waitFor();
  await inPage(one, 'document.querySelector("input[aria-label=\'Workflow name\']").value === "From Ada"');
  equal(await storedName(id), 'From Ada');
  deepEqual([...faultsOf(one), ...faultsOf(two)], []);
  await first.context().close();
  await second.context().close();
});

test('a draft that was saved elsewhere meanwhile is compared, and either choice can be undone', async () => {
  const id = await makeWorkflow('Both');
  const first = await opened.signedIn();
  const context = first.context();
  await first.close();
  const page = await openEditor(context, id);
  const theirs = async (text: string): Promise<void> => {
    const view = await opened.client.expect(200, 'GET', `/api/v1/workflows/${id}/draft`);
    const draft = view['draft'] as { readonly definition: { readonly nodes: readonly object[] } };
    const nodes = draft.definition.nodes.map((node) => ({ ...node, notes: text }));
    await opened.client.expect(200, 'PUT', `/api/v1/workflows/${id}/draft`, { name: text, definition: { ...draft.definition, nodes } });
  };
  const conflict = async (mine: string, other: string): Promise<void> => {
    // Typed while the other's save is not heard of yet.
    await context.setOffline(true);
    await name(page).fill(mine);
    await theirs(other);
    await context.setOffline(false);
    await page.getByText('This draft was saved from somewhere else meanwhile').waitFor();
  };

  await conflict('Mine', 'Theirs');
  await page.getByRole('button', { name: 'Compare…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('list', { name: 'Changes' }).getByText('notes').first().waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await inPage(page, 'document.querySelector("input[aria-label=\'Workflow name\']").value === "Theirs"');
  await page.getByRole('button', { name: 'Undo: Take theirs' }).click();
  equal(await name(page).inputValue(), 'Mine');
  await saved(page).waitFor();

  await conflict('Mine again', 'Theirs again');
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await saved(page).waitFor();
  equal(await storedName(id), 'Mine again');
  await page.getByRole('button', { name: 'Undo: Keep mine' }).click();
  equal(await name(page).inputValue(), 'Theirs again');
  await context.close();
});

test('canvas and JSON are one document with one undo; a fault in the text locks the canvas and says so', async () => {
  const id = await makeWorkflow('One document');
  const first = await opened.signedIn();
  const context = first.context();
  await first.close();
  const page = await openEditor(context, id);
  const node = (key: string) => page.locator(`.react-flow__node[data-id="${key}"]`);
  await node('a').waitFor();
  await page.getByRole('button', { name: 'JSON', exact: true }).click();
  const text = page.locator('.cm-content');
  await text.getByText('"a"').first().waitFor();
  await text.click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('oops');
  await page
    .getByText(/The text is no JSON yet/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Canvas', exact: true }).click();
  await page.getByText(/The canvas can’t be changed until it is corrected or undone/).waitFor();
  await node('a').waitFor();
  await page.getByRole('button', { name: 'Correct it' }).click();
  await text.getByText('oops').waitFor();
  await text.click();
  await page.keyboard.press('Control+z');
  await page.getByText('No problems').waitFor();

  const definition = { nodes: [{ key: 'written', type: 'noop', position: { x: 0, y: 0 } }], edges: [] };
  await page.getByRole('button', { name: 'More' }).last().click();
  await page.getByRole('menuitem', { name: 'Import into this draft…' }).click();
  await page
    .getByRole('dialog')
    .getByLabel('Document')
    .fill(`studio: 1\nkind: workflow\nname: Brought\ndefinition: ${JSON.stringify(definition)}\n`);
  await page.getByRole('dialog').getByRole('button', { name: 'Take in' }).click();
  await text.getByText('"written"').waitFor();
  await page.getByRole('button', { name: 'Canvas', exact: true }).click();
  await node('written').waitFor();
  equal(await node('a').count(), 0);
  await page.getByRole('button', { name: 'Undo: Import' }).click();
  await node('a').waitFor();
  equal(await name(page).inputValue(), 'One document');
  await context.close();
});

test('a draft with problems is not published and leads to the first; versions are compared on the graph and as text', async () => {
  const id = await makeWorkflow('Versions');
  const put = await opened.client.call('PUT', `/api/v1/workflows/${id}`, {
    headers: { 'if-match': '*' },
    body: {
      name: 'Versions',
      nodes: [
        { key: 'a', type: 'noop', position: { x: 0, y: 0 }, timeoutMs: 5_000 },
        { key: 'c', type: 'noop', position: { x: 300, y: 0 } },
      ],
      edges: [{ from: 'a', to: 'c' }],
    },
  });
  equal(put.status, 200);
  const broken = { nodes: [{ key: 'x', type: 'nope', position: { x: 0, y: 0 } }], edges: [] };
  await opened.client.expect(200, 'PUT', `/api/v1/workflows/${id}/draft`, { definition: broken });
  const first = await opened.signedIn();
  const context = first.context();
  await first.close();
  const page = await openEditor(context, id);
  await page.getByText('1 problem', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText(/1 problem to fix before it can be published/).waitFor();
  match((await page.locator('.react-flow__node[data-id="x"]').getAttribute('class')) ?? '', /selected/);

  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.getByRole('row', { name: /v2/ }).click();
  const changes = page.getByRole('list', { name: 'Changes' });
  for (const words of ['c (noop)', 'b (noop)', 'timeoutMs', 'a → c', 'a → b']) await changes.getByText(words).first().waitFor();
  await page.locator('.graph-added').first().waitFor();
  await page.locator('.graph-removed').first().waitFor();
  await page.getByRole('button', { name: 'Text', exact: true }).click();
  await page.locator('.text-diff-added').filter({ hasText: 'timeoutMs' }).first().waitFor();
  await page.getByRole('button', { name: 'Side by side' }).click();
  await page.getByRole('region', { name: 'Version 1' }).waitFor();
  await context.close();
});

test('a selection becomes a workflow of its own that is called, and the call becomes its steps again', async () => {
  const id = await makeWorkflow('Parts');
  const first = await opened.signedIn();
  const context = first.context();
  await first.close();
  const page = await openEditor(context, id);
  const node = (key: string) => page.locator(`.react-flow__node[data-id="${key}"]`);
  const choose = async (item: RegExp): Promise<void> => {
    await page.getByRole('button', { name: 'More' }).last().click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  await node('b').click();
  await choose(/Turn the selection into a workflow/);
  await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click();
  await node('call').waitFor();
  equal(await node('b').count(), 0);
  await page.getByText('No problems').waitFor();
  await saved(page).waitFor();
  const view = await opened.client.expect(200, 'GET', `/api/v1/workflows/${id}/draft`);
  deepEqual(view['problems'], []);

  await node('call').click();
  await choose(/Put the called steps here/);
  await node('b').waitFor();
  equal(await node('call').count(), 0);
  await page.getByText('No problems').waitFor();
  await context.close();
});
