import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { asObject, type ApiClient } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let client: ApiClient;
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
});
after(() => opened.close());

const signedIn = (look: Parameters<ClaimedStudio['signedIn']>[0] = { width: 1440, height: 900 }): Promise<Page> => opened.signedIn(look);

/** Of 200,000 lines of 29 bytes. */
const FIRST_BYTES = 5_800_000;

const submit = async (body: object): Promise<string> => String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', body))['job'])['id']);

test('a job is submitted by its form, followed, its curve and its artifacts seen, and submitted again', async () => {
  const page = await signedIn();
  await page.goto('/jobs');
  await page.getByRole('button', { name: 'New job' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('first training');
  await dialog
    .getByLabel('Script')
    .fill(
      'for i in 1 2 3 4; do echo "::metric loss=0.$((9 - i)) step=$i::"; printf "%s\\r" "$i of 4"; done; echo; printf "\\033[32mgreen\\033[0m\\n"; cd "$STUDIO_ARTIFACTS"; echo a > a.txt; echo b > b.txt',
    );
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await page.waitForURL(/\/jobs\/job_/);
  await page.getByRole('heading', { name: 'first training', level: 1 }).waitFor();
  await page.locator('.page-header [data-status="completed"]').waitFor();
  await page.locator('.ansi-green', { hasText: 'green' }).waitFor();
  ok((await page.getByText('4 of 4').count()) > 0 && (await page.getByText('3 of 4').count()) === 0);
  // What it wrote for Studio is folded away, and there when asked for; each line keeps its number.
  equal(await page.locator('.log-line', { hasText: '::metric' }).count(), 0);
  await page.getByRole('button', { name: /^Show 4 lines written for Studio/ }).click();
  await page.locator('.log-line', { hasText: '::metric loss=0.8 step=1::' }).waitFor();
  await page.keyboard.press('h');
  await page.locator('.log-line', { hasText: '::metric' }).first().waitFor({ state: 'detached' });
  await page.getByRole('tab', { name: 'Metrics' }).click();
  await page.getByRole('img', { name: 'loss: 4 points from 0.5 to 0.8' }).waitFor();
  await page.getByRole('tab', { name: 'Artifacts' }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'All as one zip' }).click();
  match((await download).suggestedFilename(), /^job_\w+\.zip$/);
  await page.getByRole('button', { name: 'Submit again…' }).click();
  ok((await page.getByRole('dialog').getByLabel('Script').inputValue()).startsWith('for i in'));
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a matrix is a group that is seen, cancelled and queued again as one; what waits for it says so', async () => {
  await client.expect(200, 'PATCH', '/api/v1/queues/studio', { paused: true });
  const page = await signedIn();
  await page.goto('/jobs');
  await page.getByRole('button', { name: 'New job' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('sweep {{ matrix.lr }}');
  await dialog.getByLabel('Script').fill('true');
  await dialog.getByLabel('More:').check();
  await dialog.getByLabel('Matrix').fill('lr = 0.1, 0.2, 0.3');
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await page.waitForURL(/filter=group/);
  const group = page.getByRole('group', { name: 'Group of jobs' });
  await group.getByText('3 jobs').waitFor();
  const id = /group%3A(grp_\w+)/.exec(page.url())?.[1] ?? '';
  const waiting = await submit({ name: 'after the sweep', command: ['true'], dependsOn: [id] });
  await page.goto(`/jobs/${waiting}?tab=facts`);
  await page.getByText('and for 2 more jobs').waitFor();
  const before = page.getByRole('region', { name: 'Runs after' }).getByRole('listitem');
  await before.nth(2).waitFor();
  equal(await before.count(), 3);
  await page.goto(`/jobs?filter=${encodeURIComponent(`group:${id}`)}`);
  await group.getByRole('button', { name: 'Cancel all' }).click();
  await group.getByRole('button', { name: 'Retry what did not complete' }).click();
  await group.getByRole('button', { name: 'Cancel all' }).waitFor();
  await client.expect(200, 'PATCH', '/api/v1/queues/studio', { paused: false });
  await group.locator('[data-status="completed"]').waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('what waits in a queue is moved by dragging and by keys', async () => {
  await client.expect(200, 'PATCH', '/api/v1/queues/still', { slots: 0 });
  for (const name of ['first', 'second', 'third']) await submit({ name, queue: 'still', command: ['true'] });
  const page = await signedIn();
  await page.goto('/queues');
  const line = page.getByRole('region', { name: 'Line of still' });
  const names = async (): Promise<string> => (await line.getByRole('link').allTextContents()).join(' ');
  const stands = async (order: string): Promise<void> => {
    while ((await names()) !== order) await page.waitForTimeout(50);
  };
  await stands('first second third');
  await line
    .getByRole('listitem')
    .filter({ hasText: 'third' })
    .dragTo(line.getByRole('listitem').filter({ hasText: 'first' }));
  await stands('third first second');
  await line.getByRole('button', { name: /^Move second/ }).press('Alt+ArrowUp');
  // One more than what it passes: of equal ones the older goes first.
  await stands('second third first');
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a log is followed over the live socket, and what comes too fast for it is named in its place', async () => {
  const page = await signedIn();
  const streamed: string[] = [];
  page.on('request', (request) => void (/[?&]follow=/.test(request.url()) && streamed.push(request.url())));
  const id = await submit({
    script: `head -c 80000000 /dev/zero | tr '\\0' x | fold -w 99 > large; echo begin; while [ ! -e "$STUDIO_CHECKPOINT/go" ]; do sleep 0.05; done; cat large; echo; echo the very end`,
    timeoutMs: 120_000,
  });
  await page.goto(`/jobs/${id}`);
  await page.getByText('begin').waitFor();
  writeFileSync(join(opened.studio.workspace, 'jobs', id, 'checkpoint', 'go'), '');
  await page.getByText('the very end').waitFor();
  await page.getByText(/Parts of more than \d+ MiB/).waitFor();
  deepEqual([streamed, faultsOf(page)], [[], []]);
  const folder = process.env['STUDIO_TEST_SHOTS'];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/log left out.png` });
  await page.context().close();
});

test('of a large log the end is shown; a search, scrolling, a time and its timeline lead to places inside it, and the way back to the end', async () => {
  const id = await submit({
    script: `seq -f "line %09.0f of a long log" 1 200000; while [ ! -e "$STUDIO_CHECKPOINT/go" ]; do sleep 0.05; done; seq -f "line %09.0f of a long log" 200001 300000; echo the very end`,
  });
  const page = await signedIn();
  const timesOf = (): Promise<Record<string, unknown>> => client.expect(200, 'GET', `/api/v1/jobs/${id}/log/times`);
  while ((await timesOf())['bytes'] !== FIRST_BYTES) await page.waitForTimeout(100);
  // Its timeline needs a time to show.
  await page.waitForTimeout(2_500);
  writeFileSync(join(opened.studio.workspace, 'jobs', id, 'checkpoint', 'go'), '');
  for (let job = { endedAt: null } as Record<string, unknown>; job['endedAt'] === null;) job = await client.expect(200, 'GET', `/api/v1/jobs/${id}`);
  const went = ((await timesOf())['times'] as { readonly at: string; readonly byte: number }[]).find(({ byte }) => byte === FIRST_BYTES);
  await page.goto(`/jobs/${id}`);
  await page.getByText('the very end').waitFor();
  await page.getByText(/The end of 8\.\d\sMi?B/).waitFor();
  await page.getByRole('button', { name: 'Search all of it…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Text to look for').fill('LINE 000123456');
  await dialog.getByRole('button', { name: 'Search', exact: true }).click();
  await dialog.getByRole('button', { name: /line 000123456 of a long log/ }).click();
  await page.getByText(/From \d\.\d\sMi?B on of 8\.\d\sMi?B/).waitFor();
  await page.locator('.log-hit', { hasText: '000123456' }).waitFor();
  // What lies around it comes as one scrolls there, without a line lost.
  const log = page.getByRole('log');
  await log.hover();
  const numbers = async (): Promise<number[]> => (await log.locator('.log-text').allTextContents()).map((text) => Number(/line (\d+)/.exec(text)?.[1]));
  while (((await numbers())[0] ?? 0) > 100_000) await page.mouse.wheel(0, -9_000);
  const seen = await numbers();
  deepEqual(
    seen,
    seen.map((_, index) => (seen[0] ?? 0) + index),
  );
  await page.getByLabel('Go to a time in the log').fill(went?.at ?? 'never');
  await page.getByLabel('Go to a time in the log').press('Enter');
  await page.locator('.log-hit', { hasText: '000200001' }).waitFor();
  await page.getByRole('button', { name: 'Show when lines were written' }).click();
  await page
    .locator('.log-number')
    .filter({ hasText: /\d\d:\d\d:\d\d\.\d/ })
    .first()
    .waitFor();
  await page.getByRole('slider', { name: 'Time in the log' }).press('Home');
  await page.getByText('line 000000001').waitFor();
  await page.getByRole('button', { name: 'To the end' }).click();
  await page.getByText('the very end').waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

for (const look of [
  { name: 'wide and dark', options: { width: 1440, height: 900, colorScheme: 'dark' } },
  { name: 'narrow and light', options: { width: 390, height: 844, colorScheme: 'light' } },
] as const)
  test(`the pages of jobs are whole and accessible, ${look.name}`, async () => {
    const id = await submit({
      name: 'looked at',
      script: 'echo "::metric loss=0.5 step=1::"; echo "::metric loss=0.4 step=2::"; echo x > "$STUDIO_ARTIFACTS/x.txt"',
      array: 2,
    });
    const page = await signedIn(look.options);
    for (const path of ['/jobs', `/jobs/${id}`, `/jobs/${id}?tab=metrics`, `/jobs/${id}?tab=artifacts`, `/jobs/${id}?tab=facts`]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('.view-busy, [aria-busy="true"]').first().waitFor({ state: 'hidden' });
      deepEqual(await findAxeFaults(page), [], path);
      const wide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
      equal(wide, false, path);
      const folder = process.env['STUDIO_TEST_SHOTS'];
      if (folder !== undefined) await page.screenshot({ path: `${folder}/${look.name} ${path.replaceAll(/[^a-z0-9]+/gi, '-')}.png` });
    }
    deepEqual(faultsOf(page), []);
    await page.context().close();
  });
