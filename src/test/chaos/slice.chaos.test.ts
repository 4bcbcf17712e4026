import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runCampaign } from './campaign.ts';

test('after kills and freezes of Studio, PostgreSQL and Redis under load nothing is lost, doubled, stuck or wrong', async (context) => {
  const seed = Number(process.env['STUDIO_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  context.diagnostic(`seed ${seed}`);
  const campaign = await runCampaign({
    seed,
    strikes: { studio: 9, tree: 2, postgres: 2, redis: 1, 'freeze-studio': 1, 'freeze-postgres': 1 },
    freezeMs: [1_000, 4_000],
    seconds: 300,
    clients: 4,
    rate: 4,
    onLine: (line) => context.diagnostic(line),
  });
  deepEqual(
    { seed, evidence: campaign.evidence, ...campaign.verdict },
    {
      seed,
      evidence: undefined,
      lost: [],
      duplicated: [],
      stuck: [],
      wrong: [],
      faults: [],
      broken: [],
    },
  );
  ok(campaign.acknowledged > 0 && campaign.executions > 0, 'the load reached Studio');
});
