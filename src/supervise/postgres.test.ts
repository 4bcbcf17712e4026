import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { waitGone } from '../kernel/child.ts';
import { isAlive, readProcess } from '../kernel/process-identity.ts';
import { ensureServiceAccount } from './account.ts';
import { passwordStatement } from '../store/health.ts';
import { serversIn } from './postgres-directory.ts';
import { setSuperuserPassword } from './postgres-password.ts';
import { startPostgres, type Postgres, type PostgresOptions } from './postgres.ts';
import { Refusal } from './refusal.ts';

const base = mkdtempSync(join(tmpdir(), 'studio-pg-test-'));
chmodSync(base, 0o711);
const account = await ensureServiceAccount();
let count = 0;

function optionsAt(dataDir: string, extra: Partial<PostgresOptions> = {}): PostgresOptions {
  return {
    dataDir,
    socketDir: join(base, `s${++count}`),
    superuser: 'studio_admin',
    password: 'first password',
    clusterName: 'studio-testing',
    settings: { fsync: 'off', full_page_writes: 'off', shared_buffers: '4MB', max_connections: '10' },
    ...extra,
  };
}

async function ask(server: Postgres, text: string, password = 'first password'): Promise<unknown> {
  const client = new pg.Client({ host: server.socketDir, port: server.port, user: 'studio_admin', password, database: 'postgres' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ answer: unknown }>(text);
    return rows[0]?.answer;
  } finally {
    await client.end();
  }
}

/** A directory that initdb made, stopped cleanly: copied for each test, for initdb takes a second. */
const template = join(base, 'template');
function freshCopy(): string {
  const dataDir = join(base, `d${++count}`);
  cpSync(template, dataDir, { recursive: true });
  if (account)
    for (const name of ['.', ...readdirSync(dataDir, { recursive: true, encoding: 'utf8' })]) chownSync(join(dataDir, name), account.uid, account.gid);
  chmodSync(dataDir, 0o700);
  return dataDir;
}

/** Everything in a directory with size and time: what "nothing was changed" is measured by. Links are not followed. */
function listing(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => [name, lstatSync(join(folder, name))] as const)
    .map(([name, { size, mtimeMs }]) => `${name} ${size} ${mtimeMs}`)
    .toSorted();
}

before(async () => {
  const server = await startPostgres(optionsAt(template));
  equal(server.made, true);
  await server.stop();
});

after(() => rmSync(base, { recursive: true, force: true }));

describe('a start', () => {
  test('makes a directory with checksums, scram and an unprivileged owner, on a socket in a 0700 folder', async () => {
    const server = await startPostgres(optionsAt(freshCopy(), { settings: {} }));
    try {
      equal(await ask(server, `select current_setting('data_checksums') as answer`), 'on');
      equal(await ask(server, `select current_setting('fsync') as answer`), 'on');
      equal(await ask(server, `select current_setting('max_wal_size') as answer`), '128MB');
      equal(await ask(server, `select current_setting('checkpoint_timeout') as answer`), '1min');
      equal(await ask(server, `select current_setting('listen_addresses') as answer`), '');
      equal(await ask(server, `select current_setting('cluster_name') as answer`), 'studio-testing');
      equal(statSync(server.socketDir).mode & 0o777, 0o700);
      ok(
        readFileSync(join(server.dataDir, 'pg_hba.conf'), 'utf8')
          .split('\n')
          .filter((line) => /^(local|host)/.test(line))
          .every((line) => line.trim().endsWith('scram-sha-256')),
      );
      if (account) equal(statSync(`/proc/${server.pid}`).uid, account.uid);
      await rejects(ask(server, 'select 1 as answer', 'wrong'), /password authentication failed/);
    } finally {
      await server.stop();
    }
    deepEqual(serversIn(server.dataDir), []);
  });

  test('its server is in a session of its own, away from the Ctrl-C of the terminal', async () => {
    const server = await startPostgres(optionsAt(freshCopy()));
    equal(readProcess(server.pid)?.groupId, server.pid);
    await server.stop();
  });

  test('a changed password is set while the server is down', async () => {
    const dataDir = freshCopy();
    await setSuperuserPassword(dataDir, passwordStatement('studio_admin', `new ' pass\\word`));
    const server = await startPostgres(optionsAt(dataDir));
    equal(await ask(server, 'select 1 as answer', `new ' pass\\word`), 1);
    await rejects(ask(server, 'select 1 as answer'), /password authentication failed/);
    await server.stop();
  });

  test('an initdb that was killed half-way leaves nothing that stops the next', async () => {
    const dataDir = join(base, `d${++count}`);
    mkdirSync(join(base, `.d${count}-initdb-dead`, 'data', 'base'), { recursive: true });
    const server = await startPostgres(optionsAt(dataDir));
    await server.stop();
    equal(existsSync(join(base, `.d${count}-initdb-dead`)), false);
  });
});

describe('what an earlier Studio left', () => {
  test('an orphaned server with our mark is stopped cleanly, then started anew', async () => {
    const dataDir = freshCopy();
    const orphan = await startPostgres(optionsAt(dataDir));
    const server = await startPostgres(optionsAt(dataDir));
    equal(server.stoppedOrphan, true);
    equal((await orphan.exited).code, 0);
    equal(await ask(server, 'select 1 as answer'), 1);
    await server.stop();
  });

  test('an orphan that is frozen is stopped all the same', async () => {
    const dataDir = freshCopy();
    const orphan = await startPostgres(optionsAt(dataDir));
    for (const facts of serversIn(dataDir)) process.kill(facts.pid, 'SIGSTOP');
    const server = await startPostgres(optionsAt(dataDir));
    equal(server.stoppedOrphan, true);
    await orphan.exited;
    await server.stop();
  });

  test('an orphan whose directory was removed is gone before it takes the socket of the next with it', async () => {
    const options = optionsAt(join(base, 'removed'));
    const orphan = await startPostgres(options);
    const { started } = readProcess(orphan.pid) ?? {};
    ok(started);
    rmSync(options.dataDir, { recursive: true });
    const server = await startPostgres(options);
    equal(isAlive({ pid: orphan.pid, started }), false);
    equal(await ask(server, 'select 1 as answer'), 1);
    await server.stop();
  });

  test('backends that outlived a killed postmaster are waited for', async () => {
    const dataDir = freshCopy();
    const orphan = await startPostgres(optionsAt(dataDir));
    const [backend] = serversIn(dataDir).filter((facts) => facts.pid !== orphan.pid);
    ok(backend);
    process.kill(backend.pid, 'SIGSTOP');
    process.kill(orphan.pid, 'SIGKILL');
    await orphan.exited;
    const server = await startPostgres(optionsAt(dataDir));
    equal(isAlive(backend), false);
    await server.stop();
  });

  test('a server without our mark is refused, left running and its files untouched', async () => {
    const dataDir = freshCopy();
    const stranger = await startPostgres(optionsAt(dataDir, { clusterName: 'somebody-elses' }));
    const lock = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8');
    await rejects(
      startPostgres(optionsAt(dataDir)),
      (error: unknown) => error instanceof Refusal && error.kind === 'foreign_server' && error.message.includes(String(stranger.pid)),
    );
    equal(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'), lock);
    equal(await ask(stranger, 'select 1 as answer'), 1);
    await stranger.stop();
  });

  const sleeper = spawn('/bin/sleep', ['600'], account ? { uid: account.uid, gid: account.gid } : {});
  after(() => sleeper.kill('SIGKILL'));
  const lockTexts: readonly (readonly [string, () => string])[] = [
    ['a pid that is gone', () => `4194000\n${base}\n1\n5432\n\n\n\nready\n`],
    ['a living pid of the same account that is no server', () => `${sleeper.pid}\n${base}\n1\n5432\n\n\n\nready\n`],
    ["Studio's own pid", () => `${process.pid}\n${base}\n1\n5432\n\n\n\nready\n`],
    ['garbage', () => '\0\xff not a pid \n\n'],
    ['nothing', () => ''],
    ['a negative number', () => '-1\n'],
  ];
  for (const [name, text] of lockTexts) {
    test(`a postmaster.pid with ${name} does not stop the start`, async () => {
      const dataDir = freshCopy();
      const options = optionsAt(dataDir);
      mkdirSync(options.socketDir, { mode: 0o700 });
      writeFileSync(join(dataDir, 'postmaster.pid'), text());
      writeFileSync(join(options.socketDir, '.s.PGSQL.5432.lock'), text());
      writeFileSync(join(options.socketDir, '.s.PGSQL.5432'), '');
      const server = await startPostgres(options);
      equal(await ask(server, 'select 1 as answer'), 1);
      await server.stop();
      ok(sleeper.pid !== undefined && readProcess(sleeper.pid) !== undefined);
    });
  }

  test('a zombie in postmaster.pid does not stop the start', async () => {
    // A shell that never waits for its child, which has ended: the child stays a zombie.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      ...(account ? { uid: account.uid, gid: account.gid } : {}),
    });
    const pid = Number(await new Promise<string>((resolve) => parent.stdout.once('data', (bytes: Buffer) => resolve(bytes.toString()))));
    await waitGone([{ pid, started: readProcess(pid)?.started ?? '' }], 5_000);
    equal(readProcess(pid)?.isZombie, true);
    const dataDir = freshCopy();
    writeFileSync(join(dataDir, 'postmaster.pid'), `${pid}\n${dataDir}\n1\n5432\n\n\n\nready\n`);
    const server = await startPostgres(optionsAt(dataDir));
    await server.stop();
    parent.kill('SIGKILL');
  });
});

describe('a directory that can not be trusted is refused and left as it is', () => {
  const broken: readonly (readonly [string, (dataDir: string) => void, RegExp?])[] = [
    ['PG_VERSION is missing', (dir) => rmSync(join(dir, 'PG_VERSION'))],
    ['PG_VERSION is empty', (dir) => writeFileSync(join(dir, 'PG_VERSION'), '')],
    ['PG_VERSION is garbage', (dir) => writeFileSync(join(dir, 'PG_VERSION'), '\0\x01\x02')],
    ['PG_VERSION is a folder', (dir) => (rmSync(join(dir, 'PG_VERSION')), mkdirSync(join(dir, 'PG_VERSION')))],
    ['PG_VERSION is older', (dir) => writeFileSync(join(dir, 'PG_VERSION'), '17\n'), /PostgreSQL 17; this Studio runs PostgreSQL 18/],
    ['PG_VERSION is newer', (dir) => writeFileSync(join(dir, 'PG_VERSION'), '19\n'), /PostgreSQL 19/],
    ['pg_control is missing', (dir) => rmSync(join(dir, 'global/pg_control'))],
    ['pg_control is empty', (dir) => truncateSync(join(dir, 'global/pg_control'))],
    ['global is missing', (dir) => rmSync(join(dir, 'global'), { recursive: true })],
    ['base is missing', (dir) => rmSync(join(dir, 'base'), { recursive: true })],
    ['pg_wal is missing', (dir) => rmSync(join(dir, 'pg_wal'), { recursive: true })],
    ['pg_wal is a dangling link', (dir) => (rmSync(join(dir, 'pg_wal'), { recursive: true }), symlinkSync('/nonexistent/wal', join(dir, 'pg_wal')))],
    ['pg_xact is missing', (dir) => rmSync(join(dir, 'pg_xact'), { recursive: true })],
    ['pg_hba.conf is missing', (dir) => rmSync(join(dir, 'pg_hba.conf'))],
    ['postgresql.conf is missing', (dir) => rmSync(join(dir, 'postgresql.conf'))],
    ['only PG_VERSION is left', (dir) => keepOnly(dir, ['PG_VERSION'])],
    ['only base is left', (dir) => keepOnly(dir, ['base'])],
    ['only a hidden file is there', (dir) => (keepOnly(dir, []), writeFileSync(join(dir, '.hidden'), 'x'))],
    ['a single foreign file is there', (dir) => (keepOnly(dir, []), writeFileSync(join(dir, 'notes.txt'), 'mine'))],
    ['only lost+found is there', (dir) => (keepOnly(dir, []), mkdirSync(join(dir, 'lost+found')))],
    ['another database stands there', (dir) => (keepOnly(dir, []), writeFileSync(join(dir, 'ibdata1'), 'mysql'))],
  ];
  for (const [name, breakIt, says] of broken) {
    test(name, async () => {
      const dataDir = freshCopy();
      breakIt(dataDir);
      const before = listing(dataDir);
      await rejects(startPostgres(optionsAt(dataDir)), (error: unknown) => {
        ok(error instanceof Refusal);
        match(error.message, says ?? /can't be trusted/);
        match(error.message, /[Nn]othing was changed/);
        return error.message.includes(dataDir);
      });
      deepEqual(listing(dataDir), before);
    });
  }

  test('a file stands where the directory should be', async () => {
    const dataDir = join(base, `d${++count}`);
    writeFileSync(dataDir, 'a file');
    await rejects(startPostgres(optionsAt(dataDir)), /not a directory/);
    equal(readFileSync(dataDir, 'utf8'), 'a file');
  });

  test('a torn pg_control: PostgreSQL says no, nothing is made anew', async () => {
    const dataDir = freshCopy();
    const path = join(dataDir, 'global/pg_control');
    const bytes = readFileSync(path);
    bytes.fill(0xff, 0, 200);
    writeFileSync(path, bytes);
    await rejects(startPostgres(optionsAt(dataDir)), /ended while starting/);
    deepEqual(readFileSync(path), bytes);
    ok(existsSync(join(dataDir, 'base')));
  });

  test('a lost log segment: PostgreSQL says no, nothing is made anew', async () => {
    const dataDir = freshCopy();
    const wal = join(dataDir, 'pg_wal');
    for (const name of readdirSync(wal).filter((entry) => /^[0-9A-F]{24}$/.test(entry))) rmSync(join(wal, name));
    await rejects(startPostgres(optionsAt(dataDir)), /ended while starting/);
    ok(existsSync(join(dataDir, 'base')));
  });
});

function keepOnly(dir: string, names: readonly string[]): void {
  for (const name of readdirSync(dir)) if (!names.includes(name)) rmSync(join(dir, name), { recursive: true });
}

test('modes that another system opened or closed are put right', async () => {
  const dataDir = freshCopy();
  chmodSync(dataDir, 0o000);
  const server = await startPostgres(optionsAt(dataDir)).catch((error: unknown) => error);
  // An ordinary user can't even look into it, and says so; root gives it back its mode.
  if (server instanceof Error) match(server.message, /can't be read/);
  else await (server as Postgres).stop();
  chmodSync(dataDir, 0o700);
});
