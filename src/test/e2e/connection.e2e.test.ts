/** The connection is lost and comes back, in real Chromium, on the pages where people wait: a run, the instances, an editor, a job's log. While it is gone the values
 *  are dimmed and their age is said; afterwards nothing is missing or doubled. */
import { deepEqual, equal } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { ApiClient } from '../api-client.ts';
import { inPage } from '../browser.ts';
import { openClaimedStudio, signIn, type ClaimedStudio } from '../claimed-studio.ts';
import { startRelay, type Relay } from '../relay.ts';
import { publish, runToEnd } from '../runs.ts';

let opened: ClaimedStudio;
let client: ApiClient;
let relay: Relay;
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
  relay = await startRelay(opened.studio.url);
});
after(async () => {
  await relay.close();
  await opened.close();
});

/** Where the owner is signed in, by the way that is lost later. */
async function live(path: string): Promise<Page> {
  relay.become('open');
  const page = await opened.browser.newPage(relay.url, { width: 1440, height: 900 });
  await signIn(page);
  await page.goto(path);
  await page.locator('[data-connection="live"]').waitFor();
  return page;
}

async function lose(page: Page): Promise<void> {
  relay.become('cut');
  await page.getByText(/Live updates stopped .* ago/).waitFor();
  await page.locator('main[data-stale="true"]').waitFor();
}

async function comeBack(page: Page): Promise<void> {
  relay.become('open');
  await page.locator('[data-connection="live"]').waitFor({ timeout: 60_000 });
  await page.locator('main[data-stale="false"]').waitFor();
  equal(await page.getByText(/Live updates stopped/).count(), 0);
}

/** Instances of the list, those that wait to be shown left out. */
const rows = (page: Page) => page.locator('tbody tr:not([aria-hidden])');

test('a run that is watched: what happened meanwhile is there, and each event once', async () => {
  const ask = { key: 'ask', type: 'approval', params: { title: 'Go on?' } };
  const ids = await publish(client, { nodes: [ask, { key: 'then', type: 'noop' }], edges: [{ from: 'ask', to: 'then' }] });
  const id = String((await client.expect(201, 'POST', `/api/v1/workflows/${ids}/instances?wait=2`, {}))['id']);
  const page = await live(`/instances/${id}`);
  await page.locator('.page-header [data-status="waiting"]').waitFor();
  await lose(page);
  await client.expect(200, 'POST', `/api/v1/instances/${id}/steps/ask/approve`, {});
  await comeBack(page);
  await page.locator('.page-header [data-status="completed"]').waitFor();
  await page
    .locator('.react-flow__node[data-id="then"]')
    .getByText(/Completed/)
    .waitFor();
  await page.getByRole('tab', { name: 'Events' }).click();
  await rows(page).getByText('completed').first().waitFor();
  const { seq } = (await client.expect(200, 'GET', `/api/v1/instances/${id}`)) as { readonly seq?: unknown };
  await inPage(page, `document.querySelectorAll('tbody tr:not([aria-hidden])').length === ${String(seq)}`);
  await page.context().close();
});

test('the list of instances: those that began and ended meanwhile are announced, each once', async () => {
  const workflowId = await publish(client, { name: 'Away', nodes: [{ key: 'one', type: 'noop' }] });
  await runToEnd(client, workflowId);
  const page = await live(`/instances?filter=${encodeURIComponent(`workflow:${workflowId}`)}`);
  await rows(page).first().waitFor();
  await lose(page);
  for (let count = 0; count < 3; count += 1) await runToEnd(client, workflowId);
  await comeBack(page);
  await page.getByRole('button', { name: '3 new' }).click();
  await inPage(page, 'document.querySelectorAll("tbody tr:not([aria-hidden])").length === 4');
  await runToEnd(client, workflowId);
  await page.getByRole('button', { name: '1 new' }).click();
  await inPage(page, 'document.querySelectorAll("tbody tr:not([aria-hidden])").length === 5');
  await page.context().close();
});

test('where sockets do not get through the page asks instead, says so, and goes back to the socket', async () => {
  const workflowId = await publish(client, { name: 'Asked for', nodes: [{ key: 'one', type: 'noop' }] });
  await runToEnd(client, workflowId);
  const page = await live(`/instances?filter=${encodeURIComponent(`workflow:${workflowId}`)}`);
  await rows(page).first().waitFor();
  relay.become('no sockets');
  await page.locator('[data-connection="polling"]').waitFor({ timeout: 60_000 });
  await page.getByText(/No live connection can be had/).waitFor();
  // What is asked for every few seconds is not old.
  await page.locator('main[data-stale="false"]').waitFor();
  await runToEnd(client, workflowId);
  await page.getByRole('button', { name: '1 new' }).waitFor();
  await comeBack(page);
  await runToEnd(client, workflowId);
  await page.getByRole('button', { name: '2 new' }).click();
  await inPage(page, 'document.querySelectorAll("tbody tr:not([aria-hidden])").length === 3');
  await page.context().close();
});

test('an editor: what is typed meanwhile is kept in the browser and saved on return, and others see its owner again', async () => {
  const workflowId = await publish(client, { name: 'Edited', nodes: [{ key: 'one', type: 'noop' }] });
  const page = await live(`/workflows/${workflowId}?tab=editor`);
  await page.getByText('No problems').waitFor();
  await lose(page);
  await page.getByLabel('Description').fill('typed while it was away');
  await page.getByText('Not saved yet: kept in this browser').waitFor();
  await comeBack(page);
  await page.getByText(/Draft saved/).waitFor();
  const { draft } = await client.expect(200, 'GET', `/api/v1/workflows/${workflowId}/draft`);
  equal((draft as { readonly description?: unknown }).description, 'typed while it was away');
  const other = await opened.signedIn({ width: 1440, height: 900 });
  await other.goto(`/workflows/${workflowId}?tab=editor`);
  await other.getByText(/You, in another tab, edits? this workflow\./).waitFor();
  await other.context().close();
  await page.context().close();
});

test('a job’s log: the lines that came meanwhile follow, in their order and once', async () => {
  const script =
    'for i in $(seq 1 12); do echo "line $i"; done; while [ ! -e "$STUDIO_CHECKPOINT/go" ]; do sleep 0.05; done; for i in $(seq 13 30); do echo "line $i"; done; echo done';
  const { ids } = await client.expect(201, 'POST', '/api/v1/jobs', { script });
  const id = String((ids as readonly unknown[])[0]);
  const page = await live(`/jobs/${id}`);
  await page.getByText('line 12', { exact: true }).waitFor();
  await lose(page);
  writeFileSync(join(opened.studio.workspace, 'jobs', id, 'checkpoint', 'go'), '');
  // Asked now and then: it ends when it is given the processor.
  while ((await client.expect(200, 'GET', `/api/v1/jobs/${id}`))['status'] !== 'completed') await page.waitForTimeout(100);
  await comeBack(page);
  await page.getByText('done', { exact: true }).waitFor();
  const lines = await page.locator('.log-line').allInnerTexts();
  deepEqual(
    lines.flatMap((line) => /line \d+/.exec(line) ?? []),
    Array.from({ length: 30 }, (_, at) => `line ${at + 1}`),
  );
  await page.context().close();
});

test('a page that is open while Studio is updated says so', async () => {
  const page = await live('/settings');
  await page.route(`${relay.url}/`, async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, body: (await reply.text()).replaceAll(/assets\/[^"]+\.js/g, 'assets/main-ANOTHER.js') });
  });
  await opened.studio.kill();
  await opened.studio.start();
  await page.getByText('Studio was updated while this page was open.').waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Load it again' }).waitFor();
  await page.context().close();
});
