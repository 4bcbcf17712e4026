/** The lists of a Studio with many finished instances: the first page of each filter, beside the first page of all. Rows are written by SQL: a million runs
 *  would say nothing more. Judges nothing. */
import { newId } from '../../src/kernel/ids.ts';
import { publish } from './bench-engine-work.ts';
import { createRig, quantile, timed, type Rig } from './bench-engine-rig.ts';
import type { Measure } from './bench-table.ts';

const BITE = 20_000;
/** Of all: the three hundredth workflow, one in a hundred failed, a label of a dozen, one of half of them. */
const RARE = 80_000;
const TARGET = '≤ 300';

const lists: Readonly<Record<string, string>> = {
  'those that failed': 'instances?status=failed',
  'those that wait (none)': 'instances?status=waiting',
  'a label that a dozen have': 'instances?label=customer:rare',
  'a label that half of them have': 'instances?label=parity:odd',
  'a label that none has': 'instances?label=customer:nobody',
  'those of a trigger that none has': 'instances?startedBy=cron:never',
  'a word that is nowhere (as far as the time goes)': 'instances?search=nowhere',
  'longer than anything (as far as the time goes)': 'instances?minDurationMs=99999999',
  'the chart of all': 'instances/stats',
  'the palette: a label that a dozen have': 'search?q=customer:rare&kinds=instance',
};

/** @param rows how many instances */
export async function measureLists(runs: number, rows: number): Promise<readonly Measure[]> {
  const rig = await createRig();
  try {
    await writeRows(rig, rows);
    const first = await times(rig, runs, 'instances');
    const measures: Measure[] = [{ name: `${rows} instances, the first page of all`, unit: 'ms', values: first }];
    for (const [name, path] of Object.entries(lists)) {
      // Serial: they would disturb each other.
      const values = await times(rig, runs, path);
      measures.push(
        { name: `${rows} instances, ${name}`, unit: 'ms', values, target: TARGET },
        { name: '  beside the first page of all', unit: '×', values: [quantile(values, 0.5) / quantile(first, 0.5)] },
      );
    }
    return measures;
  } finally {
    await rig.close();
  }
}

/** The first reads what is not in memory, and is left out. */
async function times(rig: Rig, runs: number, path: string): Promise<readonly number[]> {
  const values: number[] = [];
  for (let run = 0; run <= runs; run++) values.push(await timed(() => rig.call('GET', `/api/v1/${path}`)));
  return values.slice(1);
}

async function writeRows(rig: Rig, rows: number): Promise<void> {
  const workflowId = await publish(rig, 'Bench of lists', { nodes: [{ key: 'one', type: 'noop' }], edges: [] });
  // Ids sort by time. A part of an id of now keeps them of the right length.
  const prefix = newId('inst').slice(0, -12);
  for (let low = 0; low < rows; low += BITE) {
    // Serial: one connection.
    await rig.sql.query(
      `insert into instances (id, org_id, workflow_id, version, status, input, output, labels, error, priority, started_by, seq, created_at, started_at, ended_at)
       select $2 || lpad(n::text, 12, '0'), w.org_id, w.id, 1, case when n % 100 = 0 then 'failed' else 'completed' end, '{"id": 1}', '{"ok":true}',
         case when n % ${RARE} = 5 then '{"customer":"rare"}' when n % 2 = 1 then '{"parity":"odd"}' else '{}' end::jsonb,
         case when n % 100 = 0 then '{"code":"exit_code","message":"It failed"}'::jsonb end, 50, 'manual', 13,
         now() - interval '1 hour', now() - interval '1 hour', now() - interval '59 minutes'
       from workflows w, generate_series($3::int, $4::int) n where w.id = $1`,
      [workflowId, prefix, low, Math.min(low + BITE, rows) - 1],
    );
  }
  await rig.sql.query('vacuum analyze instances');
}
