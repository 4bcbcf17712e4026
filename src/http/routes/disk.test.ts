import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { OrgStorage } from '../../contract/disk.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
before(async () => {
  app = await startApp();
  const { orgId, client } = app.people.superAdmin;
  await client.call('PUT', '/api/v1/files/kept.txt', { body: 'kept' });
  // Ended jobs of 100 days ago and of today, each with an artifact; the older one's bytes stand on disk.
  for (const [id, ago] of [
    ['job_old', 100],
    ['job_new', 0],
  ] as const) {
    await app.admin.query(
      `insert into jobs (id, org_id, queue, type, status, priority, ended_at) values ($1, $2, 'studio', 'command', 'completed', 50, now() - make_interval(days => $3))`,
      [id, orgId, ago],
    );
    await app.admin.query(
      `insert into artifacts (id, org_id, name, bytes, sha256, media_type, job_id, created_at)
       select $1, $2, 'a', 4, case when $3::int = 0 then repeat('0', 64) else sha256 end, 'text/plain', $4, now() - make_interval(days => $3) from files where path = 'kept.txt'`,
      [`art_${id}`, orgId, ago, id],
    );
  }
});
after(() => app.close());

test('the disk is told by class, with what is due of each', async () => {
  const disk = await app.people.superAdmin.client.expect(200, 'GET', '/api/v1/system/disk');
  const classes = disk['classes'] as { class: string; rows: number; days: number | null; due: { rows: number } }[];
  const jobs = classes.find((one) => one.class === 'jobs');
  assert.deepEqual([jobs?.rows, jobs?.days, jobs?.due.rows], [2, 90, 1]);
  assert.deepEqual(
    classes.map((one) => one.class),
    ['jobs', 'artifacts', 'audit', 'notifications', 'deliveries', 'downloads'],
  );
  assert.ok(Number(disk['totalBytes']) > Number(disk['freeBytes']));
  assert.ok((disk['folders'] as { name: string }[]).some(({ name }) => name === 'files'));
});

test('a preview says what would go and deletes nothing; a time that Studio never keeps is refused', async () => {
  const { client } = app.people.superAdmin;
  assert.deepEqual(await client.expect(200, 'POST', '/api/v1/system/disk/clean', { class: 'artifacts', days: 30, dryRun: true }), {
    class: 'artifacts',
    isDryRun: true,
    of: 2,
    rows: 1,
    bytes: 4,
    isComplete: true,
  });
  assert.match((await client.call('PUT', '/api/v1/system/disk/retention', { body: { audit: 3_000 } })).text, /396 days at most/);
  assert.match((await client.call('PUT', '/api/v1/system/disk/retention', { body: { audit: null } })).text, /for ever/);
  await app.people.admin.client.expect(403, 'GET', '/api/v1/system/disk');
});

test('a clean-up deletes what is due, tells the audit trail, and leaves bytes that a file still points at', async () => {
  const { client, orgId } = app.people.superAdmin;
  assert.equal((await client.expect(200, 'PUT', '/api/v1/system/disk/retention', { artifacts: 30 }))['artifacts'], 30);
  const cleaned = await client.expect(200, 'POST', '/api/v1/system/disk/clean', { class: 'artifacts' });
  assert.deepEqual([cleaned['of'], cleaned['rows'], cleaned['bytes'], cleaned['isComplete']], [2, 1, 4, true]);
  const { rows: left } = await app.admin.query(`select id from artifacts order by id`);
  assert.deepEqual(left, [{ id: 'art_job_new' }]);
  const {
    rows: [file],
  } = await app.admin.query<{ sha256: string }>(`select sha256 from files`);
  assert.ok(existsSync(join(app.workspace, 'files', orgId, file?.sha256.slice(0, 2) ?? '', file?.sha256 ?? '')));
  assert.equal((await client.expect(200, 'POST', '/api/v1/system/disk/clean', { class: 'jobs' }))['rows'], 1);
  const { rows: told } = await app.admin.query(`select target, details ->> 'rows' as rows from audit where action = 'retention.swept' order by at`);
  assert.deepEqual(told, [
    { target: 'artifacts', rows: '1' },
    { target: 'jobs', rows: '1' },
  ]);
});

test('what each org takes is told by class, and an org administrator sees their own', async () => {
  const { superAdmin, admin, stranger } = app.people;
  mkdirSync(join(app.workspace, 'jobs/job_new'), { recursive: true });
  writeFileSync(join(app.workspace, 'jobs/job_new/log'), 'x'.repeat(1_000));
  mkdirSync(join(app.workspace, 'jobs/job_of_nobody'));
  writeFileSync(join(app.workspace, 'jobs/job_of_nobody/log'), 'x'.repeat(5_000));
  const list = await superAdmin.client.expect(200, 'GET', '/api/v1/system/disk/orgs');
  const items = list['items'] as OrgStorage[];
  const own = items.find(({ org }) => org.id === superAdmin.orgId);
  const jobs = await app.admin.query<{ count: number }>(`select count(*)::int as count from jobs where org_id = $1`, [superAdmin.orgId]);
  assert.ok((jobs.rows[0]?.count ?? 0) > 0);
  assert.deepEqual(own?.files, { count: 1, bytes: 4 });
  assert.deepEqual(own?.jobs, { count: 1, bytes: 1_000 });
  assert.ok((own?.database.count ?? 0) > 3 && (own?.database.bytes ?? 0) > 0);
  assert.ok(own !== undefined && own.totalBytes >= own.database.bytes + 1_000);
  const total = await app.admin.query<{ bytes: number }>(`select pg_database_size(current_database())::float8 as bytes`);
  assert.ok(items.reduce((sum, one) => sum + one.database.bytes, 0) < (total.rows[0]?.bytes ?? 0));

  assert.equal((await admin.client.call('GET', '/api/v1/system/disk/orgs')).status, 403);
  assert.equal((await app.people.user.client.call('GET', '/api/v1/orgs/current/storage')).status, 403);
  const mine = await admin.client.expect(200, 'GET', '/api/v1/orgs/current/storage');
  assert.equal((mine['org'] as { id: string }).id, admin.orgId);
  assert.equal(JSON.stringify(mine).includes(stranger.orgId), false);
});
