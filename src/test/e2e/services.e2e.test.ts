import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

const program = fileURLToPath(new URL('../page-service.ts', import.meta.url));

let opened: ClaimedStudio;
let page: Page;
before(async () => {
  opened = await openClaimedStudio();
  page = await opened.signedIn();
});
after(() => opened.close());

test('a person defines a service, sees it run and write, opens its page, stops it, and sees how it ended', async () => {
  await page.goto('/services');
  await page.getByRole('button', { name: 'New service' }).click();
  await page.getByLabel('Name').fill('shown');
  await page.getByLabel('Command').fill(`${process.execPath}\n${program}`);
  await page.getByLabel('Path of the check').fill('/health');
  await page.getByRole('button', { name: 'Define' }).click();
  const detail = page.getByRole('complementary', { name: 'Service' });
  await detail.getByText('Running').waitFor();
  await detail.getByText(/hello from shown on/).waitFor();
  const [opened] = await Promise.all([page.context().waitForEvent('page'), detail.getByRole('link', { name: 'Open page' }).click()]);
  await opened.locator('#out[data-done]').waitFor({ state: 'attached' });
  match(opened.url(), /\/services\/shown\/~/);
  await opened.close();
  await detail.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('button', { name: 'Stop it' }).click();
  await detail.getByText('Stopped').waitFor();
  await detail.getByRole('tab', { name: 'Exits' }).click();
  await detail.getByText(/SIGTERM|exit code/).waitFor();
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
});

test('the log of a service is followed over the socket: in colour, without a request that stays open, and found from its beginning to its end', async () => {
  const followed: string[] = [];
  page.on('request', (request) => {
    if (/\/services\/chatty\/log\?.*follow/.test(request.url())) followed.push(request.url());
  });
  const gate = join(opened.studio.workspace, 'gate');
  const script = `seq -f 'line %.0f of what it wrote before anybody looked' 0 119999; echo "needle in the \x1b[31mhay\x1b[0m"; while [ ! -e ${gate} ]; do sleep 0.05; done; echo "and on it goes"; sleep 1000`;
  await page.goto('/services');
  await page.getByRole('button', { name: 'New service' }).click();
  await page.getByLabel('Name').fill('chatty');
  await page.getByLabel('Command').fill(`/bin/sh\n-c\n${script}`);
  await page.getByLabel('Health check').selectOption('none');
  await page.getByRole('button', { name: 'Define' }).click();
  const log = page.getByRole('complementary', { name: 'Service' }).getByLabel('Log of chatty');
  await log.getByText('needle in the hay').waitFor();
  equal(await log.getByText('hay', { exact: true }).evaluate((word) => word.tagName), 'SPAN');
  writeFileSync(gate, '');
  await log.getByText('and on it goes').waitFor();
  deepEqual(followed, []);
  await page.reload();
  await log.getByText('and on it goes').waitFor();
  const detail = page.getByRole('complementary', { name: 'Service' });
  await detail.getByRole('button', { name: 'Search all of it…' }).click();
  await page.getByLabel('Text to look for').fill('line 7 of');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.getByRole('button', { name: /line 7 of what/ }).click();
  await log.getByText('line 7 of what it wrote').waitFor();
  await detail.getByRole('button', { name: 'To the end' }).click();
  await log.getByText('and on it goes').waitFor();
  await detail.getByLabel('Go to a time in the log').fill('+0s');
  await detail.getByLabel('Go to a time in the log').press('Enter');
  await log.getByText('line 3 of what it wrote').waitFor();
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
  await detail.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('button', { name: 'Stop it' }).click();
  await detail.getByText('Stopped').waitFor();
});

test('what an idle machine does and what it costs are set in the browser', async () => {
  await page.goto('/idle');
  await page.getByText('Act when the machine idles').click();
  await page.getByLabel('After, minutes').fill('45');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('An idle machine will act').waitFor();
  await page
    .getByText(/no RunPod pod with a key/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Keep awake 1 h' }).click();
  await page.getByText('Kept awake until').waitFor();
  await page.goto('/costs');
  await page.getByLabel('An hour').fill('2.49');
  await page.getByRole('button', { name: 'Set the price' }).click();
  await page.getByText(/\$2\.49 an hour, as set here/).waitFor();
  deepEqual(faultsOf(page), []);
});

test('Studio that was killed leaves services running, and the next one ends them before it starts its own', async () => {
  await page.goto('/services?service=shown');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('complementary', { name: 'Service' }).getByText('Running').waitFor();
  await opened.studio.kill();
  await opened.studio.start();
  match(opened.studio.log(), /ended services that an earlier Studio left running/);
  ok(!opened.studio.log().includes('EADDRINUSE'));
});
