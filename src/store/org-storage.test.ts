import { deepEqual, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../test/database.ts';
import { listOrgTables, readOrgShares } from './org-storage.ts';

let store: Awaited<ReturnType<typeof testDatabase>>;
before(async () => {
  store = await testDatabase();
});
after(() => store.close());

test('every table of orgs is found, partitioned ones with what their periods take, and each can be read whole and by a sample', async () => {
  const { engine } = store.database;
  const tables = await listOrgTables(engine);
  const names = tables.map(({ name }) => name);
  for (const name of ['workflows', 'files', 'jobs', 'secrets', 'credentials']) ok(names.includes(name), name);
  deepEqual(
    tables
      .filter(({ isPartitioned }) => isPartitioned)
      .map(({ name }) => name)
      .toSorted(),
    ['instances', 'step_attempts', 'step_items', 'step_logs', 'steps'],
  );
  ok(tables.every(({ bytes, isPartitioned }) => bytes > 0 || !isPartitioned));
  for (const { name } of tables)
    deepEqual([await readOrgShares(engine, { name, percent: 100 }), await readOrgShares(engine, { name, percent: 0.5 })], [[], []], name);
});
