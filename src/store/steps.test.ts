import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import { listSteps, type StepQuery } from './steps.ts';

let db: TestDatabase;
const instanceId = newId('inst', systemClock);
before(async () => {
  db = await testDatabase();
  const { engine } = db.database;
  await engine.query(`insert into orgs (id, name) values ('org_1', 'Test')`);
  const insert = `insert into steps (instance_id, org_id, path, generation, status, attempt, seq) select $1, 'org_1', `;
  // 400 items with a step each; those of the first 300 were run again after everything else.
  await engine.query(`${insert} 'each[' || n || ']', 1, 'completed', 1, 2 * n + 2 from generate_series(0, 399) n`, [instanceId]);
  await engine.query(`${insert} 'each[' || n || ']/work', 1, 'failed', 1, 2 * n + 1 from generate_series(0, 399) n`, [instanceId]);
  await engine.query(`${insert} 'each[' || n || ']/work', 2, 'completed', 1, 1000 + n from generate_series(0, 299) n`, [instanceId]);
  await engine.query(`${insert} 'each', 1, 'running', 1, 2000`, [instanceId]);
});
after(() => db.close());

/** All pages. */
async function list(query: Partial<StepQuery>): Promise<readonly string[]> {
  const found: string[] = [];
  for (let last = 0; ;) {
    const page = await listSteps(db.database.engine, { orgId: 'org_1', instanceId, after: last, limit: 70, ...query });
    found.push(...page.map((step) => `${step.path} ${step.generation} ${step.status}`));
    if (page.length < 70) return found;
    last = page.at(-1)?.seq ?? 0;
  }
}

const numbers = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, index) => from + index);
const items = numbers(0, 300).map((n) => `each[${n}] 1 completed`);
const others = numbers(300, 400).flatMap((n) => [`each[${n}]/work 1 failed`, `each[${n}] 1 completed`]);
const again = numbers(0, 300).map((n) => `each[${n}]/work 2 completed`);

test('pages hold the newest row of each step, in the order of their last change, however many older ones lie between', async () => {
  assert.deepEqual(await list({}), [...items, ...others, ...again, 'each 1 running']);
});

test('pages of the items of a map, of one of them, of a status and of one path are in the same order', async () => {
  assert.deepEqual(
    await list({ under: 'each' }),
    numbers(0, 400).map((n) => `each[${n}] 1 completed`),
  );
  assert.deepEqual(await list({ under: 'each[7]' }), ['each[7]/work 2 completed']);
  assert.deepEqual(await list({ under: '/' }), ['each 1 running']);
  assert.deepEqual(
    await list({ statuses: ['failed'] }),
    others.filter((line) => line.endsWith('failed')),
  );
  assert.deepEqual(await list({ path: 'each[7]/work' }), ['each[7]/work 1 failed', 'each[7]/work 2 completed']);
});
