/** Part of the ui verb: the page of a finished instance until its graph or its timeline is there, opened by its address and from the list.
 *  Judges nothing. */
import { asObject } from '../../src/test/api-client.ts';
import type { ClaimedStudio } from '../../src/test/claimed-studio.ts';
import type { Measure } from './bench-table.ts';

const OPENED = 8;

/** Twelve nodes with branches and a map, as people make them. */
const nodes: readonly object[] = [
  { key: 'read', type: 'set', params: { values: { rows: '{{ input.rows }}' } } },
  { key: 'enough', type: 'branch.if', params: { condition: 'input.rows > 10' } },
  { key: 'few', type: 'noop' },
  { key: 'each', type: 'map', params: { items: '{{ [1..20] }}', body: { nodes: [{ key: 'one', type: 'noop' }], edges: [] } } },
  ...['clean', 'join', 'score', 'sort', 'write', 'tell', 'keep'].map((key) => ({ key, type: 'template', params: { text: `${key} {{ input.rows }}` } })),
  { key: 'end', type: 'merge', params: { mode: 'any' } },
];
const edges: readonly object[] = [
  { from: 'read', to: 'enough' },
  { from: 'enough.false', to: 'few' },
  { from: 'few', to: 'end' },
  { from: 'enough.true', to: 'each' },
  ...['clean', 'join', 'score'].map((to) => ({ from: 'each', to })),
  ...['clean', 'join', 'score'].map((from) => ({ from, to: 'sort' })),
  { from: 'sort', to: 'write' },
  ...['tell', 'keep'].map((to) => ({ from: 'write', to })),
  ...['tell', 'keep'].map((from) => ({ from, to: 'end' })),
];

async function finished(opened: ClaimedStudio, name: string, graph: { readonly nodes: readonly object[]; readonly edges: readonly object[] }): Promise<string> {
  const { id } = await opened.client.expect(201, 'POST', '/api/v1/workflows', { name, ...graph });
  const started = await opened.client.call('POST', `/api/v1/workflows/${String(id)}/instances?wait=90`, { body: { input: { rows: 40 } } });
  return String(asObject(started.body)['id']);
}

/** In the page: resolves with its clock once the selector is painted. */
const seen = (selector: string): string =>
  `new Promise((done) => { const look = () => document.querySelector(${JSON.stringify(selector)}) === null ? requestAnimationFrame(look) : requestAnimationFrame(() => done(performance.now())); look(); })`;

const views = { graph: '.react-flow__node', timeline: '.timeline-bar' } as const;

export async function measureOpening(opened: ClaimedStudio): Promise<readonly Measure[]> {
  const id = await finished(opened, 'Bench of a page', { nodes, edges });
  const page = await opened.signedIn({ width: 1440, height: 900 });
  const measures: Measure[] = [];
  const add = (name: string, values: readonly number[], target?: string): void =>
    void measures.push({ name, unit: 'ms', values, ...(target === undefined ? {} : { target }) });
  const empty: number[] = [];
  const byAddress: Record<keyof typeof views, number[]> = { graph: [], timeline: [] };
  const fromList: number[] = [];
  // The first of each fills the browser's cache.
  for (let run = 0; run <= OPENED; run++) {
    // Serial: they would disturb each other.
    await page.goto('/settings', { waitUntil: 'commit' });
    const settings = Number(await page.evaluate(seen('h1')));
    if (run > 0) empty.push(settings);
    for (const [view, selector] of Object.entries(views)) {
      await page.goto(`/instances/${id}${view === 'graph' ? '' : `?tab=${view}`}`, { waitUntil: 'commit' });
      const ms = Number(await page.evaluate(seen(selector)));
      if (run > 0) byAddress[view as keyof typeof views].push(ms);
    }
    await page.goto('/instances', { waitUntil: 'networkidle' });
    const link = `a.table-link[href$="${id}"]`;
    await page.locator(link).first().waitFor();
    const ms = Number(
      await page.evaluate(
        `(() => { const begun = performance.now(); document.querySelector('${link}').click(); return ${seen(views.graph)}.then((at) => at - begun); })()`,
      ),
    );
    if (run > 0) fromList.push(ms);
  }
  add('a page of settings by its address → its title', empty);
  add('a finished instance by its address → its graph', byAddress.graph, '≤ 300');
  add('a finished instance by its address → its timeline', byAddress.timeline, '≤ 300');
  add('a finished instance from the list → its graph', fromList, '≤ 300');
  await page.context().close();
  return measures;
}
