/** Part of the ui verb: what a thousand events a second cost a page, as script a frame. They are handed to the page's own socket inside the page, made
 *  before, so that neither the server nor the driver is measured. Judges nothing. */
import type { Page } from 'playwright-core';
import type { ClaimedStudio } from '../../src/test/claimed-studio.ts';
import { publish } from '../../src/test/runs.ts';
import { scriptOf } from './bench-frames.ts';
import type { Measure } from './bench-table.ts';

const FRAMES = 180;
/** A thousand a second at sixty frames. */
const A_FRAME = 17;
const ROWS = 60;
const TARGET = '≤ 4';

/** Keeps the sockets that the page opens. */
const KEEP_SOCKETS = `window.keptSockets = []; const Native = window.WebSocket;
  window.WebSocket = class extends Native { constructor(...given) { super(...given); window.keptSockets.push(this); } };`;

/** In the page: an act for `scriptOf` that hands on `count` events a frame. @param event an expression over `n`, the number of the event */
const handOn = (count: number, event: string): string => `(() => {
    const made = Array.from({ length: ${FRAMES + 1} * ${count} }, (_, n) => JSON.stringify({ type: 'event', event: { contract_version: 'v1', event_id: 'bench' + n, idempotency_key: 'bench' + n,
      emitted_at: new Date().toISOString(), runtime: 'studio', request_id: null, correlation_id: null, cursor: '999999.' + n, ...(${event}) } }));
    const socket = window.keptSockets.at(-1);
    return () => { for (const data of made.splice(0, ${count})) socket.dispatchEvent(new MessageEvent('message', { data })); };
  })()`;

export async function measureEvents(opened: ClaimedStudio): Promise<readonly Measure[]> {
  const workflowId = await publish(opened.client, { nodes: [{ key: 'ask', type: 'approval', params: { title: 'Go on?' } }] });
  const { ids } = (await opened.client.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances/batch`, {
    inputs: Array.from({ length: ROWS }, () => ({})),
  })) as { readonly ids?: unknown };
  const page = await opened.signedIn({ width: 1440, height: 900 });
  await page.addInitScript(KEEP_SOCKETS);
  const room = `org:${String((await opened.client.expect(200, 'GET', '/api/v1/users/me'))['orgId'])}`;
  const of = `const ids = ${JSON.stringify(ids)}, id = ids[n % ids.length];`;
  const ofInstance = (type: string, payload: string): string =>
    `(() => { ${of} return { sequence: 1000 + n, sequence_stream: 'instance:' + id, event_type: '${type}', entity_kind: 'instance', entity_id: id, room_keys: ['${room}', 'instance:' + id], payload: ${payload} }; })()`;
  const pages = {
    'the list of instances, its rows changing': {
      path: '/instances',
      ready: '.table-link',
      event: ofInstance('engine:instance:waiting', `{ status: 'waiting', waiting: { kind: 'approval', message: 'asked ' + n } }`),
    },
    'the list of instances, steps that it does not show': {
      path: '/instances',
      ready: '.table-link',
      event: ofInstance('engine:step:completed', `{ path: 'each[' + n + ']', status: 'completed', key: 'each', generation: 1, attempt: 1 }`),
    },
    overview: { path: '/', ready: 'h1', event: ofInstance('engine:instance:waiting', `{ status: 'waiting' }`) },
  };
  const measures: Measure[] = [];
  for (const [name, { path, ready, event }] of Object.entries(pages)) {
    await page.goto(path, { waitUntil: 'networkidle' });
    await page.locator(ready).first().waitFor();
    await page.locator('[data-connection="live"]').waitFor();
    // Serial: they would disturb each other. What the page does without events stands beside it.
    const idle = await scriptOf(page, '() => undefined', FRAMES);
    const busy = await scriptOf(page, handOn(A_FRAME, event), FRAMES);
    measures.push(
      { name: `1,000 events a second, ${name}: script a frame`, unit: 'ms', values: [busy], target: TARGET },
      { name: `no event, ${name}: script a frame`, unit: 'ms', values: [idle] },
    );
  }
  measures.push(...(await ofOneInstance(opened, page)));
  await page.context().close();
  return measures;
}

/** The page of an instance whose map goes on. */
async function ofOneInstance({ client }: ClaimedStudio, page: Page): Promise<readonly Measure[]> {
  const body = { nodes: [{ key: 'ask', type: 'approval', params: { title: 'Go on?' } }], edges: [] };
  const workflowId = await publish(client, { nodes: [{ key: 'each', type: 'map', params: { items: '{{ [1..50] }}', concurrency: 4, body } }] });
  const { id } = await client.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances?wait=2`, {});
  const measures: Measure[] = [];
  for (const tab of ['graph', 'timeline', 'steps']) {
    await page.goto(`/instances/${String(id)}?tab=${tab}`, { waitUntil: 'networkidle' });
    await page.locator('[data-connection="live"]').waitFor();
    const { seq } = await client.expect(200, 'GET', `/api/v1/instances/${String(id)}`);
    const event = `{ sequence: ${Number(seq)} + 1 + n, sequence_stream: 'instance:${String(id)}', event_type: 'engine:step:completed', entity_kind: 'instance', entity_id: '${String(id)}',
      room_keys: ['instance:${String(id)}'], payload: { path: 'each[' + n + ']/ask', status: 'completed', key: 'ask', generation: 1, attempt: 1 } }`;
    measures.push({
      name: `1,000 events a second, the ${tab} of an instance: script a frame`,
      unit: 'ms',
      values: [await scriptOf(page, handOn(A_FRAME, event), FRAMES)],
      target: TARGET,
    });
  }
  return measures;
}
