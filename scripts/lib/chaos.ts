/** The chaos verb: one campaign from the command line, its summary, and on request a line in the ledger. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign, type CampaignOptions } from '../../src/test/chaos/campaign.ts';
import { isClean } from '../../src/test/chaos/history.ts';
import { entryOf, sumLedger } from '../../src/test/chaos/ledger.ts';
import { runMutants } from '../../src/test/chaos/mutant-run.ts';

const root = resolve(import.meta.dirname, '../..');
const ledgerPath = join(root, 'scripts/chaos-ledger.jsonl');
const counts = {
  kills: { type: 'string', default: '200' },
  stops: { type: 'string', default: '0' },
  trees: { type: 'string', default: '20' },
  postgres: { type: 'string', default: '20' },
  redis: { type: 'string', default: '10' },
  'freeze-studio': { type: 'string', default: '4' },
  'freeze-postgres': { type: 'string', default: '4' },
  'freeze-from': { type: 'string', default: '1' },
  'freeze-to': { type: 'string', default: '30' },
  seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  seconds: { type: 'string', default: '3600' },
  clients: { type: 'string', default: '4' },
  rate: { type: 'string', default: '3' },
} as const;
const { values, positionals } = parseArgs({
  options: {
    ...counts,
    ledger: { type: 'boolean', default: false },
    'ledger-sum': { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

if (values['ledger-sum']) {
  out(sumLedger(readFileSync(ledgerPath, 'utf8')));
  process.exit(0);
}

if (values.mutants) {
  const results = await runMutants({
    ...(positionals.length > 0 && { only: positionals }),
    onResult: ({ name, outcome, seconds, said }) => out(`${outcome.padEnd(9)} ${seconds.toFixed(1).padStart(6)} s  ${name.padEnd(34)} ${said}`),
  });
  const survivors = results.filter((result) => result.outcome === 'survived');
  out(`${results.length - survivors.length} of ${results.length} mutants killed`);
  process.exit(survivors.length === 0 && results.length > 0 ? 0 : 1);
}

const startedAt = new Date();
// Before it runs: the tree may change meanwhile, what was built does not.
const commit = git('rev-parse', '--short', 'HEAD');
const isDirty = git('status', '--porcelain', '--', 'src', 'web', 'package-lock.json') !== '';
const options: CampaignOptions = {
  seed: numberOf('seed'),
  strikes: {
    studio: numberOf('kills'),
    stop: numberOf('stops'),
    tree: numberOf('trees'),
    postgres: numberOf('postgres'),
    redis: numberOf('redis'),
    'freeze-studio': numberOf('freeze-studio'),
    'freeze-postgres': numberOf('freeze-postgres'),
  },
  freezeMs: [numberOf('freeze-from') * 1000, numberOf('freeze-to') * 1000],
  seconds: numberOf('seconds'),
  clients: numberOf('clients'),
  rate: numberOf('rate'),
  onLine: out,
};
out(`seed ${options.seed}, commit ${commit}${isDirty ? ' with changes' : ''}`);
const campaign = await runCampaign(options);
for (const [name, list] of Object.entries(campaign.verdict)) for (const line of (list as readonly string[]).slice(0, 20)) out(`${name}: ${line}`);
const entry = entryOf(campaign, options, { startedAt, endedAt: new Date(), commit, isDirty });
out(JSON.stringify(entry));
if (values.ledger) appendFileSync(ledgerPath, `${JSON.stringify(entry)}\n`);
if (campaign.evidence !== undefined) out(`the evidence lies in ${campaign.evidence}`);
out(isClean(campaign.verdict) ? 'chaos: clean' : 'chaos: BROKEN');
process.exit(isClean(campaign.verdict) ? 0 : 1);

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}

function numberOf(name: keyof typeof counts): number {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} is a number of at least 0, not "${values[name]}"`);
  return value;
}

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}
