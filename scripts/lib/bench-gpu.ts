/** The bench of the GPU node. Each part is a file of its own and one line here. Options: --runs 5, --only PARTS, --json */
import { parseArgs } from 'node:util';
import { measureDecision } from './bench-gpu-decision.ts';
import { measureJobs } from './bench-gpu-jobs.ts';
import { measureAll, type Measure } from './bench-table.ts';

const { values: options } = parseArgs({ options: { runs: { type: 'string' }, only: { type: 'string' }, json: { type: 'boolean', default: false } } });
const runs = Number(options.runs ?? '5');

const parts: Readonly<Record<string, () => Promise<readonly Measure[]>>> = {
  decision: () => measureDecision(runs),
  jobs: () => measureJobs(runs),
};

await measureAll(parts, { only: options.only?.split(',') ?? Object.keys(parts), json: options.json });
process.exit(0);
