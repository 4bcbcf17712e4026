import { deepEqual, rejects } from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { testDatabase } from '../test/database.ts';
import { listMissingTables, requireCoreTables } from './core-tables.ts';

const store = await testDatabase();
after(() => store.close());

test('a table that somebody took away is missed by name, whatever the schema says of itself', async () => {
  const owner = store.roles.owner as pg.ClientConfig;
  deepEqual(await listMissingTables(owner), []);
  await requireCoreTables(owner);
  const client = new pg.Client(owner);
  await client.connect();
  await client.query('alter table audit rename to audit_away');
  await client.end();
  deepEqual(await listMissingTables(owner), ['audit']);
  await rejects(requireCoreTables(owner), /lacks the table audit, although its schema is up to date/);
});
