/** The verb of `scripts/chaos --backups`: alters backups a thousand times and looks whether each is found; on request its ledger gets a line. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { harmBackups } from '../../src/test/chaos/harm-backups.ts';
import { root } from '../../src/test/source-files.ts';

const { values } = parseArgs({
  options: { backups: { type: 'boolean', default: true }, times: { type: 'string', default: '1000' }, ledger: { type: 'boolean', default: false } },
});
const times = Number(values.times);
if (!Number.isSafeInteger(times) || times < 1) throw new Error(`--times takes a whole number from 1, not "${values.times}"`);
const out = (line: string): void => void process.stdout.write(`${line}\n`);
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const at = new Date().toISOString();
const startedAt = performance.now();
const commit = git('rev-parse', '--short', 'HEAD');
const isDirty = git('status', '--porcelain', '--', 'src/backup', 'src/store') !== '';
const { faults, ...counts } = await harmBackups(times, out);
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const entry = JSON.stringify({ at, commit, isDirty, seconds, times, ...counts, faults: faults.length });
out(entry);
if (values.ledger) appendFileSync(join(root, 'scripts/chaos-backups-ledger.jsonl'), `${entry}\n`);
for (const fault of faults) out(fault);
out(faults.length === 0 ? 'chaos of backups: clean' : 'chaos of backups: BROKEN');
process.exit(faults.length === 0 ? 0 : 1);
