/** The verb of `scripts/chaos --jobs`: kills Studio again and again while jobs run that are hard to keep hold of, and on request adds a line to their ledger. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runJobsCampaign } from '../../src/test/chaos/jobs-campaign.ts';
import { root } from '../../src/test/source-files.ts';

const ledgerPath = join(root, 'scripts/chaos-jobs-ledger.jsonl');

const { values } = parseArgs({
  options: {
    jobs: { type: 'boolean', default: true },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    burst: { type: 'string', default: '32000000' },
    'large-burst': { type: 'string', default: '1000000000' },
    ledger: { type: 'boolean', default: false },
  },
});
const out = (line: string): void => void process.stdout.write(`${line}\n`);
const numberOf = (name: 'kills' | 'seed' | 'burst' | 'large-burst'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number, not "${values[name]}"`);
  return number;
};
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const startedAt = performance.now();
const at = new Date().toISOString();
const seed = numberOf('seed');
const commit = git('rev-parse', '--short', 'HEAD');
const isDirty = git('status', '--porcelain', '--', 'src', 'web', 'package-lock.json') !== '';
out(`seed ${seed}, commit ${commit}${isDirty ? ' with changes' : ''}`);
const options = { kills: numberOf('kills'), seed, burstBytes: numberOf('burst'), largeBurstBytes: numberOf('large-burst') };
const { faults, ...facts } = await runJobsCampaign({ ...options, onLine: out });
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const entry = JSON.stringify({ at, commit, isDirty, seconds, ...options, ...facts, faults: faults.length });
out(entry);
if (values.ledger) appendFileSync(ledgerPath, `${entry}\n`);
for (const fault of faults) out(fault);
out(faults.length === 0 ? 'chaos of jobs: clean' : 'chaos of jobs: BROKEN');
process.exit(faults.length === 0 ? 0 : 1);
