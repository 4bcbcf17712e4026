/** The bench of the GPU node. Each part is a file of its own and one line here. Options: --runs 5, --only PARTS, --json */
import { parseArgs } from 'node:util';
import { measureDecision } from './bench-gpu-decision.ts';
import { measureJobs } from './bench-gpu-jobs.ts';
import { tableOf, type Measure } from './bench-table.ts';

const { values: options } = parseArgs({ options: { runs: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean', default: false } } });
const runs = Number(options.runs ?? '5');

const parts: Readonly<Record<string, () => Promise<readonly Measure[]>>> = {
  decision: () => measureDecision(runs),
  jobs: () => measureJobs(runs),
};

const measures: Measure[] = [];
for (const name of options.only?.split(',') ?? Object.keys(parts)) {
  const part = parts[name];
  if (part === undefined) throw new Error(`--only takes ${Object.keys(parts).join(', ')}; "${name}" is none of them`);
  process.stderr.write(`${name} …\n`);
  // Serial: they would disturb each other.
  measures.push(...(await part()));
}
process.stdout.write(options.json ? `${JSON.stringify(measures, null, 2)}\n` : tableOf(measures));
process.exit(0);
