/** The verb of `scripts/chaos --jobs`: kills Studio again and again while jobs run that are hard to keep hold of. */
import { parseArgs } from 'node:util';
import { runJobsCampaign } from '../../src/test/chaos/jobs-campaign.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'boolean', default: true },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    burst: { type: 'string', default: '32000000' },
    'large-burst': { type: 'string', default: '1000000000' },
  },
});
const out = (line: string): void => void process.stdout.write(`${line}\n`);
const numberOf = (name: 'kills' | 'seed' | 'burst' | 'large-burst'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number, not "${values[name]}"`);
  return number;
};
const startedAt = performance.now();
const seed = numberOf('seed');
out(`seed ${seed}`);
const verdict = await runJobsCampaign({ kills: numberOf('kills'), seed, burstBytes: numberOf('burst'), largeBurstBytes: numberOf('large-burst'), onLine: out });
const { faults, ...facts } = verdict;
out(JSON.stringify({ kills: numberOf('kills'), ...facts, faults: faults.length, seconds: Math.round((performance.now() - startedAt) / 1_000) }));
for (const fault of faults) out(fault);
out(faults.length === 0 ? 'chaos of jobs: clean' : 'chaos of jobs: BROKEN');
process.exit(faults.length === 0 ? 0 : 1);
