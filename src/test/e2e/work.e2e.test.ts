import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import type { ApiClient } from '../api-client.ts';
import { faultsOf } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let client: ApiClient;
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
});
after(() => opened.close());

const signedIn = (): Promise<Page> => opened.signedIn({ width: 1440, height: 900 });

const HOSTILE = '<img src=x onerror="window.hostile=1"><script>window.hostile=1</script>';

async function makeWorkflow(name: string, graph: { readonly nodes: readonly object[]; readonly edges: readonly object[] }): Promise<string> {
  return String((await client.expect(201, 'POST', '/api/v1/workflows', { name, ...graph }))['id']);
}

const status = (page: Page, word: string): Locator => page.locator(`.page-header [data-status="${word}"]`);
const line = (page: Page, text: string): Locator => page.locator('.cm-line').filter({ hasText: text }).first();

/** Replaces the editor's text as a paste does: typing would complete brackets, and the driver's own fill leaves inline styles. */
async function paste(editor: Locator, text: string): Promise<void> {
  await editor.click();
  await editor.press('Control+a');
  const script = `(() => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', ${JSON.stringify(text)});
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  })()`;
  await editor.evaluate(script);
}

test('a workflow is written with completion and live problems, published, and an old version restored', async () => {
  const page = await signedIn();
  await page.goto('/workflows');
  await page.getByRole('button', { name: 'New workflow' }).first().click();
  await page.getByRole('dialog').getByLabel('Name').fill('Greeting');
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  await page.waitForURL(/\/workflows\/wf_.*tab=editor/);
  await page.getByRole('button', { name: 'JSON', exact: true }).click();
  await line(page, '"key": "greet"').waitFor();
  await page.getByText('No problems').waitFor();

  const editor = page.getByLabel('Definition of Greeting');
  await paste(editor, '{ "nodes": [{ "key": "a", "type": "nope" }], "edges": [{ "from": "a", "to": "b" }] }');
  await page.getByText('2 problems', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText(/2 problems to fix before it can be published/).waitFor();

  await paste(editor, '{ "nodes": [{ "key": "a", "type": "template", "params": { "text": "hi" } }], "edges": [] }');
  await page.getByText('No problems').waitFor();
  await page.getByText(/Draft saved/).waitFor();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('Version 2 is published').waitFor();

  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.getByRole('row', { name: /v1/ }).getByRole('button', { name: 'Restore…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
  await page.getByRole('row', { name: /v3/ }).waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('completion offers what the type of a node asks for', async () => {
  const id = await makeWorkflow('Completion', { nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 1 } }], edges: [] });
  const page = await signedIn();
  await page.goto(`/workflows/${id}?tab=editor`);
  await page.getByRole('button', { name: 'JSON', exact: true }).click();
  const editor = page.getByLabel('Definition of Completion');
  await paste(editor, '{ "nodes": [{ "key": "get", "type": "http.request", "params": {} }], "edges": [] }');
  await line(page, 'http.request').click();
  await page.keyboard.press('End');
  // Back into the braces of params: ` }], "edges": [] }` and `}` stand behind the place.
  for (let step = 0; step < '} }], "edges": [] }'.length; step += 1) await page.keyboard.press('ArrowLeft');
  await page.keyboard.type('"u');
  await page.locator('.cm-tooltip-autocomplete li').filter({ hasText: 'url' }).click();
  await line(page, '"url": ""').waitFor();
  await page.context().close();
});

test('a draft survives a reload and a Studio that was killed', async () => {
  const id = await makeWorkflow('Drafts', { nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  const page = await signedIn();
  await page.goto(`/workflows/${id}?tab=editor`);
  const description = (tab: Page): Locator => tab.getByLabel('Description');
  await page.locator('[data-connection="live"]').waitFor();
  await description(page).waitFor();
  await opened.studio.kill();
  await description(page).fill('typed while Studio was away');
  await page.getByText('Not saved yet: kept in this browser').waitFor();
  await opened.studio.start();
  await page.getByText(/Draft saved/).waitFor({ timeout: 60_000 });
  await page.reload();
  await page.getByText('No problems').waitFor();
  equal(await description(page).inputValue(), 'typed while Studio was away');
  await page.context().close();
});

test('a run is paused, resumed, followed by its log, cancelled and retried from its page', async () => {
  const script = 'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo "line $i"; sleep 0.1; done';
  const id = await makeWorkflow('Long', { nodes: [{ key: 'work', type: 'command', params: { script } }], edges: [] });
  const page = await signedIn();
  await page.goto(`/workflows/${id}`);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL(/\/instances\/inst_/);
  await page.locator('.react-flow__node[data-id="work"]').click();
  await page.getByRole('tab', { name: 'Log' }).click();
  await page.getByText('line 12', { exact: true }).waitFor();

  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await status(page, 'paused').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await status(page, 'running').waitFor();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
  await status(page, 'cancelled').waitFor();
  await page.getByRole('button', { name: 'Retry' }).click();
  await status(page, 'running').waitFor();
  deepEqual(faultsOf(page), []);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
  await status(page, 'cancelled').waitFor();
  await page.context().close();
});

test('the list of instances follows, filters by typed text, and is walked by keys', async () => {
  const id = await makeWorkflow('Listed', { nodes: [{ key: 'bad', type: 'fail', params: { message: 'on purpose' } }], edges: [] });
  await client.expect(201, 'POST', `/api/v1/workflows/${id}/instances`, { labels: { team: 'blue' } });
  const page = await signedIn();
  await page.goto(`/instances?filter=${encodeURIComponent(`workflow:${id}`)}`);
  await page.getByRole('row', { name: /Listed/ }).waitFor();
  await page.locator('[data-connection="live"]').waitFor();

  await client.expect(201, 'POST', `/api/v1/workflows/${id}/instances`, {});
  await page.getByRole('button', { name: '1 new' }).click();
  equal(await page.getByRole('row', { name: /Listed/ }).count(), 2);

  await page.keyboard.press('/');
  await page.keyboard.type(' status:failed label:team:blue');
  await page.waitForURL(/label%3Ateam%3Ablue|label:team:blue/);
  await page.getByText('1 instance', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/instances\/inst_/);
  match(await page.locator('.notice').innerText(), /on purpose/);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('names, logs and outputs that look like markup stay text', async () => {
  const id = await makeWorkflow(HOSTILE, {
    nodes: [
      {
        key: 'say',
        type: 'command',
        name: HOSTILE,
        params: { script: `cat > "$STUDIO_ARTIFACTS/page.html" && cat "$STUDIO_ARTIFACTS/page.html"`, stdin: HOSTILE },
      },
      { key: 'end', type: 'fail', params: { message: HOSTILE } },
    ],
    edges: [{ from: 'say', to: 'end' }],
  });
  const run = await client.call('POST', `/api/v1/workflows/${id}/instances?wait=60`, { body: { input: { text: HOSTILE }, labels: { hostile: HOSTILE } } });
  const instanceId = String((run.body as { id?: unknown }).id);
  const page = await signedIn();
  for (const path of [
    '/workflows',
    `/workflows/${id}`,
    `/workflows/${id}?tab=editor`,
    '/instances',
    `/instances/${instanceId}`,
    `/instances/${instanceId}?step=say&pane=log`,
    `/instances/${instanceId}?step=say&pane=artifacts`,
    `/instances/${instanceId}?tab=events`,
    '/jobs',
  ]) {
    await page.goto(path, { waitUntil: 'networkidle' });
    equal(await page.evaluate('window.hostile'), undefined, path);
    equal(await page.locator('img[src="x"]').count(), 0, path);
  }
  await page.context().close();
});
