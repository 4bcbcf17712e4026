/** Jobs on a workspace and a database of their own, for tests that run real processes. */
import { chmodSync, mkdtempSync, mkdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '../contract/jobs.ts';
import { isTerminalJob } from '../contract/values.ts';
import { createFiles, type Files } from '../files/files.ts';
import { systemClock } from '../kernel/clock.ts';
import { createEgress } from '../kernel/egress.ts';
import { identify, listProcesses } from '../kernel/process-identity.ts';
import { createJobs, type Jobs, type JobsParts } from '../jobs/jobs.ts';
import type { JobEnded } from '../nodes/kit.ts';
import { isConnectionLoss, type Database } from '../store/client.ts';
import { readJob, readJobResult } from '../store/jobs.ts';
import type { RoleConnections } from '../store/provision.ts';
import type { LedgerParts } from '../gpu/ledger.ts';
import type { GpuLedger } from '../gpu/ledger-port.ts';
import { silentLog, testDatabase } from './database.ts';
import { testLedger } from './ledger.ts';
import { until } from './until.ts';

type Submit = Parameters<Jobs['submit']>[0]['body'];

export interface JobsHarness {
  readonly jobs: Jobs;
  readonly ledger: GpuLedger;
  readonly files: Files;
  readonly database: Database;
  readonly roles: RoleConnections;
  readonly adminUrl: string;
  readonly orgId: string;
  readonly workspacePath: string;
  /** A folder that jobs may write to. */
  readonly shared: string;
  readonly secrets: Map<string, string>;
  submit(body: Submit): ReturnType<Jobs['submit']>;
  read(id: string): Promise<Job>;
  /** Waits for the job's end, and for `onJobEnded`. */
  ended(id: string): Promise<{ job: Job; result: JobEnded | undefined }>;
  /** Waits for the end only: another process may have recorded it. */
  settled(id: string): Promise<Job>;
  running(ids: readonly string[]): Promise<number>;
  /** The process that stands over a running job. */
  shimOf(id: string): Promise<number | undefined>;
  log(id: string, from?: number): Promise<string>;
  follow(id: string, from: number): AsyncGenerator<Buffer>;
  eventsOf(id: string): Promise<string[]>;
  endedCalls(id: string): number;
  processesOf(id: string): number[];
  isAlive(pid: number): boolean;
  putFile(path: string, text: string): Promise<void>;
  readContent(sha256: string): Promise<Buffer>;
  setSuperAdmin(value: boolean): Promise<void>;
  openToAll(path: string): void;
  until(condition: () => Promise<boolean> | boolean): Promise<void>;
  /** Stops these jobs as a dying Studio would (nothing is ended), and begins anew on the same workspace. */
  restart(parts?: Partial<JobsParts>): Promise<void>;
  /** Ends all, removes all. */
  close(): Promise<void>;
}

export const HARNESS_ORG = 'org_jobs';
const USER = 'user_jobs';

/** @param options.isIdle true: nothing claims yet; `restart` begins */
export async function jobsHarness(
  overrides: Partial<JobsParts> = {},
  options: { readonly isIdle?: boolean; readonly devices?: LedgerParts['devices'] } = {},
): Promise<JobsHarness> {
  const workspacePath = mkdtempSync(join(tmpdir(), 'studio-jobs-'));
  chmodSync(workspacePath, 0o711);
  const shared = join(workspacePath, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  const { database, roles, adminUrl, close } = await testDatabase();
  await database.engine.query(`insert into orgs (id, name) values ($1, 'test')`, [HARNESS_ORG]);
  await database.engine.query(`insert into users (id, email, name, password_hash, is_super_admin) values ($1, 'a@example.org', 'a', 'x', true)`, [USER]);
  await database.engine.query(`insert into members (org_id, user_id, role) values ($1, $2, 'admin')`, [HARNESS_ORG, USER]);
  const files = createFiles({ database, workspacePath, clock: systemClock, log: silentLog });
  const secrets = new Map<string, string>();
  const endedCalls = new Map<string, number>();
  let ledger = testLedger(database, options.devices);
  const make = (more: Partial<JobsParts>): Jobs =>
    createJobs({
      database,
      clock: systemClock,
      log: silentLog,
      workspacePath,
      files,
      ledger: (ledger = testLedger(database, options.devices)),
      prepareJob: () => Promise.reject(new Error('no steps here')),
      onJobStarted: () => undefined,
      onJobRequeued: () => undefined,
      onJobEnded: (id) => void endedCalls.set(id, (endedCalls.get(id) ?? 0) + 1),
      secrets: { read: (_org, name) => Promise.resolve(secrets.get(name)) },
      environments: { path: join(workspacePath, 'venvs'), limitBytes: 1024 ** 3 },
      takesDrops: false,
      stopMode: 'keep',
      httpOf: () => createEgress({ allowedHosts: () => Promise.resolve(['127.0.0.1']) }),
      limits: { graceMs: 500, pollMs: 200 },
      ...overrides,
      ...more,
    });
  let jobs = make({});
  await files.start();
  if (options.isIdle !== true) {
    await ledger.start();
    await jobs.start();
  }
  const read = async (id: string): Promise<Job> => {
    const job = await steady(() => readJob(database.engine, { orgId: HARNESS_ORG, id }));
    if (job === undefined) throw new Error(`no job ${id}`);
    return job;
  };
  const harness: JobsHarness = {
    get jobs() {
      return jobs;
    },
    get ledger() {
      return ledger;
    },
    files,
    database,
    roles,
    adminUrl,
    orgId: HARNESS_ORG,
    workspacePath,
    shared,
    secrets,
    submit: (body) =>
      jobs.submit({
        orgId: HARNESS_ORG,
        caller: { userId: USER },
        body,
        requestId: 'req_test',
      }),
    read,
    async ended(id) {
      await untilSo(async () => isTerminalJob((await read(id)).status) && endedCalls.has(id));
      const result = await readJobResult(database.engine, id);
      return { job: await read(id), result: result?.result == null ? undefined : (JSON.parse(result.result) as JobEnded) };
    },
    async settled(id) {
      await untilSo(async () => isTerminalJob((await read(id)).status));
      return read(id);
    },
    async running(ids) {
      const { rowCount } = await database.engine.query(`select id from jobs where id = any($1) and status = 'running'`, [[...ids]]);
      return rowCount;
    },
    async shimOf(id) {
      const { rows } = await database.engine.query<{ pid: number }>(`select pid from jobs where id = $1 and status = 'running' and pid is not null`, [id]);
      return rows[0]?.pid;
    },
    async log(id, from = 0) {
      return text(jobs.followLog({ job: await read(id), orgId: HARNESS_ORG, from, follow: false, signal: new AbortController().signal }));
    },
    async *follow(id, from) {
      yield* jobs.followLog({ job: await read(id), orgId: HARNESS_ORG, from, follow: true, signal: AbortSignal.timeout(20_000) });
    },
    async eventsOf(id) {
      const { rows } = await database.engine.query<{ type: string }>(`select type from outbox where kind = 'job' and id = $1 order by sequence`, [id]);
      return rows.map((row) => row.type);
    },
    endedCalls: (id) => endedCalls.get(id) ?? 0,
    processesOf: (id) =>
      listProcesses()
        .filter((facts) => !facts.isZombie && environmentOf(facts.pid).includes(`STUDIO_JOB_ID=${id}`))
        .map((facts) => facts.pid),
    isAlive: (pid) => identify(pid) !== undefined,
    async putFile(path, content) {
      await files.of(HARNESS_ORG).write(path, Buffer.from(content), { signal: new AbortController().signal });
    },
    async readContent(sha256) {
      return (await files.content.readAll(HARNESS_ORG, sha256)) ?? Buffer.from('not there');
    },
    async setSuperAdmin(value) {
      await database.engine.query(`update users set is_super_admin = $2 where id = $1`, [USER, value]);
    },
    openToAll: (path) => chmodSync(path, 0o666),
    until: untilSo,
    async restart(more = {}) {
      await jobs.stop();
      ledger.stop();
      endedCalls.clear();
      jobs = make(more);
      await files.start();
      await ledger.start();
      await jobs.start();
    },
    async close() {
      const open = (): Promise<{ rows: { id: string }[] }> =>
        steady(() => database.engine.query<{ id: string }>(`select id from jobs where status in ('queued', 'running')`));
      for (const row of (await open()).rows) await steady(() => jobs.cancel(row.id, 'the test is over'));
      await untilSo(async () => (await open()).rows.length === 0);
      await jobs.stop();
      ledger.stop();
      await close();
      await rm(workspacePath, { recursive: true, force: true });
    },
  };
  return harness;
}

async function text(source: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

const untilSo = async (condition: () => Promise<boolean> | boolean): Promise<void> => void (await until('the jobs to come to that', condition));

/** A connection that was cut is found out by its next use: that use is repeated. */
async function steady<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isConnectionLoss(error) || tries === 50) throw error;
    }
  }
}
