/** Workers of many processes at one queue: every job in one pair of hands, and never more at once than the queue has slots. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimJobs } from '../../store/job-claims.ts';
import { testDatabase } from '../database.ts';

const SLOTS = 5;
const JOBS = 60;
const WORKERS = 8;

test('racing workers claim each job once, and keep to the slots together', async () => {
  const db = await testDatabase();
  const admin = db.database.engine;
  try {
    await admin.query(`insert into orgs (id, name) values ('org_claims', 'Claims')`);
    await admin.query(`insert into queues (name, state, slots, max_pending, default_timeout_ms, seq) values ('race', 'running', $1, 1000, 1000, 1)`, [SLOTS]);
    await admin.query(
      `insert into jobs (id, org_id, queue, type, status, priority) select 'job_' || lpad(n::text, 4, '0'), 'org_claims', 'race', 'direct', 'queued', n % 3 from generate_series(1, $1) n`,
      [JOBS],
    );
    const claimed: string[] = [];
    const crowds: number[] = [];
    const work = async (workerId: string): Promise<void> => {
      const own = db.open();
      while (claimed.length < JOBS) {
        const jobs = await own.engine.transaction((sql) => claimJobs(sql, { queue: 'race', workerId, limit: SLOTS, nowMs: Date.now(), leaseMs: 30_000 }));
        claimed.push(...jobs.map(({ job }) => job.id));
        const { rows } = await own.engine.query<{ n: number }>(`select count(*)::int as n from jobs where queue = 'race' and status = 'running'`);
        crowds.push(rows[0]?.n ?? 0);
        await own.engine.query(`update jobs set status = 'completed' where id = any($1)`, [jobs.map(({ job }) => job.id)]);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, (_, index) => work(`wrk_${index}`)));
    assert.deepEqual([claimed.length, new Set(claimed).size], [JOBS, JOBS]);
    assert.ok(Math.max(...crowds) <= SLOTS, `${Math.max(...crowds)} ran at once in ${SLOTS} slots`);
  } finally {
    await db.close();
  }
});
