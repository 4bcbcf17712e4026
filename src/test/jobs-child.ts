/** A process that runs jobs and nothing else, to be killed by a test. Its standard input says what it works on; it writes one line once it claims. */
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createFiles } from '../files/files.ts';
import { createJobs } from '../jobs/jobs.ts';
import { systemClock } from '../kernel/clock.ts';
import { createEgress } from '../kernel/egress.ts';
import { openDatabase } from '../store/client.ts';
import type { RoleConnections } from '../store/provision.ts';
import { silentLog } from './database.ts';
import { testLedger } from './ledger.ts';

export interface JobsProcessRequest {
  readonly workspacePath: string;
  readonly roles: Pick<RoleConnections, 'engine' | 'api'>;
}

const { workspacePath, roles } = JSON.parse(await text(process.stdin)) as JobsProcessRequest;
const database = openDatabase({ engine: roles.engine, api: roles.api, log: silentLog });
const parts = { database, workspacePath, clock: systemClock, log: silentLog };
const files = createFiles(parts);
await files.start();
const ledger = testLedger(database);
await ledger.start();
const jobs = createJobs({
  ...parts,
  files,
  ledger,
  prepareJob: () => Promise.reject(new Error('no steps here')),
  onJobStarted: () => undefined,
  onJobRequeued: () => undefined,
  onJobEnded: () => undefined,
  secrets: { read: () => Promise.resolve('kept-secret-value') },
  environments: { path: join(workspacePath, 'venvs'), limitBytes: 1024 ** 3 },
  takesDrops: false,
  stopMode: 'keep',
  httpOf: () => createEgress({ allowedHosts: () => Promise.resolve(['127.0.0.1']) }),
  limits: { graceMs: 500, pollMs: 100 },
});
await jobs.start();
process.stdout.write('claiming\n');
