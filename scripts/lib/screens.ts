/** Takes a picture of every page in every look and state, and writes an index of them. See scripts/screens. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { itemsOf } from '../../src/test/api-client.ts';
import { makeBusy } from '../../src/test/busy-studio.ts';
import { openClaimedStudio, type ClaimedStudio } from '../../src/test/claimed-studio.ts';
import { fakeGpu, type FakeGpu } from '../../src/test/fake-gpu.ts';
import { pagePaths, type ShownThings } from '../../src/test/page-list.ts';

const LOOKS = [
  { name: 'dark-1440', colorScheme: 'dark', width: 1440, height: 900 },
  { name: 'light-1440', colorScheme: 'light', width: 1440, height: 900 },
  { name: 'dark-390', colorScheme: 'dark', width: 390, height: 844 },
  { name: 'light-390', colorScheme: 'light', width: 390, height: 844 },
] as const;

const STATES = ['empty', 'busy', 'broken'] as const;
type State = (typeof STATES)[number];

/** Long enough for fonts and the first drawing of a graph. */
const REST_MS = 600;
/** A page that follows a log never rests: its picture is taken all the same. */
const IDLE_LIMIT_MS = 4_000;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'screens' },
    states: { type: 'string', default: STATES.join(',') },
    only: { type: 'string', default: '' },
    looks: { type: 'string', default: '' },
  },
});
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
const pictures: { readonly state: State; readonly path: string; readonly look: string; readonly file: string }[] = [];

for (const state of STATES.filter((each) => values.states.split(',').includes(each))) {
  const ends: (() => void)[] = [];
  const gpu = fakeGpu({ after: (end) => void ends.push(end) }, 'eight-80gb');
  const opened = await openClaimedStudio({ env: gpu.env });
  try {
    const shown = await prepare(state, opened, gpu);
    for (const look of LOOKS.filter(({ name }) => values.looks.split(',').some((look) => name.includes(look)))) await takeAll(state, opened, shown, look);
  } finally {
    await opened.close();
    for (const end of ends) end();
  }
}
writeFileSync(join(out, 'index.html'), indexOf());
process.stdout.write(`${pictures.length} pictures; look through ${join(out, 'index.html')}\n`);

async function prepare(state: State, { client }: ClaimedStudio, gpu: FakeGpu): Promise<ShownThings> {
  if (state === 'busy') {
    gpu.setCard(gpu.uuids[0] ?? '', { 'utilization.gpu': '97', 'temperature.gpu': '71', 'power.draw': '611.20' });
    gpu.setProcesses([{ uuid: gpu.uuids[7] ?? '', pid: 999_999, memoryMib: 40_960, name: '/usr/bin/python3' }]);
    return makeBusy(client);
  }
  const workflowId = String(itemsOf(await client.expect(200, 'GET', '/api/v1/workflows'))[0]?.['id']);
  const instance = await client.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=60`, { body: {} });
  if (state === 'broken') {
    gpu.lose(gpu.uuids[3] ?? '');
    await client.expect(201, 'POST', '/api/v1/services', { name: 'comfyui', command: ['/opt/comfyui/not-there'], required: true });
    await client.expect(201, 'POST', '/api/v1/jobs', { name: 'fails', script: 'echo broken >&2; exit 3' });
  }
  return { workflowId, instanceId: String((instance.body as { readonly id?: unknown }).id), node: 'draw' };
}

async function takeAll(state: State, opened: ClaimedStudio, shown: ShownThings, look: (typeof LOOKS)[number]): Promise<void> {
  const folder = join(out, state, look.name);
  mkdirSync(folder, { recursive: true });
  const page = await opened.signedIn(look);
  for (const path of pagePaths(shown).filter((each) => values.only === '' || values.only.split(',').includes(nameOf(each, shown)))) {
    const file = `${nameOf(path, shown)}.png`;
    await take(page, path, join(folder, file));
    pictures.push({ state, path: nameOf(path, shown), look: look.name, file: `${state}/${look.name}/${file}` });
    process.stdout.write(`${state} ${look.name} ${path}\n`);
  }
  await page.context().close();
}

async function take(page: Page, path: string, file: string): Promise<void> {
  await page.goto(path);
  await Promise.race([page.waitForLoadState('networkidle', { timeout: 0 }), page.waitForTimeout(IDLE_LIMIT_MS)]);
  await page.waitForTimeout(REST_MS);
  await page.screenshot({ path: file });
}

/** The same name in every run: ids change. */
function nameOf(path: string, { workflowId, instanceId, jobId }: ShownThings): string {
  const named = [workflowId, instanceId, jobId ?? ''].reduce((text, id) => (id === '' ? text : text.replace(id, 'one')), path);
  return named === '/' ? 'overview' : named.slice(1).replaceAll(/[^a-zA-Z0-9]+/g, '-');
}

function indexOf(): string {
  const rows = Map.groupBy(pictures, ({ state, path }) => `${state} · ${path}`);
  const cells = [...rows].map(
    ([title, shots]) =>
      `<h2>${title}</h2><p>${shots.map(({ file, look }) => `<a href="${file}"><img src="${file}" alt="${title}, ${look}" height="360" loading="lazy"></a>`).join(' ')}</p>`,
  );
  return `<!doctype html><meta charset="utf-8"><title>Pages of Studio</title><style>body{font:14px system-ui;background:#888}h2{font-size:14px}</style>${cells.join('\n')}\n`;
}
