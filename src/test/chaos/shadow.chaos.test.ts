import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { canMount, runShadowCampaign } from './shadow-campaign.ts';

test('a machine that is killed under load and loses its disk has lost nothing that it acknowledged', async () => {
  const lines: string[] = [];
  const verdict = await runShadowCampaign({ kills: 1, seed: 20_261, clients: 2, longestMs: 300, onLine: (line) => lines.push(line) });
  deepEqual([verdict.faults, verdict.kills], [[], 1], lines.join('\n'));
  ok(verdict.acknowledged > 0);
  equal(verdict.isNetworkLike, canMount);
});
