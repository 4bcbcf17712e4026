/** The bench verb: measures, and prints a table beside the targets and what other systems were measured at. Judges nothing:
 *  figures of a busy machine say little, ratios inside one run more. */
import { parseArgs } from 'node:util';
import { measureIdle, measureStarts } from './bench-process.ts';
import { tableOf, type Measure } from './bench-table.ts';
import { measureUi } from './bench-ui.ts';
import { measureWorkflow } from './bench-workflow.ts';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    idle: { type: 'string', default: '20' },
    only: { type: 'string', default: 'start,idle,ui,workflow' },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(options.runs);
const parts: Readonly<Record<string, () => Promise<readonly Measure[]>>> = {
  start: () => measureStarts(runs),
  idle: () => measureIdle(runs, Number(options.idle)),
  ui: () => measureUi(runs),
  workflow: () => measureWorkflow(runs),
};

const measures: Measure[] = [];
for (const name of options.only.split(',')) {
  const part = parts[name];
  if (part === undefined) throw new Error(`--only takes ${Object.keys(parts).join(', ')}; "${name}" is none of them`);
  process.stderr.write(`${name} …\n`);
  // Serial: they would disturb each other.
  measures.push(...(await part()));
}
process.stdout.write(options.json ? `${JSON.stringify(measures, null, 2)}\n` : tableOf(measures));
process.exit(0);
