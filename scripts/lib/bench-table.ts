/** What a bench prints: one line a measure, with the spread over its runs. Judges nothing. */

/** One line of the table: `values` in `unit`, one a run. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly target?: string;
  readonly peers?: string;
}

/** Measures the named parts one after the other, and prints what came of it. @throws Error for a name that is none of them */
export async function measureAll(
  parts: Readonly<Record<string, () => Promise<readonly Measure[]>>>,
  options: { readonly only: readonly string[]; readonly json: boolean },
): Promise<void> {
  const measures: Measure[] = [];
  for (const name of options.only) {
    const part = parts[name];
    if (part === undefined) throw new Error(`--only takes ${Object.keys(parts).join(', ')}; "${name}" is none of them`);
    process.stderr.write(`${name} …\n`);
    // Serial: they would disturb each other.
    measures.push(...(await part()));
  }
  process.stdout.write(options.json ? `${JSON.stringify(measures, null, 2)}\n` : tableOf(measures));
}

export function tableOf(measures: readonly Measure[]): string {
  const rows = measures.map((line) => [line.name, spread(line.values), line.unit, line.target ?? '', line.peers ?? '']);
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
  const at = (index: number): string => shown(sorted[index] ?? Number.NaN);
  if (sorted.length === 1) return at(0);
  return `${at(0)} / ${at(Math.floor(sorted.length / 2))} / ${at(sorted.length - 1)}`;
}

function shown(value: number): string {
  if (Math.abs(value) < 1) return value.toFixed(3);
  return value < 100 ? value.toFixed(2) : value.toFixed(0);
}
