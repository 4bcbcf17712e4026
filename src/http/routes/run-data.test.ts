import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
before(async () => {
  app = await startApp({ env: { RUN_DATA_BUDGET_BYTES: '1000', RUN_RETENTION_DAYS: '10' } });
});
after(() => app.close());

test('a sweep answers with its report; the periods, the alarm, health and metrics tell of it', async () => {
  const { client } = app.people.superAdmin;
  const workflow = await client.expect(201, 'POST', '/api/v1/workflows', { name: 'w', nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  const { id } = await client.expect(200, 'POST', `/api/v1/workflows/${String(workflow['id'])}/instances?wait=30`, {});
  const report = await client.expect(200, 'POST', '/api/v1/run-data/sweep');
  assert.equal((report['made'] as unknown[]).length, 2);
  assert.equal(report['isComplete'], true);
  const data = await client.expect(200, 'GET', '/api/v1/run-data');
  assert.deepEqual([data['budgetBytes'], data['overBudget'], data['retentionDays'], data['periodDays']], [1_000, 'alarm', 10, 7]);
  const periods = data['periods'] as Record<string, unknown>[];
  assert.deepEqual(
    periods.map((period) => period['instances']),
    [0, 1, 0, 0, 0],
  );
  assert.deepEqual([periods[0]?.['name'], periods.at(-1)?.['name']], ['before', 'after']);
  assert.ok(String(periods[1]?.['dueAt']) > String(periods[1]?.['to']));
  assert.match(String(data['fault']), /over the budget of 1000/);
  const health = await client.expect(200, 'GET', '/api/v1/infrastructure/health');
  assert.equal(health['status'], 'degraded');
  assert.ok((health['reasons'] as string[]).some((reason) => reason.startsWith('run data: ')));
  const database = await client.expect(200, 'GET', '/api/v1/infrastructure/health/database');
  assert.equal((database['runData'] as Record<string, unknown>)['partitions'], 5);
  const metrics = await client.call('GET', '/metrics');
  assert.match(metrics.text, /^studio_run_data_bytes [1-9]/m);
  assert.match(metrics.text, /^studio_run_data_budget_bytes 1000$/m);
  assert.equal((await client.expect(200, 'GET', `/api/v1/instances/${String(id)}`))['status'], 'completed');
});
