/** The bench verb: measures, and prints a table beside the targets and what other systems were measured at. Judges nothing:
 *  figures of a busy machine say little, ratios inside one run more. */
import { parseArgs } from 'node:util';
import { measureLists } from './bench-lists.ts';
import { measureIdle, measureStarts } from './bench-process.ts';
import { measureAll, type Measure } from './bench-table.ts';
import { measureUi } from './bench-ui.ts';
import { measureWorkflow } from './bench-workflow.ts';

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    idle: { type: 'string', default: '20' },
    only: { type: 'string', default: 'start,idle,ui,workflow' },
    rows: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(options.runs);
const parts: Readonly<Record<string, () => Promise<readonly Measure[]>>> = {
  start: () => measureStarts(runs),
  idle: () => measureIdle(runs, Number(options.idle)),
  ui: () => measureUi(runs),
  workflow: () => measureWorkflow(runs),
  lists: () => measureLists(runs, Number(options.rows)),
};

await measureAll(parts, { only: options.only.split(','), json: options.json });
process.exit(0);
