/** Lists of instances: whatever is looked for and however little time there is, page by page nothing is left out, and nothing comes twice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { systemClock } from '../kernel/clock.ts';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import { searchInstances, type InstanceSearch } from './instance-search.ts';

let db: TestDatabase;
let admin: pg.Client;
const COUNT = 600;
const START = Date.parse('2026-03-01T00:00:00.000Z');

before(async () => {
  db = await testDatabase();
  admin = new pg.Client({ connectionString: db.adminUrl });
  await admin.connect();
  await admin.query(`insert into orgs (id, name) values ('org_1', 'One'), ('org_2', 'Two')`);
  await admin.query(
    `insert into workflows (id, org_id, name, version, tags) values ('wf_1', 'org_1', 'Nightly report', 1, '{daily}'), ('wf_2', 'org_1', 'Import', 1, '{}'), ('wf_3', 'org_2', 'Nightly report', 1, '{}')`,
  );
  // Every third is an import, every fiftieth failed, every seventieth waits; each takes as many seconds as its number; those of the other org lie between.
  await admin.query(
    `insert into instances (id, org_id, workflow_id, version, status, input, error, waiting, labels, priority, started_by, seq, created_at, started_at, ended_at, is_test, rerun_of, parent_id)
     select run_id(at) || lpad(n::text, 16, '0'), case when n % 11 = 0 then 'org_2' else 'org_1' end,
       case when n % 11 = 0 then 'wf_3' when n % 3 = 0 then 'wf_2' else 'wf_1' end, 1,
       case when n % 50 = 0 then 'failed' when n % 70 = 0 then 'waiting' else 'completed' end, 'null',
       case when n % 50 = 0 then '{"code":"exit_code","message":"The disk of Ada is full"}'::jsonb end,
       case when n % 50 > 0 and n % 70 = 0 then '{"kind":"approval","message":"Waits for Grace"}'::jsonb end,
       case when n % 40 = 0 then '{"customer":"Acme 100%","env":"prod"}' when n % 2 = 1 then '{"parity":"odd"}' else '{}' end::jsonb, 50,
       case when n % 90 = 1 then 'cron:daily' else 'manual' end, 1, at, at, case when n % 70 = 0 and n % 50 > 0 then null else at + n * interval '1 second' end, n % 100 = 7,
       case when n = 20 then run_id(at - interval '10 minutes') || lpad('10', 16, '0') end, case when n = 21 then run_id(at - interval '11 minutes') || lpad('10', 16, '0') end
     from (select n, $1::timestamptz + n * interval '1 minute' as at from generate_series(1, ${COUNT}) n) x`,
    [new Date(START).toISOString()],
  );
});
after(async () => {
  await admin.end();
  await db.close();
});

/** All pages, each with no time at all: a stretch of 25 rows a page. */
async function pages(search: Partial<InstanceSearch>): Promise<{ readonly numbers: number[]; readonly searched: Date[] }> {
  const numbers: number[] = [];
  const searched: Date[] = [];
  let next: string | null = null;
  do {
    // Serial: each page begins where the one before ended.
    const page: Awaited<ReturnType<typeof searchInstances>> = await searchInstances(
      db.database.org('org_1'),
      { orgId: 'org_1', limit: 5, budgetMs: 0, stretch: 25, ...search, ...(next === null ? {} : { after: next }) },
      systemClock,
    );
    numbers.push(...page.items.map(({ id }) => Number(id.slice(-16))));
    if (page.searchedTo !== undefined) searched.push(page.searchedTo);
    ({ next } = page);
  } while (next !== null);
  return { numbers, searched };
}

const own = Array.from({ length: COUNT }, (_, index) => COUNT - index).filter((n) => n % 11 !== 0);
const isWaiting = (n: number): boolean => n % 70 === 0 && n % 50 > 0;
const at = (n: number): string => new Date(START + n * 60_000).toISOString();
const asOf = new Date(START + COUNT * 60_000);
const full = (n: number): string => `${idAt(n)}${String(n).padStart(16, '0')}`;

function idAt(n: number): string {
  let text = '';
  for (let left = START + n * 60_000, place = 0; place < 10; place++, left = Math.floor(left / 32))
    text = '0123456789abcdefghjkmnpqrstvwxyz'.charAt(left % 32) + text;
  return `inst_${text}`;
}

const cases: readonly { readonly title: string; readonly search: Partial<InstanceSearch>; readonly expected: (n: number) => boolean }[] = [
  { title: 'everything', search: {}, expected: () => true },
  { title: 'failed ones', search: { statuses: ['failed', 'cancelled'] }, expected: (n) => n % 50 === 0 },
  { title: 'open ones', search: { statuses: ['waiting', 'running'] }, expected: isWaiting },
  { title: 'statuses of both kinds', search: { statuses: ['failed', 'waiting'] }, expected: (n) => n % 50 === 0 || n % 70 === 0 },
  { title: 'failed ones of a workflow', search: { statuses: ['failed'], workflowId: 'wf_2' }, expected: (n) => n % 50 === 0 && n % 3 === 0 },
  { title: 'a tag', search: { tag: 'daily' }, expected: (n) => n % 3 !== 0 },
  { title: 'a label', search: { labels: [{ key: 'env', value: 'prod' }] }, expected: (n) => n % 40 === 0 },
  {
    title: 'two labels',
    search: {
      labels: [
        { key: 'customer', value: 'Acme 100%' },
        { key: 'env', value: 'prod' },
      ],
    },
    expected: (n) => n % 40 === 0,
  },
  { title: 'a label that many have', search: { labels: [{ key: 'parity', value: 'odd' }] }, expected: (n) => n % 2 === 1 },
  { title: 'a label and a status', search: { labels: [{ key: 'env', value: 'prod' }], statuses: ['failed'] }, expected: (n) => n % 200 === 0 },
  {
    title: 'a label in a part of time',
    search: { labels: [{ key: 'env', value: 'prod' }], since: at(100), until: at(300) },
    expected: (n) => n % 40 === 0 && n >= 100 && n < 300,
  },
  { title: 'a label that only another has', search: { labels: [{ key: 'env', value: 'gone' }] }, expected: () => false },
  {
    title: 'two values of one label',
    search: {
      labels: [
        { key: 'env', value: 'test' },
        { key: 'env', value: 'prod' },
      ],
    },
    expected: () => false,
  },
  { title: 'a kind of trigger', search: { startedBy: 'cron' }, expected: (n) => n % 90 === 1 },
  { title: 'a trigger', search: { startedBy: 'cron:daily' }, expected: (n) => n % 90 === 1 },
  { title: 'test runs', search: { test: true }, expected: (n) => n % 100 === 7 },
  { title: 'a part of time', search: { since: at(200), until: at(230) }, expected: (n) => n >= 200 && n < 230 },
  {
    title: 'long ones',
    search: { duration: { minMs: 590_000, maxMs: undefined, asOf } },
    expected: (n) => (isWaiting(n) ? (COUNT - n) * 60 >= 590 : n >= 590),
  },
  { title: 'short ones', search: { duration: { minMs: 3_000, maxMs: 6_000, asOf } }, expected: (n) => n >= 3 && n < 6 },
  { title: 'the name of a workflow', search: { words: ['NIGHTLY'] }, expected: (n) => n % 3 !== 0 },
  { title: 'words of an error', search: { words: ['ada', 'disk of'] }, expected: (n) => n % 50 === 0 },
  { title: 'a word of a wait', search: { words: ['grace'] }, expected: isWaiting },
  { title: 'a word of a label', search: { words: ['acme 100%'] }, expected: (n) => n % 40 === 0 },
  { title: 'signs that mean something in patterns', search: { words: ['c_s%'] }, expected: () => false },
  { title: 'a word of nothing', search: { words: ['nowhere'] }, expected: () => false },
  { title: 'the beginning of an id', search: { words: [full(300).slice(0, 15)] }, expected: (n) => idAt(n) === idAt(300) },
  { title: 'an id: itself, its reruns, those it called', search: { words: [full(10).toUpperCase()] }, expected: (n) => [10, 20, 21].includes(n) },
  { title: 'several named ids', search: { ids: [full(5), full(7), full(11)] }, expected: (n) => n === 5 || n === 7 },
];

for (const { title, search, expected } of cases)
  test(`page by page nothing is left out and nothing comes twice: ${title}`, async () => {
    const { numbers } = await pages(search);
    assert.deepEqual(numbers, own.filter(expected));
    const { items, next } = await searchInstances(db.database.org('org_1'), { orgId: 'org_1', limit: 1_000, ...search }, systemClock);
    assert.deepEqual([items.map(({ id }) => Number(id.slice(-16))), next], [own.filter(expected), null]);
  });

test('a search that has no time left says how far back it went', async () => {
  const page = await searchInstances(db.database.org('org_1'), { orgId: 'org_1', words: ['nowhere'], limit: 5, budgetMs: 0, stretch: 100 }, systemClock);
  const last = own[99] ?? 0;
  assert.deepEqual([page.items, page.next, page.searchedTo?.toISOString()], [[], full(last), at(last)]);
});
