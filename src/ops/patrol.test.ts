/** What a disk has changed is found although nobody reads it, and health says so until it is whole again. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { createContentStore } from '../files/content.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { flipBit } from '../test/flip-bit.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { until } from '../test/until.ts';
import { createPatrol } from './patrol.ts';

const clock = fakeClock(Date.now());
const faults = new Map<string, string | null>();
let db: TestDatabase;
let admin: pg.Client;
let root: string;

before(async () => {
  // Its pages are damaged: a server of its own.
  db = await testDatabase({ hasOwnServer: true });
  admin = new pg.Client(db.adminUrl);
  await admin.connect();
  root = await mkdtemp(join(tmpdir(), 'studio-patrol-'));
});
after(async () => {
  await admin.end();
  await db.close();
  await rm(root, { recursive: true, force: true });
});

test('a week passes: damaged content and damaged pages are told, and no more once they are whole', async () => {
  const content = createContentStore(root);
  const put = async (text: string): Promise<string> => {
    const staged = await content.stage(once(text), { maxBytes: 1_000 });
    await content.place('org_1', staged);
    return staged.sha256;
  };
  const sha256 = await put('what somebody stored');
  await put('something else');
  const board = { report: (part: string, fault: string | null) => void faults.set(part, fault) };
  const patrol = createPatrol({ clock, log: silentLog, board, content, sql: db.database.engine, replication: db.roles.replication });
  const told = async (part: string, pattern: RegExp | null): Promise<void> => {
    await until(
      () => `${part} to say ${String(pattern)}, not ${String(faults.get(part))}`,
      () => {
        const fault = faults.get(part);
        return pattern === null ? fault === null : typeof fault === 'string' && pattern.test(fault);
      },
    );
  };
  /** The next look and the next round are waited for. */
  const rests = async (): Promise<void> => void (await until('the patrol to rest', () => clock.pending === 2));
  patrol.start();
  await told('files', null);
  await told('database pages', null);
  await rests();

  flipBit(join(root, 'org_1', sha256.slice(0, 2), sha256), 5);
  const page = await pageOf('workflows');
  await clock.advance(60_000);
  await told('files', /^One stored content is damaged/);
  await rests();
  assert.equal(faults.get('database pages'), null, 'the pages were read through and are well');

  flipBit(page, 5_000);
  await clock.advance(7 * 86_400_000);
  await told('database pages', /fail their checksums \(met 20/);
  await rests();

  flipBit(page, 5_000);
  await put('what somebody stored');
  await clock.advance(60_000);
  await told('files', null);
  await rests();
  await clock.advance(7 * 86_400_000);
  await told('database pages', null);
  await patrol.stop();
  assert.equal(clock.pending, 0);
});

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

/** The file of a table that has a page, written. */
async function pageOf(table: string): Promise<string> {
  await admin.query(`insert into orgs (id, name) values ('org_1', 'One')`);
  await admin.query(`insert into ${table} (id, org_id, name, version) values ('wf_1', 'org_1', 'One', 1)`);
  await admin.query('checkpoint');
  const { rows } = await admin.query<{ path: string }>(`select current_setting('data_directory') || '/' || pg_relation_filepath($1) as path`, [table]);
  return rows[0]?.path ?? assert.fail('no file');
}
