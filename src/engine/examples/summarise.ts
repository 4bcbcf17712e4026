/** The example that a new Studio has: a table in, JavaScript over it, a command that draws, a report out. Data only, and how it is put there.
 *  It is meant to be read: what it does, a first workflow of one's own does too. */
import type { Definition } from '../../contract/graph.ts';
import { exampleFilePath, exampleWorkflowName } from '../../contract/values.ts';
import { sampleTable } from './sample-table.ts';

/** The body of the step `summary`, in JavaScript. */
const summarise = `const rows = steps.read.output.content;
if (!Array.isArray(rows) || rows.length === 0) throw new Error('The file has no rows: it needs a header line and at least one line of values.');

const columns = Object.keys(rows[0]);
const isNumber = (text) => typeof text === 'string' && text.trim() !== '' && Number.isFinite(Number(text));
const numbers = columns.filter((name) => rows.filter((row) => isNumber(row[name])).length > rows.length * 0.8);
const measure = numbers.includes(input.measure) ? input.measure : numbers[0];
if (measure === undefined) throw new Error('No column holds numbers. The columns are: ' + columns.join(', ') + '.');

// The column with the fewest different texts tells the groups apart.
const different = (name) => new Set(rows.map((row) => row[name])).size;
const group = columns.filter((name) => !numbers.includes(name) && different(name) <= 30).sort((a, b) => different(a) - different(b))[0];

const groups = new Map();
for (const row of rows) {
  if (!isNumber(row[measure])) continue;
  const name = group === undefined ? 'all rows' : String(row[group]);
  groups.set(name, [...(groups.get(name) ?? []), Number(row[measure])]);
}
const round = (value) => Math.round(value * 100) / 100;
const summary = [...groups].map(([name, values]) => ({
  name,
  count: values.length,
  min: round(Math.min(...values)),
  mean: round(values.reduce((sum, value) => sum + value, 0) / values.length),
  max: round(Math.max(...values)),
})).sort((a, b) => b.mean - a.mean);
console.log(rows.length + ' rows, ' + measure + ' by ' + (group ?? 'nothing') + ': ' + summary.length + ' groups');

// The next step is a command: it gets plain lines, with what SVG would take as markup written as text.
const plain = (text) => text.replace(/[\\t\\n]/g, ' ').replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').slice(0, 24);
return {
  rows: rows.length,
  measure,
  group: group ?? null,
  groups: summary,
  lines: summary.map((each) => [plain(each.name), each.count, each.min, each.mean, each.max].join('\\t')).join('\\n') + '\\n',
  table: ['| ' + (group ?? 'group') + ' | rows | min | mean | max |', '|---|---:|---:|---:|---:|', ...summary.map((each) => '| ' + [each.name, each.count, each.min, each.mean, each.max].join(' | ') + ' |')].join('\\n'),
};
`;

/** The script of the step `draw`: any POSIX shell and awk. Its input is a file of lines: name, count, min, mean, max. */
const draw = `cat > groups.tsv
set -eu
echo "drawing $(wc -l < groups.tsv | tr -d ' ') groups of $MEASURE" >&2
awk -F '\\t' -v measure="$MEASURE" '
  { name[NR] = $1; count[NR] = $2; low[NR] = $3 + 0; mean[NR] = $4 + 0; high[NR] = $5 + 0
    if (NR == 1 || low[NR] < from) from = low[NR]
    if (NR == 1 || high[NR] > to) to = high[NR] }
  function x(value) { return 150 + (value - from) * 430 / span }
  END {
    span = to - from; if (span <= 0) span = 1
    printf "<svg xmlns=\\"http://www.w3.org/2000/svg\\" viewBox=\\"0 0 640 %d\\" font-family=\\"sans-serif\\" font-size=\\"13\\">\\n", 64 + NR * 34
    print "<rect width=\\"100%\\" height=\\"100%\\" rx=\\"8\\" fill=\\"#ffffff\\"/>"
    printf "<text x=\\"16\\" y=\\"28\\" font-size=\\"15\\" font-weight=\\"600\\" fill=\\"#181b20\\">%s: lowest, mean, highest</text>\\n", measure
    for (i = 1; i <= NR; i++) {
      y = 44 + i * 34 - 14
      printf "<text x=\\"16\\" y=\\"%d\\" fill=\\"#494d55\\">%s</text>\\n", y + 4, name[i]
      printf "<line x1=\\"%.1f\\" y1=\\"%d\\" x2=\\"%.1f\\" y2=\\"%d\\" stroke=\\"#c8cad0\\" stroke-width=\\"8\\" stroke-linecap=\\"round\\"/>\\n", x(low[i]), y, x(high[i]), y
      printf "<circle cx=\\"%.1f\\" cy=\\"%d\\" r=\\"6\\" fill=\\"#634cd4\\"/>\\n", x(mean[i]), y
      printf "<text x=\\"624\\" y=\\"%d\\" text-anchor=\\"end\\" fill=\\"#181b20\\">%.1f</text>\\n", y + 4, mean[i]
    }
    print "</svg>"
  }' groups.tsv > "$STUDIO_ARTIFACTS/chart.svg"
head -n 1 groups.tsv | awk -F '\\t' '{ printf "{\\"chart\\": \\"chart.svg\\", \\"highest\\": \\"%s\\", \\"mean\\": %s}\\n", $1, $4 }'
`;

const definition: Definition = {
  nodes: [
    {
      key: 'read',
      type: 'file.read',
      name: 'Read the table',
      notes: 'A CSV with a header line. Without input it takes the sample.',
      params: { path: `{{ input.path ? input.path : "${exampleFilePath}" }}`, as: 'csv' },
    },
    { key: 'summary', type: 'code.js', name: 'Summarise', notes: 'Finds a column of numbers and a column that groups them.', params: { source: summarise } },
    {
      key: 'draw',
      type: 'command',
      name: 'Draw the chart',
      notes: 'A process of its own on the queue: its log is live, and what it writes to $STUDIO_ARTIFACTS is kept.',
      params: { script: draw, stdin: '{{ steps.summary.output.lines }}', env: { MEASURE: '{{ steps.summary.output.measure }}' }, parse: 'json' },
      timeoutMs: 60_000,
      retry: { maxAttempts: 2 },
    },
    {
      key: 'report',
      type: 'file.write',
      name: 'Write the report',
      params: {
        path: 'reports/{{ instance.id }}.md',
        content:
          '# {{ steps.summary.output.measure }}\n\n{{ steps.summary.output.rows }} rows of {{ steps.read.output.path }}. Highest mean: {{ steps.draw.output.result.highest }} ({{ steps.draw.output.result.mean }}).\n\n{{ steps.summary.output.table }}\n',
      },
    },
  ],
  edges: [
    { from: 'read', to: 'summary' },
    { from: 'summary', to: 'draw' },
    { from: 'draw', to: 'report' },
  ],
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', title: 'File', description: 'A CSV with a header line, as under Files.', default: exampleFilePath },
      measure: { type: 'string', title: 'Column', description: 'The column of numbers to summarise; empty: the first one.' },
    },
  },
};

/** What a first administrator finds. */
export const example = {
  workflow: {
    name: exampleWorkflowName,
    description: 'Reads a table, summarises it in JavaScript, draws a chart with a shell command, writes a report.',
    ...definition,
  },
  file: { path: exampleFilePath, text: sampleTable },
} as const;

/** Where the example goes. */
export interface ExamplePorts {
  readonly writeFile: (orgId: string, path: string, content: Buffer) => Promise<unknown>;
  readonly publish: (admin: { readonly orgId: string; readonly userId: string }, workflow: (typeof example)['workflow']) => Promise<unknown>;
}

/** Puts the sample file and the workflow into the org of the first administrator: what identity calls after the claim. */
export function exampleInstaller(ports: ExamplePorts): (admin: { readonly orgId: string; readonly userId: string }) => Promise<void> {
  return async (admin) => {
    await ports.writeFile(admin.orgId, example.file.path, Buffer.from(example.file.text));
    await ports.publish(admin, example.workflow);
  };
}
