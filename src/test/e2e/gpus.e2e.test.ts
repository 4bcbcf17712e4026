import { deepEqual, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { fakeGpu, type FakeGpu } from '../fake-gpu.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

const ends: (() => void)[] = [];
let gpu: FakeGpu;
let opened: ClaimedStudio;
before(async () => {
  gpu = fakeGpu({ after: (end) => void ends.push(end) }, 'eight-80gb');
  gpu.setCard(gpu.uuids[0] ?? '', { 'utilization.gpu': '97', 'temperature.gpu': '71', 'power.draw': '611.20' });
  gpu.setProcesses([{ uuid: gpu.uuids[0] ?? '', pid: 999_999, memoryMib: 40_960, name: '/usr/bin/python3' }]);
  opened = await openClaimedStudio({ env: gpu.env });
});
after(async () => {
  await opened.close();
  for (const end of ends) end();
});

async function openGpus(look: Parameters<ClaimedStudio['signedIn']>[0]): Promise<Page> {
  const page = await opened.signedIn(look);
  await page.goto('/gpus');
  await page.getByRole('heading', { name: 'GPU 7' }).waitFor();
  return page;
}

for (const look of [
  { colorScheme: 'dark', width: 1280 },
  { colorScheme: 'light', width: 390 },
] as const)
  test(`each device is a card without faults: ${look.colorScheme}, ${look.width} px`, async () => {
    const page = await openGpus({ ...look, height: 800 });
    const card = page.getByRole('region', { name: 'GPU 0' });
    match((await card.textContent()) ?? '', /NVIDIA H100 80GB HBM3.*40 GiB of 80 GiB.*Not Studio’s.*97 %.*71 °C.*611 W.*999999 python3/);
    await card.getByRole('img', { name: /^The last 1 h of GPU 0: memory at most 40 GiB/ }).waitFor({ timeout: 70_000 });
    deepEqual(await findAxeFaults(page), []);
    ok(Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')) <= 1);
    deepEqual(faultsOf(page), []);
    await page.context().close();
  });

test('a job that asks for a card is submitted by its form, its log followed while the card names it, and cancelled', async () => {
  const page = await openGpus({});
  await page.goto('/jobs');
  await page.getByRole('button', { name: 'New job' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('finetune');
  await dialog.getByLabel('Script').fill('echo "on card $CUDA_VISIBLE_DEVICES"; for step in 1 2 3; do echo "step $step"; done; sleep 300');
  await dialog.getByLabel('GPUs').fill('1');
  await dialog.getByRole('button', { name: 'Submit' }).click();
  await page.waitForURL(/\/jobs\/job_/);
  const job = page.url();
  await page.getByText(/^on card .+/).waitFor();
  await page.getByText('step 3', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Follow the end', pressed: true }).waitFor();
  await page.goto('/gpus');
  await page.getByRole('link', { name: 'finetune' }).first().waitFor();
  await page.goto(job);
  await page.getByRole('button', { name: /^Cancel/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel it' }).click();
  await page.locator('.page-header [data-status="cancelled"]').waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a device is drained with a reason and used again, and one that is lost says why by itself', async () => {
  const page = await openGpus({});
  const card = page.getByRole('region', { name: 'GPU 3' });
  await card.getByRole('button', { name: 'Drain' }).click();
  await page.getByLabel('Reason').fill('new fan');
  await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await card.getByText('new fan').waitFor();
  await card.getByText('Draining').waitFor();
  await card.getByRole('button', { name: 'Use again' }).click();
  await card.getByText('Healthy').waitFor();
  gpu.lose(gpu.uuids[5] ?? '');
  const lost = page.getByRole('region', { name: 'GPU 5' });
  await lost.getByText('Lost', { exact: true }).waitFor();
  await lost.getByText(/GPU is lost\. Reboot the system/).waitFor();
  deepEqual(faultsOf(page), []);
  await page.context().close();
});
