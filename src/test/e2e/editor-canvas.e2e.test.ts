import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
before(async () => {
  opened = await openClaimedStudio();
});
after(() => opened.close());

interface TestGraph {
  readonly nodes: readonly object[];
  readonly edges: readonly object[];
  readonly comments?: readonly object[];
}

/** A workflow of one node, or with a draft, open in the editor. */
async function openEditor(name: string, draft?: TestGraph): Promise<Page> {
  const start = { nodes: [{ key: 'greet', type: 'template', params: { text: 'Hello' }, position: { x: 0, y: 0 } }], edges: [] };
  const made = await opened.client.expect(201, 'POST', '/api/v1/workflows', { name, ...start });
  if (draft !== undefined)
    await opened.client.expect(200, 'PUT', `/api/v1/workflows/${String(made['id'])}/draft`, { name, description: '', definition: draft });
  const page = await opened.signedIn({ width: 1600, height: 1000 });
  await page.goto(`/workflows/${String(made['id'])}?tab=editor`);
  await page.locator('.react-flow__node').first().waitFor();
  return page;
}

const card = (page: Page, key: string): Locator => page.locator(`.react-flow__node[data-id="${key}"]`);
const edge = (page: Page, id: string): Locator => page.locator(`.react-flow__edge[data-id="${id}"]`);
/** A straight line has no height: it is there, and the browser calls it hidden. */
const drawn = (line: Locator): Promise<void> => line.waitFor({ state: 'attached' });
const selected = (page: Page): Locator => page.locator('.react-flow__node.selected');

async function middleOf(of: Locator): Promise<{ readonly x: number; readonly y: number }> {
  const box = await of.boundingBox();
  if (box === null) throw new Error('it is not in sight');
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

async function dragTo(page: Page, from: Locator, to: { readonly x: number; readonly y: number }): Promise<void> {
  const start = await middleOf(from);
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 8 });
  await page.mouse.up();
}

/** Drops a type from the palette at a place of the window. */
async function dropType(page: Page, title: string, at: { readonly x: number; readonly y: number }): Promise<void> {
  const canvas = await page.locator('.canvas').boundingBox();
  if (canvas === null) throw new Error('there is no canvas');
  const type = page.locator('.type-palette').getByRole('button', { name: title, exact: true });
  await type.dragTo(page.locator('.canvas'), { targetPosition: { x: at.x - canvas.x, y: at.y - canvas.y } });
}

/** Waits until the view rests: it glides. */
async function showAll(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Show all' }).click();
  const viewport = page.locator('.react-flow__viewport');
  let before = '';
  for (let now = await viewport.getAttribute('style'); now !== before; now = await viewport.getAttribute('style')) {
    before = now ?? '';
    // Longer than a frame of the glide, on a busy machine too.
    await page.waitForTimeout(300);
  }
}

async function runToEnd(page: Page): Promise<void> {
  await page.waitForURL(/\/instances\/inst_/);
  await page.locator('.page-header [data-status="completed"]').waitFor();
}

test('a workflow is built with the mouse, published and run', async () => {
  const page = await openEditor('By mouse');
  const greet = await middleOf(card(page, 'greet'));
  await dropType(page, 'No operation', { x: greet.x + 300, y: greet.y });
  await card(page, 'noop').waitFor();
  await dragTo(page, card(page, 'greet').locator('.react-flow__handle.source').first(), await middleOf(card(page, 'noop')));
  await drawn(edge(page, 'greet>noop'));

  // A type dropped on the edge goes between.
  await dropType(page, 'Merge', await middleOf(edge(page, 'greet>noop').locator('.link-path')));
  await drawn(edge(page, 'greet>merge'));
  await drawn(edge(page, 'merge>noop'));
  equal(await edge(page, 'greet>noop').count(), 0);

  // Back to where it came from: refused, in words.
  await showAll(page);
  await dragTo(page, card(page, 'noop').locator('.react-flow__handle.source').first(), await middleOf(card(page, 'greet')));
  await page.locator('.canvas-notice').getByText('wait for each other').waitFor();

  // A line let go over nothing asks what comes there.
  await page.locator('.canvas-tools').hover();
  const end = await middleOf(card(page, 'noop'));
  await dragTo(page, card(page, 'noop').locator('.react-flow__handle.source').first(), { x: end.x + 60, y: end.y + 200 });
  await page.getByRole('combobox', { name: 'Add a node' }).fill('stop');
  await page.keyboard.press('Enter');
  await drawn(edge(page, 'noop>stop'));

  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('Version 2 is published').waitFor();
  deepEqual(await findAxeFaults(page), []);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click();
  await runToEnd(page);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('the same with keys alone', async () => {
  const page = await openEditor('By keyboard');
  const press = async (...keys: readonly string[]): Promise<void> => {
    // One after the other: each may answer the one before.
    for (const key of keys) await page.keyboard.press(key);
  };
  await press('ArrowRight');
  equal(await selected(page).getAttribute('data-id'), 'greet');
  await press('/');
  await page.getByRole('combobox', { name: 'Add a node after greet' }).waitFor();
  await page.keyboard.type('no operation');
  await press('Enter');
  await drawn(edge(page, 'greet>noop'));
  await press('/');
  await page.getByRole('combobox', { name: 'Add a node after noop' }).waitFor();
  await page.keyboard.type('merge');
  await press('Enter');
  await drawn(edge(page, 'noop>merge'));
  equal(await selected(page).getAttribute('data-id'), 'merge');

  // Along the edges to the first, and an edge from there to the last; its mode.
  await press('ArrowLeft', 'ArrowLeft', 'e');
  await page.getByRole('combobox', { name: 'Connect greet to' }).waitFor();
  await page.keyboard.type('merge');
  await press('Enter');
  await drawn(edge(page, 'greet>merge'));
  await press('Shift+ArrowRight', 'ArrowDown');
  await drawn(page.locator('.react-flow__edge.selected'));
  const chosen = await page.locator('.react-flow__edge.selected').getAttribute('data-id');
  match(chosen ?? '', /^greet>/);
  await press('m');
  await page.getByRole('menu', { name: 'What the edge does' }).waitFor();
  await press('ArrowDown', 'Enter');
  await edge(page, chosen ?? '')
    .locator('.link-label')
    .getByText('context')
    .waitFor();

  // A node on the edge, moved, switched off and on, doubled, and what was too much taken back.
  await press('/');
  await page.getByRole('combobox', { name: 'Put a node on the edge' }).waitFor();
  await page.keyboard.type('merge');
  await press('Enter');
  await card(page, 'merge_2').waitFor();
  await press('Alt+ArrowDown', 'Alt+ArrowDown', 'd');
  await card(page, 'merge_2').locator('.card-disabled').waitFor();
  await press('d', 'Control+d');
  await card(page, 'merge_3').waitFor();
  await press('Delete');
  await card(page, 'merge_3').waitFor({ state: 'detached' });
  await press('Control+z');
  await card(page, 'merge_3').waitFor();
  await press('Control+Shift+z');
  await card(page, 'merge_3').waitFor({ state: 'detached' });

  await press('Control+Enter');
  await page.getByText('Version 2 is published').waitFor();
  await press('r');
  await page.getByRole('dialog').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).focus();
  await press('Enter');
  await runToEnd(page);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('nodes are put into a map, its body is opened and left, and taken out again, all undone', async () => {
  const page = await openEditor('Bodies', {
    nodes: [
      { key: 'a', type: 'noop', position: { x: 0, y: 0 } },
      { key: 'b', type: 'noop', position: { x: 300, y: 0 } },
      { key: 'c', type: 'noop', position: { x: 600, y: 0 } },
    ],
    edges: [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
    ],
  });
  await card(page, 'b').click();
  await card(page, 'c').click({ modifiers: ['Shift'] });
  await page.keyboard.press('Control+g');
  await drawn(edge(page, 'a>map'));
  await page.keyboard.press('o');
  await drawn(edge(page, 'b>c'));
  await page.getByRole('navigation', { name: 'Open graph' }).getByText('map').waitFor();
  await page.keyboard.press('u');
  await drawn(edge(page, 'a>map'));
  equal(await selected(page).getAttribute('data-id'), 'map');
  await page.keyboard.press('Control+Shift+g');
  await drawn(edge(page, 'b>c'));
  await page.keyboard.press('Control+z');
  await drawn(edge(page, 'a>map'));
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('comments are written in place, frames carry what is in them, and hostile text stays text', async () => {
  const hostile = '<img src=x onerror="window.hostile=1">';
  const page = await openEditor('Comments', {
    nodes: [{ key: 'a', type: 'noop', name: hostile, position: { x: 40, y: 60 } }],
    edges: [],
    comments: [{ id: 'note-1', text: hostile, position: { x: 0, y: 0 }, size: { width: 400, height: 200 } }],
  });
  const frame = page.locator('.react-flow__node-comment');
  const before = await middleOf(card(page, 'a'));
  const frameBefore = await middleOf(frame);
  const at = await frame.boundingBox();
  if (at === null) throw new Error('the comment is not in sight');
  await page.mouse.move(at.x + at.width - 60, at.y + at.height - 30);
  await page.mouse.down();
  await page.mouse.move(at.x + at.width - 60, at.y + at.height + 70, { steps: 6 });
  await page.mouse.up();
  const moved = await middleOf(card(page, 'a'));
  const frameMoved = await middleOf(frame);
  equal(Math.round(moved.y - before.y), Math.round(frameMoved.y - frameBefore.y));
  notEqual(Math.round(moved.y - before.y), 0);

  await frame.dblclick({ position: { x: 300, y: 160 } });
  await page.getByLabel('Text of the comment').fill('<b>plain</b>');
  await page.keyboard.press('Escape');
  await frame.getByText('<b>plain</b>').waitFor();
  equal(await page.evaluate('window.hostile'), undefined);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('the list says in words what the drawing shows, and both are free of faults that axe finds', async () => {
  const page = await openEditor('In words', {
    nodes: [
      { key: 'check', type: 'branch.if', params: { condition: 'input.ok' }, position: { x: 0, y: 0 } },
      { key: 'yes', type: 'noop', position: { x: 300, y: -60 } },
      { key: 'no', type: 'template', params: {}, position: { x: 300, y: 60 } },
    ],
    edges: [
      { from: 'check.true', to: 'yes' },
      { from: 'check.false', to: 'no', when: 'input.why' },
    ],
  });
  deepEqual(await findAxeFaults(page), []);
  await page.keyboard.press('p');
  equal(await selected(page).getAttribute('data-id'), 'no');
  await page.keyboard.press('l');
  await page.getByText('Begins; then yes (true), no (false, if input.why).').waitFor();
  deepEqual(await findAxeFaults(page), []);
  await page.getByRole('button', { name: 'Show the drawing' }).click();
  await card(page, 'check').waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a thousand nodes are open, found and moved', async () => {
  const nodes = Array.from({ length: 1_000 }, (_, index) => ({
    key: `n${index}`,
    type: 'noop',
    position: { x: Math.floor(index / 20) * 300, y: (index % 20) * 120 },
  }));
  const edges = nodes.slice(20).map((node, index) => ({ from: `n${index}`, to: node.key }));
  const page = await openEditor('Large', { nodes, edges });
  await page.keyboard.press('Control+f');
  await page.getByRole('combobox', { name: 'Find a node' }).fill('n987');
  await page.keyboard.press('Enter');
  await card(page, 'n987').waitFor();
  equal(await selected(page).getAttribute('data-id'), 'n987');
  await page.keyboard.press('0');
  await page.locator('.card-dot').nth(999).waitFor();
  await page.keyboard.press('Control+a');
  await page.locator('.react-flow__node.selected').nth(999).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('1');
  await page.locator('.card-node').first().waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('several nodes are dragged together, offer what can be done with them, and a click on one chooses it alone', async () => {
  const page = await openEditor('Several', {
    nodes: [
      { key: 'a', type: 'noop', position: { x: 0, y: 0 } },
      { key: 'b', type: 'noop', position: { x: 300, y: 0 } },
    ],
    edges: [{ from: 'a', to: 'b' }],
  });
  await card(page, 'a').click();
  await card(page, 'b').click({ modifiers: ['Shift'] });
  const pane = page.getByLabel('What is selected');
  await pane.getByRole('heading', { name: '2 nodes selected' }).waitFor();
  deepEqual(await findAxeFaults(page), []);
  const at = await middleOf(card(page, 'a'));
  await dragTo(page, card(page, 'a'), { x: at.x, y: at.y + 90 });
  equal(await selected(page).count(), 2);
  await pane.getByRole('button', { name: 'Turn into a workflow…' }).click();
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await card(page, 'a').click();
  await pane.getByRole('tab', { name: 'Form' }).waitFor();
  equal(await selected(page).getAttribute('data-id'), 'a');
  deepEqual(faultsOf(page), []);
  await page.context().close();
});
