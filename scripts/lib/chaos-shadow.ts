/** The verb of `scripts/chaos --shadow`: kills a machine whose database has its shadow on a volume, loses its disk, and looks what is there again. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runShadowCampaign } from '../../src/test/chaos/shadow-campaign.ts';
import { root } from '../../src/test/source-files.ts';

const ledgerPath = join(root, 'scripts/chaos-shadow-ledger.jsonl');

const { values } = parseArgs({
  options: {
    shadow: { type: 'boolean', default: true },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    clients: { type: 'string', default: '4' },
    longest: { type: 'string', default: '3000' },
    ledger: { type: 'boolean', default: false },
  },
});
const out = (line: string): void => void process.stdout.write(`${line}\n`);
const numberOf = (name: 'kills' | 'seed' | 'clients' | 'longest'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number, not "${values[name]}"`);
  return number;
};
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const at = new Date().toISOString();
const startedAt = performance.now();
const commit = git('rev-parse', '--short', 'HEAD');
const isDirty = git('status', '--porcelain', '--', 'src/shadow', 'src/store', 'src/supervise') !== '';
const options = { seed: numberOf('seed'), clients: numberOf('clients'), longestMs: numberOf('longest') };
out(`seed ${options.seed}, commit ${commit}${isDirty ? ' with changes' : ''}`);
const { faults, ...facts } = await runShadowCampaign({ ...options, kills: numberOf('kills'), onLine: out });
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const entry = JSON.stringify({ at, commit, isDirty, seconds, ...options, ...facts, faults: faults.length });
out(entry);
if (values.ledger) appendFileSync(ledgerPath, `${entry}\n`);
for (const fault of faults) out(fault);
out(faults.length === 0 ? 'chaos of the shadow: clean' : 'chaos of the shadow: BROKEN');
process.exit(faults.length === 0 ? 0 : 1);
