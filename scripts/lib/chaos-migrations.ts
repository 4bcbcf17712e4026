/** The verb of `scripts/chaos --migrations`: a migrating process dies at every statement of every migration, up and down; on request its ledger gets a line. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listMigrations } from '../../src/store/migrations.ts';
import { killMigrations } from '../../src/test/migrate-kill.ts';
import { root } from '../../src/test/source-files.ts';

const { values } = parseArgs({
  options: { migrations: { type: 'boolean', default: true }, every: { type: 'string', default: '1' }, ledger: { type: 'boolean', default: false } },
});
const every = Number(values.every);
if (!Number.isSafeInteger(every) || every < 1) throw new Error(`--every takes a whole number from 1, not "${values.every}"`);
const out = (line: string): void => void process.stdout.write(`${line}\n`);
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const at = new Date().toISOString();
const startedAt = performance.now();
const commit = git('rev-parse', '--short', 'HEAD');
const isDirty = git('status', '--porcelain', '--', 'src/store') !== '';
const { faults, ...facts } = await killMigrations({ wants: (boundary) => boundary % every === 0, onLine: out });
const seconds = Math.round((performance.now() - startedAt) / 1_000);
const entry = JSON.stringify({ at, commit, isDirty, seconds, migrations: listMigrations().length, every, ...facts, faults: faults.length });
out(entry);
if (values.ledger) appendFileSync(join(root, 'scripts/chaos-migrations-ledger.jsonl'), `${entry}\n`);
for (const fault of faults) out(fault);
out(faults.length === 0 ? 'chaos of migrations: clean' : 'chaos of migrations: BROKEN');
process.exit(faults.length === 0 ? 0 : 1);
