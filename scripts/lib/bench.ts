/** The bench verb: measures, and prints a table beside the targets and what other systems were measured at. Judges nothing:
 *  figures of a busy machine say little, ratios inside one run more. */
import { parseArgs } from 'node:util';
import { measureIdle, measureStarts } from './bench-process.ts';
import { measureUi } from './bench-ui.ts';
import { measureWorkflow } from './bench-workflow.ts';

/** One line of the table: `values` in `unit`, one a run. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly target?: string;
  readonly peers?: string;
}

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
process.stdout.write(options.json ? `${JSON.stringify(measures, null, 2)}\n` : table(measures));
process.exit(0);

function table(lines: readonly Measure[]): string {
  const rows = lines.map((line) => [line.name, spread(line.values), line.unit, line.target ?? '', line.peers ?? '']);
  const all = [['measure', 'min / median / max', 'unit', 'target', 'others, measured elsewhere'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return `${all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): string => {
    const value = sorted[index] ?? Number.NaN;
    return value < 10 ? value.toFixed(2) : value.toFixed(0);
  };
  return `${at(0)} / ${at(Math.floor(sorted.length / 2))} / ${at(sorted.length - 1)}`;
}
