/** Kills a migrating process at its statement boundaries, one after the other, and judges what it leaves: a whole number of migrations, each schema as it is
 *  without a death, the rows as they were, and a next run that comes to the end. Owns its database; never touches a Studio. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { migrate, migrationStatus } from '../store/migrate.ts';
import { listMigrations } from '../store/migrations.ts';
import { splitStatements } from '../store/sql-statements.ts';
import { testDatabase, urlOf, type TestDatabase } from './database.ts';
import { dumpSchema } from './schema-dump.ts';

export interface KillReport {
  readonly boundaries: number;
  readonly killed: number;
  readonly faults: readonly string[];
}

const CHILD = fileURLToPath(new URL('./migrate-child.ts', import.meta.url));
/** Before the first statement of a migration the process has none open; after the last stand the commit and what follows it. */
const AROUND = 2;

/** @param options.wants which boundaries, of all on the way up and down in order  @param options.onLine what happens, for campaigns */
export async function killMigrations(options: {
  readonly wants: (boundary: number) => boolean;
  readonly onLine?: (line: string) => void;
}): Promise<KillReport> {
  const db = await testDatabase({ empty: true });
  try {
    const golden = await goldenSchemas(db);
    const faults: string[] = [];
    const tally = { boundaries: 0, killed: 0 };
    for (const leg of legs()) {
      // Down to nothing the rows go with their tables, and come back before the way up goes on.
      if (leg.from === 1 && leg.to === 2) await seed(db);
      const boundaries = splitStatements(leg.text).length + AROUND;
      const wanted = Array.from({ length: boundaries }, (_, index) => index + 1).filter((at) => options.wants(tally.boundaries + at - 1));
      tally.boundaries += boundaries;
      for (const at of wanted) faults.push(...(await dieAt(db, leg, { at, isLast: at === boundaries, golden }))); // Serial: each begins where the one before it left off.
      tally.killed += wanted.length;
      await migrate({ owner: db.roles.owner, target: leg.to });
      if (wanted.length > 0)
        faults.push(
          ...(await judge(db, leg, { version: leg.to, golden })).map((fault) => `after the deaths on the way from ${leg.from} to ${leg.to}: ${fault}`),
        );
      options.onLine?.(`${leg.from} to ${leg.to}: ${wanted.length} of ${boundaries} boundaries, ${tally.killed} deaths so far, ${faults.length} faults`);
    }
    return { ...tally, faults };
  } finally {
    await db.close();
  }
}

interface Leg {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

async function dieAt(
  db: TestDatabase,
  leg: Leg,
  death: { readonly at: number; readonly isLast: boolean; readonly golden: readonly string[] },
): Promise<string[]> {
  const where = `${leg.from} to ${leg.to}, killed at ${death.at}`;
  const ended = await runChild(db, leg.to, `migrate.statement:crash@${death.at}`);
  if (ended !== 'SIGKILL') return [`${where}: it did not die there (${ended})`];
  // The last boundary stands behind the commit.
  const found = await judge(db, leg, { version: death.isLast ? leg.to : leg.from, golden: death.golden });
  return found.map((fault) => `${where}: ${fault}`);
}

async function judge(db: TestDatabase, leg: Leg, wanted: { readonly version: number; readonly golden: readonly string[] }): Promise<string[]> {
  const { version } = await migrationStatus({ owner: db.roles.owner });
  if (version !== wanted.version) return [`version ${version} instead of ${wanted.version}`];
  const faults = (await dumpSchema(db.roles.owner)) === wanted.golden[version] ? [] : [`the schema of version ${version} is not what it should be`];
  const hasRows = version > 0 && Math.max(leg.from, leg.to) > 1;
  if (hasRows && (await fingerprint(db)) !== SEEDED_AS) faults.push('rows have changed');
  return faults;
}

/** All the way up, one migration at a time, and all the way down again. */
function legs(): readonly Leg[] {
  const migrations = listMigrations();
  return [
    ...migrations.map(({ version, up }) => ({ from: version - 1, to: version, text: up })),
    ...migrations.toReversed().map(({ version, down }) => ({ from: version, to: version - 1, text: down })),
  ];
}

/** The schema of each version, as a run without deaths leaves it. */
async function goldenSchemas(db: TestDatabase): Promise<readonly string[]> {
  const golden: string[] = [];
  for (let target = 0; target <= listMigrations().length; target++) {
    await migrate({ owner: db.roles.owner, target }); // Serial: each stands on the one before it.
    if (target === 1) await seed(db); // How run data is parted later hangs on what there is.
    golden.push(await dumpSchema(db.roles.owner));
  }
  await migrate({ owner: db.roles.owner, target: 0 });
  return golden;
}

/** @returns the signal that ended it, else its exit status when that is not 0, else null */
function runChild(db: TestDatabase, target: number, failpoint: string | undefined): Promise<string | null> {
  const { STUDIO_FAILPOINT: _, ...env } = process.env;
  const child = spawn(process.execPath, [CHILD, urlOf(db.roles.owner as pg.ClientConfig), String(target)], {
    env: { ...env, ...(failpoint === undefined ? {} : { STUDIO_FAILPOINT: failpoint }) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  return new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? (code === 0 ? null : `status ${code}: ${said.slice(-500)}`))));
}

/** Rows of the first version, with which every later one has to live. */
const SEED = [
  `insert into orgs (id, name) values ('org_1', 'Acme')`,
  `insert into users (id, email, name, password_hash) values ('user_1', 'a@example.com', 'A', 'x')`,
  `insert into members (org_id, user_id, role) values ('org_1', 'user_1', 'admin')`,
  `insert into secrets (org_id, name, ciphertext, key_id) values ('org_1', 'TOKEN', '\\x0102', 'k')`,
  `insert into workflows (id, org_id, name, version) values ('wf_1', 'org_1', 'w', 1)`,
  `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_1', 1, 'org_1', '{"nodes":[]}', 'h', 0)`,
  `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq) values ('inst_odd', 'org_1', 'wf_1', 1, 'completed', '{"a":1}', 50, 'x', 1)`,
  `insert into steps (instance_id, path, generation, org_id, status, attempt, seq) values ('inst_odd', 'a', 1, 'org_1', 'completed', 1, 2)`,
  `insert into jobs (id, org_id, queue, type, status, priority) values ('job_1', 'org_1', 'studio', 'command', 'completed', 50)`,
  `insert into files (id, org_id, path, bytes, sha256, media_type) values ('file_1', 'org_1', 'a.txt', 3, 'abc', 'text/plain')`,
];
/** What `fingerprint` says when each row is there once and as it was written. */
const SEEDED_AS = SEED.map((statement) => `${statement.split(' ')[2]} true`).join('\n');

async function seed(db: TestDatabase): Promise<void> {
  for (const statement of SEED) await db.database.engine.query(statement); // Serial: each points at those before it.
}

/** Table by table, whether its seeded row is as it was written. */
async function fingerprint(db: TestDatabase): Promise<string> {
  const found: string[] = [];
  for (const statement of SEED) {
    const [, table = '', columns = '', values = ''] = /^insert into (\w+) \(([^)]*)\) values \((.*)\)$/.exec(statement) ?? [];
    // Serial: one after the other is quick, and the order is that of the seed.
    const { rows } = await db.database.engine.query<{ same: boolean }>(`select (${columns}) = (${values}) as same from ${table}`);
    found.push(`${table} ${rows.map(({ same }) => same).join()}`);
  }
  return found.join('\n');
}
