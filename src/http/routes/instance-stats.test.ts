/** Instances over time over the API: rows of known times, and what is counted of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';
import { firstIdAt } from '../../kernel/ids.ts';

type Row = Record<string, unknown>;

const HOUR = 3_600_000;
const START = Date.parse('2026-03-01T00:00:00.000Z');
const iso = (ms: number): string => new Date(ms).toISOString();

let app: TestApp;
let api: ApiClient;
let one = '';
let two = '';
before(async () => {
  app = await startApp();
  api = app.people.user.client;
  const make = async (name: string, tags: string[]): Promise<string> =>
    String((await api.expect(201, 'POST', '/api/v1/workflows', { name, tags, nodes: [{ key: 'a', type: 'noop' }], edges: [] }))['id']);
  one = await make('One', ['nightly']);
  two = await make('Two', []);
  let count = 0;
  const insert = (
    workflowId: string,
    row: { readonly at: number; readonly status: string; readonly ms?: number; readonly by?: string; readonly test?: boolean; readonly orgId?: string },
  ): Promise<unknown> =>
    app.admin.query(
      `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq, created_at, started_at, ended_at, is_test, labels)
       values ($1, $2, $3, 1, $4, '{}', 50, $5, 1, $6, $6, $7, $8, '{"team":"a"}')`,
      [
        `${firstIdAt('inst', row.at)}${String(++count).padStart(16, '0')}`,
        row.orgId ?? app.people.user.orgId,
        workflowId,
        row.status,
        row.by ?? 'manual',
        iso(row.at),
        row.ms === undefined ? null : iso(row.at + row.ms),
        row.test ?? false,
      ],
    );
  for (let index = 1; index <= 20; index++) await insert(one, { at: START + index, status: 'completed', ms: index * 100, by: 'cron:daily' });
  await insert(one, { at: START + HOUR, status: 'failed', ms: 50 });
  await insert(two, { at: START + 2 * HOUR, status: 'running', by: 'webhook:hook' });
  await insert(two, { at: START + 4 * HOUR - 1, status: 'failed', ms: 10, by: 'webhook:other' });
  // None of these is in the window, of the org, or real.
  await insert(two, { at: START + 4 * HOUR, status: 'failed', ms: 10 });
  await insert(two, { at: START - 1, status: 'failed', ms: 10 });
  await insert(two, { at: START + HOUR, status: 'failed', ms: 10, test: true });
  await insert(two, { at: START + HOUR, status: 'failed', ms: 10, orgId: app.people.stranger.orgId });
});
after(() => app.close());

const WINDOW = `from=${iso(START)}&to=${iso(START + 4 * HOUR)}&buckets=4`;
const stats = (more = ''): Promise<Row> => api.expect(200, 'GET', `/api/v1/instances/stats?${WINDOW}${more}`);

test('instances are counted by when they were created, in buckets without gaps', async () => {
  const { buckets, total, bucketMs, p50Ms, p95Ms, countedFrom } = await stats();
  assert.deepEqual(
    (buckets as Row[]).map(({ from, total: n, counts }) => [from, n, counts]),
    [
      [iso(START), 20, { completed: 20 }],
      [iso(START + HOUR), 1, { failed: 1 }],
      [iso(START + 2 * HOUR), 1, { running: 1 }],
      [iso(START + 3 * HOUR), 1, { failed: 1 }],
    ],
  );
  assert.deepEqual([total, bucketMs, countedFrom], [23, HOUR, undefined]);
  // Durations 100 to 2,000 by hundreds, 50 and 10.
  assert.deepEqual([p50Ms, Math.round(Number(p95Ms))], [950, 1_895]);
});

test('a bucket has the durations of those that ended, and none without one', async () => {
  const [first, second, third] = (await stats())['buckets'] as Row[];
  assert.deepEqual([first?.['p50Ms'], Math.round(Number(first?.['p95Ms']))], [1_050, 1_905]);
  assert.deepEqual([second?.['p50Ms'], third?.['p50Ms']], [50, null]);
});

test('facets count what choosing another value would show', async () => {
  const { facets, total } = await stats('&status=failed');
  const { status, workflow, startedBy } = facets as Record<string, Row[]>;
  assert.equal(total, 2);
  assert.deepEqual(status, [
    { value: 'completed', count: 20 },
    { value: 'failed', count: 2 },
    { value: 'running', count: 1 },
  ]);
  assert.deepEqual(
    workflow?.map(({ name, count }) => [name, count]),
    one < two
      ? [
          ['One', 1],
          ['Two', 1],
        ]
      : [
          ['Two', 1],
          ['One', 1],
        ],
  );
  assert.deepEqual(startedBy, [
    { value: 'manual', count: 1 },
    { value: 'webhook', count: 1 },
  ]);
});

test('it is narrowed as the list is', async () => {
  const totals = async (more: string): Promise<unknown> => (await stats(more))['total'];
  assert.deepEqual(
    await Promise.all(
      ['&tag=nightly', '&tag=none', `&workflowId=${two}`, '&startedBy=webhook', '&startedBy=webhook:hook', '&label=team:a', '&test=true', '&test=all'].map(
        totals,
      ),
    ),
    [21, 0, 2, 2, 1, 23, 1, 24],
  );
  const listed = await api.expect(200, 'GET', `/api/v1/instances?since=${iso(START)}&until=${iso(START + 4 * HOUR)}&tag=nightly&limit=200`);
  assert.equal((listed['items'] as Row[]).length, 21);
});

test('a window ends after it begins; without one it is the last day', async () => {
  const reply = await api.call('GET', `/api/v1/instances/stats?from=${iso(START)}&to=${iso(START)}`);
  assert.equal(reply.status, 400);
  assert.match(reply.text, /a window ends after it begins/);
  const { from, to, total } = await api.expect(200, 'GET', '/api/v1/instances/stats');
  assert.deepEqual([Date.parse(String(to)) - Date.parse(String(from)), total], [24 * HOUR, 0]);
});

test('another org counts its own', async () => {
  const { total } = await app.people.stranger.client.expect(200, 'GET', `/api/v1/instances/stats?${WINDOW}`);
  assert.equal(total, 1);
});
