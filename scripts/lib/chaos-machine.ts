/** The verb of `scripts/chaos --machine`: a clock that jumps, too few file descriptors, too little memory, two machines on one volume, workers that come and go. On request a line for each in the ledger of machines. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChurn } from '../../src/test/chaos/machine/churn.ts';
import { noFakeTime, runClockJumps } from '../../src/test/chaos/machine/clock-jumps.ts';
import { runFewDescriptors } from '../../src/test/chaos/machine/descriptors.ts';
import { noMemoryGroup, runOutOfMemory } from '../../src/test/chaos/machine/memory.ts';
import { noPods, runTwoPods } from '../../src/test/chaos/machine/pods.ts';
import { root } from '../../src/test/source-files.ts';

const { values } = parseArgs({
  options: {
    machine: { type: 'boolean', default: true },
    only: { type: 'string', default: 'clock,descriptors,memory,pods,churn' },
    times: { type: 'string', default: '20' },
    jumps: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '400' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    ledger: { type: 'boolean', default: false },
  },
});
const out = (line: string): void => void process.stdout.write(`${line}\n`);
const numberOf = (name: 'jobs' | 'jumps' | 'seed' | 'times'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} takes a whole number, not "${values[name]}"`);
  return number;
};
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
const parts: Readonly<Record<string, () => Promise<{ readonly faults: readonly string[] }>>> = {
  clock: () => runClockJumps({ jumps: numberOf('jumps'), seed: numberOf('seed'), onLine: out }),
  descriptors: () => runFewDescriptors(out),
  memory: () => runOutOfMemory({ times: numberOf('times'), onLine: out }),
  pods: () => runTwoPods({ times: numberOf('times'), onLine: out }),
  // Each of the four about once a minute: four times what is promised for.
  churn: () => runChurn({ jobs: numberOf('jobs'), everyMs: 12_000, onLine: out }),
};
const asked = Object.entries(parts).filter(([name]) => values.only.split(',').includes(name));
if (asked.length === 0) throw new Error(`--only takes some of ${Object.keys(parts).join(', ')}, not "${values.only}"`);
const needs: Readonly<Record<string, () => string | undefined>> = { clock: noFakeTime, memory: noMemoryGroup, pods: noPods };
const why = asked.map(([name]) => needs[name]?.()).find((reason) => reason !== undefined);
if (why !== undefined) throw new Error(`scripts/chaos --machine ${why}`);
let broken = 0;
for (const [part, run] of asked) {
  const at = new Date().toISOString();
  // Serial: each has the machine for itself.
  const { faults, ...facts } = await run();
  const entry = JSON.stringify({ at, commit, part, ...facts, faults: faults.length });
  out(entry);
  if (values.ledger) appendFileSync(join(root, 'scripts/chaos-machine-ledger.jsonl'), `${entry}\n`);
  for (const fault of faults.slice(0, 50)) out(fault);
  broken += faults.length;
}
out(broken === 0 ? 'chaos of the machine: clean' : 'chaos of the machine: BROKEN');
process.exit(broken === 0 ? 0 : 1);
