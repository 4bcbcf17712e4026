/** The verb of `scripts/chaos --disk`: what a disk can do to Studio, on real file systems. On request a line for each part in the ledger of disks. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runDiskCampaign, type DiskPart } from '../../src/test/chaos/disk/campaign.ts';
import { noDisks } from '../../src/test/chaos/disk/devices.ts';
import { root } from '../../src/test/source-files.ts';

const parts = [
  'full',
  'inodes',
  'slow',
  'power',
  'careless',
  'eio',
  'eio-read',
  'eio-for-good',
  'hang',
  'volume',
  'rot',
] as const satisfies readonly DiskPart[];
const { values } = parseArgs({
  options: {
    disk: { type: 'boolean', default: true },
    only: { type: 'string', default: parts.join(',') },
    times: { type: 'string', default: '10' },
    ledger: { type: 'boolean', default: false },
  },
});
const times = Number(values.times);
if (!Number.isSafeInteger(times) || times < 1) throw new Error(`--times takes a whole number from 1, not "${values.times}"`);
const asked = parts.filter((part) => values.only.split(',').includes(part));
if (asked.length === 0) throw new Error(`--only takes some of ${parts.join(', ')}, not "${values.only}"`);
const why = noDisks('nbd');
if (why !== undefined) throw new Error(`scripts/chaos --disk ${why}`);
const out = (line: string): void => void process.stdout.write(`${line}\n`);
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const commit = git('rev-parse', '--short', 'HEAD');
let broken = 0;
for (const part of asked) {
  const at = new Date().toISOString();
  const startedMs = performance.now();
  // Serial: each has the machine for itself.
  const { faults, facts } = await runDiskCampaign({ part, times, onLine: out });
  const entry = JSON.stringify({ at, commit, seconds: Math.round((performance.now() - startedMs) / 1_000), part, times, ...facts, faults: faults.length });
  out(entry);
  if (values.ledger) appendFileSync(join(root, 'scripts/chaos-disk-ledger.jsonl'), `${entry}\n`);
  for (const fault of faults.slice(0, 50)) out(fault);
  broken += faults.length;
}
out(broken === 0 ? 'chaos of disks: clean' : 'chaos of disks: BROKEN');
process.exit(broken === 0 ? 0 : 1);
