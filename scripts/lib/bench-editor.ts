/** The ui verb: runs (bench-runs.ts), what a storm of events costs (bench-events.ts), long maps (bench-map.ts), and the editor with graphs of 100, 1,000 and 2,000 nodes in this machine's Chromium: the time until the first cards are drawn, and
 *  the time of a frame while one pans, zooms, looks at all and drags, each beside the same loop over an empty page of the same run.
 *  Judges nothing. Events are made inside the page, one a frame, so that the driver's own way to the browser is not measured. */
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { openClaimedStudio, type ClaimedStudio } from '../../src/test/claimed-studio.ts';
import { measureEvents } from './bench-events.ts';
import { framesOf, median, REPAINT } from './bench-frames.ts';
import { measureMap } from './bench-map.ts';
import { measureOpening } from './bench-runs.ts';
import { tableOf, type Measure } from './bench-table.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'opening,events,map,editor' },
    nodes: { type: 'string', default: '100,1000,2000' },
    items: { type: 'string', default: '10000' },
    frames: { type: 'string', default: '90' },
    json: { type: 'boolean', default: false },
  },
});
const frames = Number(options.frames);
const only = options.only.split(',');

/** A graph as people draw large ones: rows of chains, now and then a branch. */
function graphOf(count: number): { readonly nodes: object[]; readonly edges: object[] } {
  const rows = 20;
  const key = (index: number): string => `step_${index}`;
  const isBranch = (index: number): boolean => index % 7 === 3;
  const nodes = Array.from({ length: count }, (_, index) => ({
    key: key(index),
    type: isBranch(index) ? 'branch.if' : 'template',
    name: `Step number ${index}`,
    params: isBranch(index) ? { condition: 'input.ok' } : { text: `Hello {{ input.name }}, this is step ${index}` },
    position: { x: Math.floor(index / rows) * 300, y: (index % rows) * 120 },
  }));
  const edges = nodes.slice(rows).map((_, index) => ({ from: isBranch(index) ? `${key(index)}.true` : key(index), to: key(index + rows) }));
  return { nodes, edges };
}

const wheel = (init: string): string =>
  `(n) => { const pane = document.querySelector('.react-flow__pane'); const { left, top, width, height } = pane.getBoundingClientRect();
    pane.dispatchEvent(new WheelEvent('wheel', { bubbles: true, cancelable: true, clientX: left + width / 2, clientY: top + height / 2, ...(${init}) })); }`;

const acts: Readonly<Record<string, string>> = {
  'pan at full size': wheel('{ deltaX: n % 60 < 30 ? 24 : -24, deltaY: 6 }'),
  zoom: wheel('{ ctrlKey: true, deltaY: n % 60 < 30 ? 6 : -6 }'),
};
const drag = `(() => { let node, x, y; const fire = (type, target) => target.dispatchEvent(new MouseEvent(type, { bubbles: true, cancelable: true, view: window, clientX: x, clientY: y, buttons: 1 }));
  return (n) => {
    if (node === undefined) { node = [...document.querySelectorAll('.react-flow__node')].find((one) => { const box = one.getBoundingClientRect(); return box.left > 500 && box.top > 300; });
      const box = node.getBoundingClientRect(); x = box.left + 20; y = box.top + 12; fire('mousedown', node); }
    x += n % 60 < 30 ? 4 : -4; y += n % 40 < 20 ? 3 : -3; fire('mousemove', window);
    if (n >= ${frames}) fire('mouseup', window);
  }; })()`;

async function measureGraph(opened: ClaimedStudio, count: number): Promise<readonly Measure[]> {
  const made = await opened.client.expect(201, 'POST', '/api/v1/workflows', { name: `Bench ${count}`, ...graphOf(count) });
  const page = await opened.signedIn({ width: 1440, height: 900 });
  // A page with nothing in it that is painted anew at each frame.
  const empty = await opened.browser.newPage(opened.studio.url, { width: 1440, height: 900 });
  await empty.goto('about:blank');
  const path = `/workflows/${String(made['id'])}`;
  await page.goto(`${path}?tab=versions`);
  await page.getByRole('tab', { name: 'Editor' }).waitFor();
  const measures: Measure[] = [];
  const add = async (what: string, act: string): Promise<void> => {
    const seen = await framesOf(page, act, frames);
    // Right after, so that both have the same neighbours on this machine.
    const base = median((await framesOf(empty, REPAINT, frames)).frame);
    measures.push(
      { name: `${count} nodes, ${what}: a frame`, unit: 'ms', values: seen.frame },
      { name: `${count} nodes, ${what}: its script`, unit: 'ms', values: seen.script },
      { name: `${count} nodes, ${what}: a frame beside an empty one`, unit: '×', values: [median(seen.frame) / base] },
    );
  };
  // The chunk is loaded once before: opening is measured, not the network.
  await open(page);
  await page.goto(`${path}?tab=versions`);
  await page.getByRole('tab', { name: 'Editor' }).waitFor();
  measures.push({ name: `${count} nodes: click → first cards`, unit: 'ms', values: [await open(page)], target: '≤ 1000 at 1,000' });
  for (const [what, act] of Object.entries(acts)) await add(what, act);
  await add('drag a card', drag);
  await page.locator('.canvas-pane').focus();
  await page.keyboard.press('0');
  await page.locator('.card-dot').nth(50).waitFor();
  // Until the cards are all there.
  await page.waitForTimeout(1_000);
  await add('pan with all in sight', wheel('{ deltaX: n % 60 < 30 ? 12 : -12, deltaY: 3 }'));
  await add('zoom with all in sight', wheel('{ ctrlKey: true, deltaY: n % 60 < 30 ? 2 : -2 }'));
  await add('drag with all in sight', drag);
  await empty.context().close();
  await page.context().close();
  return measures;
}

/** Clicks the editor's tab. @returns ms until a card is drawn */
async function open(page: Page): Promise<number> {
  return await page.evaluate(`new Promise((done) => {
    const begun = performance.now();
    [...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent.startsWith('Editor')).click();
    const look = () => document.querySelector('.react-flow__node') === null ? requestAnimationFrame(look) : requestAnimationFrame(() => done(performance.now() - begun));
    look();
  })`);
}

const opened = await openClaimedStudio();
const measures: Measure[] = [];
try {
  // Serial: they would disturb each other.
  if (only.includes('opening')) measures.push(...(await measureOpening(opened)));
  if (only.includes('events')) measures.push(...(await measureEvents(opened)));
  if (only.includes('map')) measures.push(...(await measureMap(opened, { items: Number(options.items), frames })));
  for (const count of only.includes('editor') ? options.nodes.split(',').map(Number) : []) {
    process.stderr.write(`${count} nodes …\n`);
    measures.push(...(await measureGraph(opened, count)));
  }
} finally {
  await opened.close();
}
process.stdout.write(options.json ? `${JSON.stringify(measures, null, 2)}\n` : tableOf(measures));
process.exit(0);
