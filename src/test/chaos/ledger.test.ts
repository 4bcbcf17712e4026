import { match, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { Campaign, CampaignOptions } from './campaign.ts';
import { entryOf, sumLedger } from './ledger.ts';

const options: CampaignOptions = { seed: 7, strikes: { studio: 3 }, freezeMs: [1_000, 2_000], seconds: 60, clients: 1, rate: 1, onLine: () => undefined };
const campaign: Campaign = {
  verdict: { lost: [], duplicated: [], stuck: [], wrong: [], faults: [], broken: [] },
  blows: { studio: 3, redis: 1, 'freeze-postgres': 2 },
  acknowledged: 40,
  instances: 41,
  executions: 100,
  repeated: 2,
  readyMs: [900, 1_000, 1_900],
  stopMs: [],
  healMs: [],
  evidence: undefined,
};
const around = { startedAt: new Date(0), endedAt: new Date(3_600_000), commit: 'abc', isDirty: false };

test('the sum counts kills apart from freezes, and names campaigns that broke', () => {
  const clean = entryOf(campaign, options, around);
  const broken = entryOf({ ...campaign, verdict: { ...campaign.verdict, lost: ['inst_1'] } }, options, { ...around, commit: 'def' });
  const text = sumLedger(`${JSON.stringify(clean)}\n${JSON.stringify(broken)}\n`);
  match(text, /2 campaigns on 2 commits, 2\.0 hours/);
  match(text, /kills: 8 \(studio 6, stop 0, tree 0, postgres 0, redis 2, freeze-studio 0, freeze-postgres 4\)/);
  match(text, /lost 1, duplicated 0.*in seed 7 at def/);
  match(text, /p50 1000 ms, p99 1900 ms/);
});

test('a line that is no entry is named', () => {
  throws(() => sumLedger('\n{"commit":1}\n'), /line 2 of the ledger is no entry/);
  throws(() => sumLedger('{'), /line 1 of the ledger is no JSON/);
});
