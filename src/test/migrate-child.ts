/** One migration in a process of its own, for tests that kill it: `migrate-child.ts URL TARGET`, with STUDIO_FAILPOINT to say where it dies. */
import { migrate } from '../store/migrate.ts';
import { configOf } from './database.ts';

const [url = '', target = ''] = process.argv.slice(2);
const { ran } = await migrate({ owner: configOf(url), target: Number(target) });
process.stdout.write(`${ran.join('\n')}\n`);
