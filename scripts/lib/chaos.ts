/** The chaos verb: one campaign from the command line, its summary, and on request a line in the ledger. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from '../../src/test/chaos/campaign.ts';
import { isClean, type Verdict } from '../../src/test/chaos/history.ts';

const root = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    postgres: { type: 'string', default: '20' },
    redis: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    seconds: { type: 'string', default: '3600' },
    clients: { type: 'string', default: '4' },
    rate: { type: 'string', default: '4' },
    ledger: { type: 'boolean', default: false },
  },
});

const startedAt = new Date();
const seed = numberOf('seed');
out(`seed ${seed}`);
const campaign = await runCampaign({
  seed,
  kills: numberOf('kills'),
  postgres: numberOf('postgres'),
  redis: numberOf('redis'),
  seconds: numberOf('seconds'),
  clients: numberOf('clients'),
  rate: numberOf('rate'),
  onLine: out,
});
const { verdict } = campaign;
for (const [name, list] of Object.entries(verdict)) for (const line of list.slice(0, 20)) out(`${name}: ${line}`);
const facts = {
  kills: campaign.kills,
  acknowledged: campaign.acknowledged,
  instances: campaign.instances,
  executions: campaign.executions,
  repeated: campaign.repeated,
  ...countsOf(verdict),
  readyMs: spread(campaign.readyMs),
  postgresHealMs: spread(campaign.healMs.postgres),
  redisHealMs: spread(campaign.healMs.redis),
};
out(`seed ${seed}: ${JSON.stringify(facts)}`);
if (values.ledger) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const entry = { at: startedAt.toISOString(), commit, seconds: Math.round((Date.now() - startedAt.getTime()) / 1000), seed, ...facts };
  appendFileSync(join(root, 'scripts/chaos-ledger.jsonl'), `${JSON.stringify(entry)}\n`);
}
out(isClean(verdict) ? 'chaos: clean' : 'chaos: BROKEN');
process.exit(isClean(verdict) ? 0 : 1);

function countsOf(found: Verdict): Record<keyof Verdict, number> {
  return { lost: found.lost.length, duplicated: found.duplicated.length, stuck: found.stuck.length, wrong: found.wrong.length, faults: found.faults.length };
}

function spread(sorted: readonly number[]): { p50: number; p99: number; max: number } | null {
  if (sorted.length === 0) return null;
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function numberOf(name: 'kills' | 'postgres' | 'redis' | 'seed' | 'seconds' | 'clients' | 'rate'): number {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} is a number of at least 0, not "${values[name]}"`);
  return value;
}

function out(line: string): void {
  process.stdout.write(`${line}\n`);
}
