import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { systemClock } from '../kernel/clock.ts';
import { derivedId } from '../kernel/ids.ts';
import { testDatabase } from '../test/database.ts';
import { dumpSchema as dump } from '../test/schema-dump.ts';
import { migrate, migrationStatus, requireMigrated } from './migrate.ts';
import { planMigration } from './migrate-plan.ts';
import { listMigrations, type Migration } from './migrations.ts';

const two: readonly Migration[] = [
  { version: 1, name: 'create_a', up: 'create table a (id int primary key);', down: 'drop table a;', checksum: 'aaaa' },
  { version: 2, name: 'create_b', up: 'create table b (id int primary key); insert into b values (1);', down: 'drop table b;', checksum: 'bbbb' },
];

test('an empty database goes up, down to nothing and up again to the same schema', async () => {
  const db = await testDatabase({ empty: true });
  const { owner } = db.roles;
  const newest = listMigrations().length;
  assert.equal((await migrationStatus({ owner })).pending.length, newest);
  assert.equal((await migrate({ owner })).version, newest);
  const first = await dump(db.roles.owner);
  assert.ok(first.includes('table_name') === false && first.split('\n').length > 200);
  assert.deepEqual((await migrate({ owner })).ran, []);
  await migrate({ owner, target: 0 });
  assert.equal(await dump(db.roles.owner), '');
  await migrate({ owner });
  assert.equal(await dump(db.roles.owner), first);
  await db.close();
});

test('every table of an org is behind forced row-level security', async () => {
  const db = await testDatabase();
  const { rows } = await db.database.engine.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
     where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace and not (c.relrowsecurity and c.relforcerowsecurity)`,
  );
  assert.deepEqual(rows, []);
  // A partition is under its parent's policies when the parent is asked; asked by its own name it is nobody's.
  const { rows: open } = await db.database.engine.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relispartition and c.relkind = 'r'
     and (has_table_privilege('studio_engine', c.oid, 'select, insert, update, delete, truncate') or has_table_privilege('studio_api', c.oid, 'select'))`,
  );
  assert.deepEqual(open, []);
  await db.close();
});

test('a target version is reached from above and below; one that does not exist is refused', async () => {
  const db = await testDatabase({ empty: true });
  const options = { owner: db.roles.owner, migrations: two };
  assert.deepEqual((await migrate({ ...options, target: 1 })).ran, ['up 0001_create_a']);
  assert.deepEqual((await migrate(options)).ran, ['up 0002_create_b']);
  assert.deepEqual((await migrate({ ...options, target: 0 })).ran, ['down 0002_create_b', 'down 0001_create_a']);
  for (const target of [-1, 3, 0.5]) await assert.rejects(migrate({ ...options, target }), /this Studio knows 0 to 2/);
  await db.close();
});

test('a database newer than the binary is refused and left as it is, also by the check and the rollback', async () => {
  const db = await testDatabase({ empty: true });
  await migrate({ owner: db.roles.owner, migrations: two });
  const old = { owner: db.roles.owner, migrations: two.slice(0, 1) };
  await assert.rejects(migrate(old), /schema version 2 \(create_b\), this Studio knows 1/);
  await assert.rejects(migrate({ ...old, target: 0 }), /this Studio knows 1/);
  await assert.rejects(requireMigrated(old), /this Studio knows 1/);
  assert.match(await dump(db.roles.owner), /column b\.id/);
  await db.close();
});

test('a migration whose text changed after it was applied is refused', async () => {
  const db = await testDatabase({ empty: true });
  await migrate({ owner: db.roles.owner, migrations: two });
  const changed = two.map((one) => ({ ...one, checksum: `${one.checksum}x` }));
  await assert.rejects(migrate({ owner: db.roles.owner, migrations: changed }), /0001_create_a was applied with another text/);
  await db.close();
});

test('the check names what is pending and changes nothing', async () => {
  const db = await testDatabase({ empty: true });
  const options = { owner: db.roles.owner, migrations: two };
  await assert.rejects(requireMigrated(options), /lacks 2 migration\(s\): 0001_create_a, 0002_create_b/);
  assert.equal(await dump(db.roles.owner), '');
  await migrate(options);
  assert.equal((await requireMigrated(options)).version, 2);
  await db.close();
});

test('a migration that fails half-way leaves nothing of itself, and those before it stand', async () => {
  const db = await testDatabase({ empty: true });
  const broken: Migration = { version: 3, name: 'break_it', up: 'create table c (id int); select 1 / 0;', down: '', checksum: 'cccc' };
  await assert.rejects(migrate({ owner: db.roles.owner, migrations: [...two, broken] }), /0003_break_it failed and was rolled back: division by zero/);
  assert.equal((await migrationStatus({ owner: db.roles.owner, migrations: two })).version, 2);
  assert.doesNotMatch(await dump(db.roles.owner), /column c\./);
  await db.close();
});

test('two processes that migrate at once apply each migration once', async () => {
  const db = await testDatabase({ empty: true });
  const runs = await Promise.all([1, 2, 3].map(() => migrate({ owner: db.roles.owner, migrations: two })));
  assert.deepEqual(runs.flatMap((run) => run.ran).toSorted(), ['up 0001_create_a', 'up 0002_create_b']);
  await db.close();
});

test('run data of an older Studio becomes the first period whole, and a roll back brings it back as it was', async () => {
  const db = await testDatabase({ empty: true });
  const { owner } = db.roles;
  await migrate({ owner, target: 3 });
  const before = await dump(owner);
  const { engine } = db.database;
  await engine.query(`insert into orgs (id, name) values ('org_1', 'o')`);
  await engine.query(`insert into workflows (id, org_id, name, version) values ('wf_1', 'org_1', 'w', 1)`);
  await engine.query(
    `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_1', 1, 'org_1', '{}', '', 0)`,
  );
  // Years old, of now, made by a clock that was far ahead, and one whose id holds no time.
  const ids = [Date.UTC(2024, 1, 1), systemClock.now(), Date.UTC(2100, 0, 1)].map((at) => derivedId('inst', at, 'x'));
  for (const id of [...ids, 'inst_odd'].toSorted()) {
    await engine.query(
      `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq) values ($1, 'org_1', 'wf_1', 1, 'completed', '{"a":1}', 50, 'x', 1)`,
      [id],
    );
    await engine.query(`insert into steps (instance_id, path, generation, org_id, status, attempt, seq) values ($1, 'a', 1, 'org_1', 'completed', 1, 2)`, [id]);
    await engine.query(`insert into step_attempts (instance_id, path, generation, attempt, org_id, status) values ($1, 'a', 1, 1, 'org_1', 'failed')`, [id]);
    await engine.query(`insert into step_logs (instance_id, path, generation, attempt, org_id, line) values ($1, 'a', 1, 1, 'org_1', $1)`, [id]);
    await engine.query(`insert into step_items (instance_id, path, generation, chunk, org_id, items) values ($1, 'a', 1, 0, 'org_1', '[]')`, [id]);
  }
  const data = async (): Promise<unknown[]> =>
    Promise.all(
      ['instances', 'steps', 'step_attempts', 'step_logs', 'step_items'].map(async (table) => {
        const { rows } = await engine.query(`select to_jsonb(t) as row from ${table} t order by to_jsonb(t)::text`);
        return rows;
      }),
    );
  const rows = await data();
  await migrate({ owner, target: 4 });
  assert.deepEqual(await data(), rows);
  const { rows: places } = await engine.query<{ place: string }>(`select tableoid::regclass::text as place from steps order by instance_id`);
  assert.deepEqual(
    places.map(({ place }) => place),
    ['steps_20240129', 'steps_20240129', 'steps_after', 'steps_after'],
  );
  const { rows: log } = await engine.query<{ id: number }>(
    `insert into step_logs (instance_id, path, generation, attempt, org_id, line) values ('inst_odd', 'a', 1, 1, 'org_1', 'x') returning id`,
  );
  assert.ok((log[0]?.id ?? 0) > 4);
  await engine.query(`delete from step_logs where line = 'x'`);
  await migrate({ owner, target: 3 });
  assert.deepEqual(await data(), rows);
  assert.equal(await dump(owner), before);
  await db.close();
});

test('a plan of the way down names every row and value that would go, and changes nothing', async () => {
  const db = await testDatabase({ empty: true });
  const migrations: readonly Migration[] = [
    ...two,
    {
      version: 3,
      name: 'widen_b',
      up: `alter table b add column name text, add column size int not null default 0;`,
      down: 'alter table b drop column name, drop column size;',
      checksum: 'cccc',
    },
    { version: 4, name: 'thin_b', up: 'select 1;', down: 'delete from b where id > 7;', checksum: 'dddd' },
  ];
  const options = { owner: db.roles.owner, migrations };
  assert.deepEqual(await planMigration({ ...options, target: 2 }), { from: 0, to: 2, steps: ['up 0001_create_a', 'up 0002_create_b'], losses: [] });
  await migrate(options);
  assert.deepEqual((await planMigration({ ...options, target: 2 })).losses, []);
  const client = await ownerOf(db.roles.owner);
  await client.query(`alter table b enable row level security; alter table b force row level security`);
  await client.query(`create policy all_rows on b using (true)`);
  await client.query(`insert into b (id, name, size) values (2, 'two', 0), (3, null, 5), (8, 'eight', 8)`);
  await client.query(`drop policy all_rows on b`);
  await client.end();
  const before = await dump(db.roles.owner);
  assert.deepEqual(await planMigration({ ...options, target: 1 }), {
    from: 4,
    to: 1,
    steps: ['down 0004_thin_b', 'down 0003_widen_b', 'down 0002_create_b'],
    losses: [{ table: 'b', column: null, rows: 4 }],
  });
  assert.deepEqual((await planMigration({ ...options, target: 2 })).losses, [
    { table: 'b', column: null, rows: 1 },
    { table: 'b', column: 'name', rows: 2 },
    { table: 'b', column: 'size', rows: 2 },
  ]);
  assert.equal(await dump(db.roles.owner), before);
  await db.close();
});

test('a table that another connection keeps is waited for, and named when the time is over; nothing is half done', async () => {
  const db = await testDatabase({ empty: true });
  const options = { owner: { ...db.roles.owner, application_name: 'migrator' }, migrations: two };
  await migrate({ ...options, target: 1 });
  const holder = await ownerOf({ ...db.roles.owner, application_name: 'a report' });
  await holder.query('begin; lock table a in access exclusive mode');
  const touching: Migration = {
    version: 2,
    name: 'touch_a',
    up: 'create table c (id int); alter table a add column x int;',
    down: 'drop table c;',
    checksum: 'eeee',
  };
  const wanted = { ...options, migrations: [...two.slice(0, 1), touching] };
  await assert.rejects(
    migrate({ ...wanted, lockTimeoutMs: 50 }),
    /0002_touch_a needs tables that other connections kept for 50 ms.*a report, idle in transaction/,
  );
  const patient = migrate(wanted);
  await holder.query('rollback');
  assert.deepEqual((await patient).ran, ['up 0002_touch_a']);
  await holder.end();
  await db.close();
});

test('who comes while another migrates is told so', async () => {
  const db = await testDatabase({ empty: true });
  const holder = await ownerOf(db.roles.owner);
  await holder.query('select pg_advisory_lock($1)', [0x57_75_64_02]);
  await assert.rejects(migrate({ owner: db.roles.owner, migrations: two, lockTimeoutMs: 50 }), /Another process has been migrating this database for 50 ms/);
  await holder.end();
  await db.close();
});

async function ownerOf(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  await client.connect();
  return client;
}
