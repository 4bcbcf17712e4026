import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runJobsCampaign } from './jobs-campaign.ts';

test('jobs on cores and cards that fork, ignore TERM, burst their log or end meanwhile outlive a killed Studio: found with their leases, whole, and ended with nothing left', async (context) => {
  const seed = Number(process.env['STUDIO_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  context.diagnostic(`seed ${seed}`);
  const verdict = await runJobsCampaign({
    kills: 3,
    seed,
    burstBytes: 8_000_000,
    largeBurstBytes: 8_000_000,
    onLine: (line) => context.diagnostic(line),
  });
  deepEqual(verdict.faults, []);
  equal(verdict.jobs, 24);
  ok(verdict.leasesFound > 0 && verdict.looksAtCards > 0);
});
