import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { createCipher } from '../identity/cipher.ts';
import { systemClock } from '../kernel/clock.ts';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import { importSqlite, type SqliteReport } from './sqlite-import.ts';

const folder = mkdtempSync(join(tmpdir(), 'studio-sqlite-'));
const path = join(folder, 'llmctl.sqlite3');
let db: TestDatabase;

before(async () => {
  db = await testDatabase();
  await db.database.engine.query(`insert into orgs (id, name) values ('org_1', 'Home')`);
  const source = new DatabaseSync(path);
  source.exec(`
    create table flowcharts (id integer primary key, name text, description text);
    insert into flowcharts values (1, 'Nightly report', 'what it does'), (2, 'Empty', null);
    create table flowchart_nodes (id integer primary key, flowchart_id int, node_type text, title text, x real, y real, config_json text);
    insert into flowchart_nodes values (1, 1, 'start', 'Start', 0, 0, null), (2, 1, 'task', 'Write it', 100, 0, '{"prompt":"write"}'), (3, 1, 'end', 'End', 200, 0, null);
    create table flowchart_edges (id integer primary key, flowchart_id int, source_node_id int, target_node_id int, edge_mode text);
    insert into flowchart_edges values (1, 1, 1, 2, 'solid'), (2, 1, 2, 3, 'solid'), (3, 1, 3, 1, 'solid'), (4, 1, 1, 3, 'dotted');
    create table scripts (id integer primary key, file_name text, content text);
    insert into scripts values (7, '../../etc/setup.sh', 'echo hello');
    create table attachments (id integer primary key, file_name text, content blob);
    insert into attachments values (1, 'a.bin', x'000102');
    create table integration_settings (id integer primary key, provider text, key text, value text);
    insert into integration_settings values (1, 'github', 'access_token', 'ghp_very_secret'), (2, 'github', 'owner', 'acme');
    create table memories (id integer primary key, body text, size int);
    insert into memories values (1, 'remember me', 9007199254740993);
    create view trap as select 1 as one;
    create trigger never after insert on memories begin select raise(abort, 'no'); end;
  `);
  source.close();
});
after(async () => {
  await db.close();
  rmSync(folder, { recursive: true });
});

const run = (options: { readonly path?: string; readonly isTruncating?: boolean; readonly isDryRun?: boolean } = {}): Promise<SqliteReport> =>
  importSqlite(
    { database: db.database, clock: systemClock, cipher: createCipher('k'.repeat(40)), filesPath: join(folder, 'files'), hashOf: () => 'h' },
    { path, org: undefined, isTruncating: false, isDryRun: false, ...options },
  );

async function stand(): Promise<unknown[]> {
  const { engine } = db.database;
  const workflows = await engine.query(`select id, name, tags from workflows order by id`);
  const files = await engine.query(`select path, sha256 from files order by path`);
  const secrets = await engine.query(`select name from secrets order by name`);
  return [workflows.rows, files.rows, secrets.rows];
}

test('a dry run tells what would come and changes nothing, here and there', async () => {
  const bytes = readFileSync(path);
  const report = await run({ isDryRun: true });
  assert.deepEqual(
    report.tables.map(({ table, found, imported }) => [table, found, imported]),
    [
      ['attachments', 1, 1],
      ['flowchart_edges', 4, 4],
      ['flowchart_nodes', 3, 3],
      ['flowcharts', 2, 1],
      ['integration_settings', 2, 2],
      ['memories', 1, 1],
      ['scripts', 1, 1],
    ],
  );
  assert.deepEqual(await stand(), [[], [], []]);
  assert.deepEqual(readFileSync(path), bytes);
});

test('flowcharts come as workflows, the rest as files, secrets as secrets; doing it again changes nothing', async () => {
  const report = await run();
  assert.match(report.notes.join(), /n3_end to n1_start went back.*n1_start to n3_end carried context only.*Empty has no nodes/s);
  const { rows } = await db.database.engine.query<{ definition: { nodes: { key: string; notes: string }[]; edges: unknown[] } }>(
    `select definition from workflow_versions`,
  );
  assert.deepEqual(rows[0]?.definition.edges, [
    { from: 'n1_start', to: 'n2_write_it' },
    { from: 'n2_write_it', to: 'n3_end' },
  ]);
  assert.match(rows[0]?.definition.nodes[1]?.notes ?? '', /"prompt":"write"/);
  const first = await stand();
  assert.deepEqual(
    (first[1] as { path: string }[]).map((file) => file.path),
    [
      'imported/attachments.jsonl',
      'imported/attachments/1-a.bin',
      'imported/integration_settings.jsonl',
      'imported/memories.jsonl',
      'imported/scripts.jsonl',
      'imported/scripts/7-setup.sh',
    ],
  );
  assert.deepEqual(first[2], [{ name: 'IMPORTED_INTEGRATION_SETTINGS_GITHUB_ACCESS_TOKEN' }]);
  for (const { sha256 } of first[1] as { sha256: string }[]) {
    const text = readFileSync(join(folder, 'files', 'org_1', sha256.slice(0, 2), sha256), 'latin1');
    assert.ok(!text.includes('ghp_very_secret'));
    if (text.includes('remember')) assert.ok(text.includes('"9007199254740993"'));
  }
  assert.match((await run()).notes.join(), /1 workflows were here from an import before/);
  assert.deepEqual(await stand(), first);
  await run({ isTruncating: true });
  assert.deepEqual(await stand(), first);
});

test('a foreign, damaged or other file is refused, and nothing comes of it', async () => {
  const before = await stand();
  const foreign = join(folder, 'foreign.db');
  const other = new DatabaseSync(foreign);
  other.exec('create table songs (id int)');
  other.close();
  await assert.rejects(run({ path: foreign }), /no studio's: it has songs/);
  const text = join(folder, 'text.db');
  writeFileSync(text, 'not a database at all, but long enough');
  await assert.rejects(run({ path: text }), /is no SQLite database/);
  const damaged = join(folder, 'damaged.db');
  const bytes = readFileSync(path);
  bytes.fill(0xff, 4_096, 12_288);
  writeFileSync(damaged, bytes);
  await assert.rejects(run({ path: damaged }), /can't be read: /);
  assert.deepEqual(await stand(), before);
});
