/** The simulate verb: seeds one after another in this process, with a line of progress each thousand. For more cores, run it several times with
 *  other seeds. */
import { parseArgs } from 'node:util';
import { describe, simulate } from '../../src/test/simulation/simulate.ts';

const EACH = 1_000;
const { values } = parseArgs({ options: { seeds: { type: 'string', default: '20000' }, from: { type: 'string', default: '1' } } });
const from = Number(values.from);
const startedAt = performance.now();
const { failures, crashes } = await simulate(from, Number(values.seeds), (seed) => {
  if ((seed - from + 1) % EACH === 0) process.stderr.write(`seed ${seed}, ${Math.round((performance.now() - startedAt) / 1_000)} s\n`);
});
for (const failure of failures) process.stdout.write(`${describe(failure)}\n\n`);
process.stdout.write(`${values.seeds} seeds from ${from}: ${crashes} crashes, ${failures.length} failures\n`);
process.exit(failures.length > 0 ? 1 : 0);
