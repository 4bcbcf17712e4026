/** A directory that an older PostgreSQL made is taken over. Needs the programs of one: STUDIO_TEST_OLD_POSTGRES names their folder (bin, lib, share). */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { completeConfig, loadConfig } from '../config/load.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { embeddedOptions } from '../ops/database-start.ts';
import { migrate } from '../store/migrate.ts';
import { provisionEmbedded } from '../store/provision.ts';
import { ensureServiceAccount } from '../supervise/account.ts';
import { locatePostgresIn } from '../supervise/postgres-binaries.ts';
import { judgeDirectory, majorOf } from '../supervise/postgres-directory.ts';
import { startPostgres } from '../supervise/postgres.ts';
import { upgradePostgres } from './upgrade-postgres.ts';

const native = [process.env['STUDIO_TEST_OLD_POSTGRES'], '/usr/lib/postgresql/17', '/usr/lib/postgresql/16'].find(
  (path) => path !== undefined && existsSync(join(path, 'bin/postgres')),
);
const folder = mkdtempSync(join(tmpdir(), 'studio-old-pg-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test(
  'a directory of an older PostgreSQL is refused with the command, taken over whole, and kept',
  { skip: native === undefined && 'no older PostgreSQL is here: set STUDIO_TEST_OLD_POSTGRES' },
  async () => {
    const binaries = locatePostgresIn(native ?? '', 'test', await ensureServiceAccount());
    const major = Number(/\(PostgreSQL\) (\d+)/.exec(execFileSync(binaries.postgres, ['--version'], { encoding: 'utf8' }))?.[1]);
    const old = { binaries, major };
    const workspacePath = join(folder, 'ws');
    mkdirSync(workspacePath);
    const config = completeConfig((await loadConfig({ env: { WORKSPACE_PATH: workspacePath }, file: {} })).config);
    if (config.database.kind !== 'embedded') throw new Error('embedded was meant');
    const { database } = config;
    const dataDir = join(workspacePath, 'pg');
    const socketDir = join(folder, 's');
    const connect = (server: { readonly socketDir: string; readonly port: number; readonly superuser: string }) =>
      provisionEmbedded({
        admin: { host: server.socketDir, port: server.port, user: server.superuser, password: config.postgresPassword, database: 'postgres' },
        database: database.name,
        password: config.postgresPassword,
      });
    const first = await startPostgres({ ...embeddedOptions({ config, dataDir, socketDir }, database), old });
    const roles = await connect(first);
    await migrate({ owner: roles.owner });
    const rows = async (engine: pg.ClientConfig): Promise<unknown> => {
      const client = new pg.Client(engine);
      await client.connect();
      const found = await client.query(
        `select o.name, w.definition::text as definition, (select count(*)::int from instances) as instances from orgs o, workflow_versions w`,
      );
      await client.end();
      return found.rows;
    };
    const client = new pg.Client(roles.engine);
    await client.connect();
    await client.query(`insert into orgs (id, name) values ('org_1', 'Ünïcode 🙂')`);
    await client.query(`insert into workflows (id, org_id, name, version) values ('wf_1', 'org_1', 'w', 1)`);
    await client.query(
      `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_1', 1, 'org_1', '{"nodes":[]}', 'h', 0)`,
    );
    await client.query(
      `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq)
     select 'inst_' || lpad(n::text, 26, '0'), 'org_1', 'wf_1', 1, 'completed', '{}', 50, 'x', 1 from generate_series(1, 5000) n`,
    );
    await client.end();
    const before = await rows(roles.engine);
    await first.stop();
    assert.throws(
      () => judgeDirectory(dataDir),
      /was made by PostgreSQL \d+; this Studio runs PostgreSQL 18\. Nothing was changed\. Run: studio db upgrade-postgres/,
    );
    const said: string[] = [];
    const done = await upgradePostgres({
      config,
      database,
      dataDir,
      socketDir,
      old,
      clock,
      signal: new AbortController().signal,
      say: (line) => said.push(line),
    });
    assert.equal(majorOf(dataDir), 18);
    assert.equal(readFileSync(join(done.keptIn, 'PG_VERSION'), 'utf8').trim(), String(major));
    assert.ok(done.rows >= 5_003);
    const again = await startPostgres(embeddedOptions({ config, dataDir, socketDir }, database));
    assert.deepEqual(await rows((await connect(again)).engine), before);
    await again.stop();
  },
);
