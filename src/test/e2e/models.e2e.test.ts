import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { itemsOf, type ApiClient } from '../api-client.ts';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { fakeGpu, type FakeGpu } from '../fake-gpu.ts';
import { startFakeOpenAi, type FakeOpenAi } from '../fake-openai.ts';
import { modelServer, type ModelServer } from '../model-server.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { tinyGguf } from '../tiny-gguf.ts';

const ends: (() => void)[] = [];
let gpu: FakeGpu;
let hub: ModelServer;
let provider: FakeOpenAi;
let opened: ClaimedStudio;
let client: ApiClient;
before(async () => {
  hub = await modelServer();
  provider = await startFakeOpenAi();
  gpu = fakeGpu({ after: (end) => void ends.push(end) }, 'one-24gb');
  hub.repo('acme/tiny-GGUF', { 'tiny-Q8_0.gguf': tinyGguf({ layers: 8, width: 64 }), 'tiny-Q2_K.gguf': tinyGguf({ seed: 2 }) });
  hub.file('/slow.safetensors', Buffer.alloc(4_000_000, 1));
  hub.behave('/slow.safetensors', { bytesPerS: 40_000 });
  opened = await openClaimedStudio({ env: { ...gpu.env, HF_ENDPOINT: hub.url } });
  ({ client } = opened);
  await client.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: [hub.host, new URL(provider.url).host] });
});
after(async () => {
  await opened.close();
  await hub.close();
  await provider.close();
  for (const end of ends) end();
});

async function openModels(look: Parameters<ClaimedStudio['signedIn']>[0] = {}): Promise<Page> {
  const page = await opened.signedIn(look);
  await page.goto('/models');
  await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor();
  return page;
}

test('a model is found, chosen, reckoned, downloaded and deleted in the browser', async () => {
  const page = await openModels();
  await page.getByText('No models yet').waitFor();
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Repository or address').fill('acme/tiny-GGUF');
  await dialog.getByRole('button', { name: 'Download', exact: true }).click();
  await dialog.getByRole('button', { name: 'tiny-Q8_0' }).click();
  equal(await dialog.getByLabel('Files').inputValue(), 'tiny-Q8_0*');
  await dialog.getByLabel('Files').fill('tiny-Q8_0.gguf');
  await dialog.getByRole('button', { name: 'Does it fit?' }).click();
  await dialog.getByText(/^It fits on /).waitFor();
  await dialog.getByRole('button', { name: 'Download', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /tiny-Q8_0.*Not loaded/ }).click();
  const detail = page.getByRole('complementary', { name: 'Model' });
  await detail.getByText(/^It fits on /).waitFor();
  await detail.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No models yet').waitFor();
  // The browser notes the refusal that brought the choices.
  deepEqual(
    faultsOf(page).filter((fault) => !fault.includes('status of 400')),
    [],
  );
  await page.context().close();
});

test('a provider elsewhere is registered without a file', async () => {
  const page = await openModels();
  await page.getByRole('button', { name: 'Register' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('far');
  await dialog.getByLabel('Address').fill('https://example.com/v1');
  await dialog.getByLabel('Its model').fill('gpt');
  await dialog.getByRole('button', { name: 'Register' }).click();
  await page.getByRole('complementary', { name: 'Model' }).getByRole('heading', { name: 'far' }).waitFor();
  const [model] = itemsOf(await client.expect(200, 'GET', '/api/v1/models'));
  deepEqual(model?.['settings'], { kind: 'openai', model: 'gpt', baseUrl: 'https://example.com/v1' });
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

async function registerRemote(name: string, model: string): Promise<string> {
  const settings = { kind: 'openai', model, baseUrl: provider.url };
  return String((await client.expect(201, 'POST', '/api/v1/models', { engine: 'remote', name, settings }))['id']);
}

function itemCount(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

async function shoot(page: Page, name: string): Promise<void> {
  if (process.env['STUDIO_SHOTS'] !== undefined) await page.screenshot({ path: `${process.env['STUDIO_SHOTS']}/${name}.png` });
}

test('a model is tried: its answer streams in as text, goes on in the talk, is stopped, fails in words and is cleared', async () => {
  const id = await registerRemote('talker', 'tiny');
  for (const look of [
    { colorScheme: 'dark', width: 1280, height: 800 },
    { colorScheme: 'light', width: 390, height: 844 },
  ] as const) {
    const page = await openModels(look);
    await page.goto(`/models?model=${id}`);
    const box = page.getByRole('region', { name: 'Try it' });
    const message = box.getByLabel('Message');
    provider.behave({ reasoning: 'I weigh it.', answers: ['<b>plain</b> & so on'], tokenMs: 5 });
    await message.fill('line one');
    await message.press('Shift+Enter');
    await message.pressSequentially('line two');
    await message.press('Enter');
    await box.getByText('<b>plain</b> & so on', { exact: true }).waitFor();
    await box.getByText(/tokens? read, 4 written · .*first after/).waitFor();
    deepEqual(provider.calls.at(-1)?.body['messages'], [{ role: 'user', content: 'line one\nline two' }]);
    equal(await box.getByText('I weigh it.').isVisible(), false);
    await box.getByText('Reasoning', { exact: true }).click();
    await box.getByText('I weigh it.').waitFor();

    const sent = provider.calls.length;
    provider.behave({ tokens: 100_000, tokenMs: 20 });
    await message.fill('more');
    await message.press('Enter');
    await box.getByText(/You said: more/).waitFor();
    await box.getByRole('button', { name: 'Stop' }).click();
    await box.getByText(/^stopped/).waitFor();
    await provider.aborted();
    equal(itemCount(provider.calls[sent]?.body['messages']), 3);

    provider.behave({ status: 400 });
    await message.fill('again');
    await message.press('Enter');
    await box.getByText('No whole answer came').waitFor();
    match(await box.getByRole('alert').innerText(), /the fake answers 400|answered 400/);
    deepEqual(await findAxeFaults(page), []);
    ok(Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')) <= 1);
    await box.scrollIntoViewIfNeeded();
    await shoot(page, `try-${look.colorScheme}-${look.width}`);
    await box.getByRole('button', { name: 'Clear' }).click();
    await box.getByRole('log').waitFor({ state: 'detached' });
    deepEqual(
      faultsOf(page).filter((fault) => !/status of (400|502)/.test(fault)),
      [],
    );
    await page.context().close();
  }
});

test('a model for vectors shows how many numbers it makes of a text', async () => {
  provider.behave({});
  const id = await registerRemote('tiny-embed', 'tiny-embed');
  const page = await openModels({ colorScheme: 'light' });
  await page.goto(`/models?model=${id}`);
  const box = page.getByRole('region', { name: 'Try it' });
  await box.getByLabel('Text', { exact: true }).fill('some words');
  await box.getByLabel('Text', { exact: true }).press('Enter');
  await box.getByText('8 dimensions').waitFor();
  await box.getByText(/^\[\d, .*\]$/).waitFor();
  await shoot(page, 'try-vector');
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a model of this machine is loaded by the first question, and answers it', async () => {
  const path = 'tiny-here.gguf';
  mkdirSync(join(opened.studio.workspace, 'models'), { recursive: true });
  writeFileSync(join(opened.studio.workspace, 'models', path), tinyGguf());
  const made = await client.expect(201, 'POST', '/api/v1/models', { engine: 'llama', name: 'here', path });
  const page = await openModels();
  await page.goto(`/models?model=${String(made['id'])}`);
  const box = page.getByRole('region', { name: 'Try it' });
  await box.getByLabel('Message').fill('the one of two');
  await box.getByRole('button', { name: 'Send' }).click();
  await box.getByText(/tokens read, [\d,]+ written · .* tokens\/s · first after/).waitFor({ timeout: 120_000 });
  await page.getByRole('complementary', { name: 'Model' }).getByText('Loaded', { exact: true }).waitFor();
  await shoot(page, 'try-here');
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('what was used of models is shown by model and caller; names and limits are set, and refused in words', async () => {
  const page = await openModels();
  // Usage is written every few seconds.
  while (itemsOf(await client.expect(200, 'GET', '/api/v1/models/usage')).length === 0) await new Promise((resolve) => setTimeout(resolve, 200));
  await page.getByRole('link', { name: 'Usage', exact: true }).click();
  await page.getByRole('img', { name: /^Tokens a day over 30 days, of .*here/ }).waitFor();
  await page.getByRole('row', { name: /^here/ }).waitFor();
  await page.getByRole('button', { name: 'Callers' }).click();
  await page.getByRole('row', { name: /Owner.*person/ }).waitFor();
  await page.getByRole('link', { name: 'Names and limits' }).click();
  const names = page.getByRole('region', { name: 'Other names' });
  await names.getByLabel('Names').fill('gpt-4o = here\nodd');
  await names.getByText('Line 2, “odd”').waitFor();
  await names.getByLabel('Names').fill('gpt-4o = here');
  await names.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved').first().waitFor();
  deepEqual((await client.expect(200, 'GET', '/api/v1/settings'))['modelAliases'], { 'gpt-4o': 'here' });
  const limits = page.getByRole('region', { name: 'Limits of the organisation' });
  await limits.getByLabel('Tokens a minute').fill('many');
  await limits.getByText('A whole number from 1 to 1,000,000,000, or nothing.').waitFor();
  await limits.getByLabel('Tokens a minute').fill('5000');
  await limits.getByRole('button', { name: 'Save' }).click();
  while (JSON.stringify((await client.expect(200, 'GET', '/api/v1/settings'))['modelLimits']) !== '{"tokensPerMinute":5000}') await page.waitForTimeout(50);
  deepEqual(await findAxeFaults(page), []);
  deepEqual(faultsOf(page), []);
  await page.context().close();
});

test('a download shows how far it is by itself, is paused and resumed, and the page has no faults, dark and light, wide and narrow', async () => {
  await client.expect(201, 'POST', '/api/v1/models/downloads', { url: `${hub.url}/slow.safetensors`, engine: 'service', name: 'slow' });
  await client.expect(201, 'POST', '/api/v1/models/downloads', { repo: 'acme/tiny-GGUF:Q2_K' });
  for (const look of [
    { colorScheme: 'dark', width: 1280, height: 800 },
    { colorScheme: 'light', width: 390, height: 844 },
  ] as const) {
    const page = await openModels(look);
    const bar = page.getByRole('progressbar', { name: 'Download of slow' });
    await bar.waitFor();
    await page.getByText(/ of 3\.8 MiB.*\/s.* left/).waitFor();
    await page.getByRole('button', { name: 'Pause slow' }).click();
    await page.getByText(/kept until it goes on/).waitFor();
    deepEqual(await findAxeFaults(page), []);
    await page.getByRole('row', { name: /tiny-Q2_K/ }).click();
    await page
      .getByRole('complementary', { name: 'Model' })
      .getByText(/^It fits on /)
      .waitFor();
    deepEqual(await findAxeFaults(page), []);
    ok(Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')) <= 1);
    await shoot(page, `models-${look.colorScheme}-${look.width}`);
    await page.getByRole('button', { name: 'Close' }).first().click();
    await page.getByRole('button', { name: 'Resume slow' }).click();
    await page.getByRole('button', { name: 'Pause slow' }).waitFor();
    deepEqual(faultsOf(page), []);
    await page.context().close();
  }
});
