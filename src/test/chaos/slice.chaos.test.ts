import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runCampaign } from './campaign.ts';

test('after kills of Studio, PostgreSQL and Redis under load nothing is lost, doubled, stuck or wrong', async (context) => {
  const seed = Number(process.env['STUDIO_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  context.diagnostic(`seed ${seed}`);
  const campaign = await runCampaign({ seed, kills: 10, postgres: 2, redis: 2, seconds: 300, clients: 4, rate: 4, onLine: (line) => context.diagnostic(line) });
  deepEqual({ seed, ...campaign.verdict }, { seed, lost: [], duplicated: [], stuck: [], wrong: [], faults: [] });
  ok(campaign.acknowledged > 0 && campaign.executions > 0, 'the load reached Studio');
});
