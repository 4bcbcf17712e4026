/** Part of the ui verb: a map of ten thousand items, unfolded: the time until its first items are there, of a frame while one scrolls through all of it, and until
 *  an item far away is there. Judges nothing. */
import type { Page } from 'playwright-core';
import type { ClaimedStudio } from '../../src/test/claimed-studio.ts';
import { publish } from '../../src/test/runs.ts';
import { framesOf, median, REPAINT } from './bench-frames.ts';
import type { Measure } from './bench-table.ts';

const body = { nodes: [{ key: 'draw', type: 'set', params: { values: { n: '{{ item }}' } } }], edges: [] };
const tabs = { steps: '.table-scroll', timeline: '.timeline-scroll' } as const;

export async function measureMap(opened: ClaimedStudio, { items, frames }: { readonly items: number; readonly frames: number }): Promise<readonly Measure[]> {
  const workflowId = await publish(opened.client, { nodes: [{ key: 'each', type: 'map', params: { items: `{{ [1..${items}] }}`, body } }] });
  let answer = await opened.client.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=90`, { body: {} });
  const { id } = answer.body as { readonly id: string };
  while ((answer.body as { readonly status: string }).status !== 'completed') {
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Serial: until it has ended.
    answer = await opened.client.call('GET', `/api/v1/instances/${id}`);
  }
  const page = await opened.signedIn({ width: 1440, height: 900 });
  const empty = await opened.browser.newPage(opened.studio.url, { width: 1440, height: 900 });
  await empty.goto('about:blank');
  const measures: Measure[] = [];
  // The chunks are loaded once before: unfolding is measured, not the network.
  for (const tab of Object.keys(tabs)) await page.goto(`/instances/${id}?tab=${tab}`, { waitUntil: 'networkidle' });
  for (const [tab, scroller] of Object.entries(tabs)) {
    const name = `${items} items in the ${tab}`;
    await page.goto(`/instances/${id}?tab=${tab}`, { waitUntil: 'networkidle' });
    measures.push({ name: `${name}: unfold → first items`, unit: 'ms', values: [await clicked(page, 'each', '[aria-label="Steps of each[10]"]')] });
    const seen = await framesOf(page, `(n) => { document.querySelector('${scroller}').scrollTop = ${(items * 28) / frames} * n; }`, frames);
    const base = median((await framesOf(empty, REPAINT, frames)).frame);
    measures.push(
      { name: `${name}, scrolled through: a frame`, unit: 'ms', values: seen.frame },
      { name: `${name}, scrolled through: a frame beside an empty one`, unit: '×', values: [median(seen.frame) / base] },
    );
    await page.locator(scroller).press('Home');
    await page.getByLabel('Number of an item of each').fill(String(Math.floor(items / 2)));
    const begun = performance.now();
    await page.keyboard.press('Enter');
    const row = page.locator('tr, .timeline-row').filter({ has: page.getByText(`[${Math.floor(items / 2)}]`, { exact: true }) });
    await row.getByText('Completed').or(row.getByLabel('Completed')).first().waitFor({ state: 'attached' });
    measures.push({ name: `${name}: to the one in the middle`, unit: 'ms', values: [performance.now() - begun] });
  }
  await empty.context().close();
  await page.context().close();
  return measures;
}

/** Unfolds and waits until something is painted, by the page's clock. */
async function clicked(page: Page, path: string, selector: string): Promise<number> {
  const button = `[aria-label="Steps of ${path}"]`;
  await page.locator(button).waitFor();
  return await page.evaluate(`new Promise((done) => {
    const begun = performance.now();
    document.querySelector('${button}').click();
    const look = () => document.querySelector('${selector}') === null ? requestAnimationFrame(look) : requestAnimationFrame(() => done(performance.now() - begun));
    look();
  })`);
}
