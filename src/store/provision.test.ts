import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { AppError } from '../kernel/fail.ts';
import { urlOf } from '../test/database.ts';
import { startTestServer, type TestServer } from '../test/postgres.ts';
import { openDatabase } from './client.ts';
import { migrate } from './migrate.ts';
import { provisionEmbedded, provisionManaged } from './provision.ts';
import { scramVerifier } from './scram.ts';
import { silentLog } from '../test/database.ts';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

async function ask<Row extends pg.QueryResultRow>(config: pg.ClientConfig, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client(config);
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Leaves the server without roles and databases of earlier tests. */
async function clean(): Promise<void> {
  for (const { datname } of await ask<{ datname: string }>(server.admin, `select datname from pg_database where not datistemplate and datname <> 'postgres'`)) {
    await ask(server.admin, `drop database "${datname}" with (force)`);
  }
  for (const { rolname } of await ask<{ rolname: string }>(
    server.admin,
    `select rolname from pg_roles where rolname !~ '^pg_' and rolname <> 'studio_root' order by rolname`,
  )) {
    await ask(server.admin, `drop owned by "${rolname}"`);
    await ask(server.admin, `drop role "${rolname}"`);
  }
}

test('embedded: logins without superuser rights, one of them to replicate alone, a database that others can not enter', async () => {
  await clean();
  const roles = await provisionEmbedded({ admin: server.admin, database: 'selfhost_studio', password: 'first' });
  assert.deepEqual(
    await ask(
      server.admin,
      `select rolname, rolsuper, rolcanlogin, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication from pg_roles where rolname like 'studio\\_%' and rolname <> 'studio_root' order by rolname`,
    ),
    ['studio_api', 'studio_engine', 'studio_owner', 'studio_replica'].map((rolname) => ({
      rolname,
      rolsuper: false,
      rolcanlogin: true,
      rolcreaterole: false,
      rolcreatedb: false,
      rolbypassrls: false,
      rolreplication: rolname === 'studio_replica',
    })),
  );
  assert.equal((await migrate({ owner: roles.owner })).version > 0, true);
  assert.deepEqual(await ask(roles.engine, 'select count(*)::int as n from queues'), [{ n: 3 }]);
  assert.deepEqual(await ask(roles.api, 'select count(*)::int as n from instances'), [{ n: 0 }]);
  await assert.rejects(ask(roles.engine, 'create table public.mine (id int)'), /permission denied/);
  await assert.rejects(ask(roles.api, 'delete from workflows'), /permission denied/);
  await ask(server.admin, `create role stranger login password 'x'`);
  await assert.rejects(ask({ ...server.admin, user: 'stranger', password: 'x', database: 'selfhost_studio' }, 'select 1'), /permission denied for database/);
});

test('embedded: a second boot changes nothing; a changed password works and the old one does not', async () => {
  await clean();
  const options = { admin: server.admin, database: 'selfhost_studio', password: 'first' };
  const roles = await provisionEmbedded(options);
  const verifiers = (): Promise<unknown[]> => ask(server.admin, 'select rolname, rolpassword from pg_authid order by rolname');
  const before = await verifiers();
  await provisionEmbedded(options);
  assert.deepEqual(await verifiers(), before);
  const changed = await provisionEmbedded({ ...options, password: "it's ünicode" });
  assert.deepEqual(await ask(changed.engine, 'select 1 as one'), [{ one: 1 }]);
  await assert.rejects(ask(roles.engine, 'select 1'), /password authentication failed/);
});

test('embedded: two boots at once both succeed', async () => {
  await clean();
  const boot = () => provisionEmbedded({ admin: server.admin, database: 'selfhost_studio', password: 'same' });
  const [first] = await Promise.all([boot(), boot(), boot()]);
  assert.deepEqual(await ask(first.engine, 'select 1 as one'), [{ one: 1 }]);
});

test('embedded: the login of a pasted DATABASE_URL is made, is no superuser and sees what the engine sees', async () => {
  await clean();
  const roles = await provisionEmbedded({ admin: server.admin, database: 'selfhost_studio', password: 'p', login: { name: 'postgres', password: 'pasted' } });
  await migrate({ owner: roles.owner });
  const login = { ...server.admin, user: 'postgres', password: 'pasted', database: 'selfhost_studio' };
  assert.deepEqual(await ask(login, `select rolsuper, (select count(*)::int from queues) as queues from pg_roles where rolname = 'postgres'`), [
    { rolsuper: false, queues: 3 },
  ]);
  for (const name of ['studio_root', 'studio_owner', 'pg_monitor']) {
    await assert.rejects(
      provisionEmbedded({ admin: server.admin, database: 'selfhost_studio', password: 'p', login: { name, password: 'x' } }),
      /keeps for itself/,
    );
  }
});

test('no password stands in a statement, and ours is the verifier PostgreSQL would make', async () => {
  assert.match(scramVerifier('secret'), /^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/);
  // RFC 7677, section 3: user "pencil".
  assert.equal(
    scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')),
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

test('managed: a login that may create roles gets them, and runs as them', async () => {
  await clean();
  await ask(server.admin, `create role app login password 'app' createrole`);
  await ask(server.admin, 'create database theirs owner app');
  const url = urlOf({ ...server.admin, user: 'app', password: 'app', database: 'theirs' });
  const roles = await provisionManaged({ url, createRoles: true });
  await migrate({ owner: roles.owner });
  assert.deepEqual(await ask(roles.engine, 'select current_user::text as me, session_user::text as login'), [{ me: 'studio_engine', login: 'app' }]);
  assert.deepEqual(await ask(roles.api, 'select current_user::text as me'), [{ me: 'studio_api' }]);
  assert.deepEqual(
    await ask(server.admin, `select rolcanlogin from pg_roles where rolname in ('studio_owner', 'studio_engine', 'studio_api') and rolcanlogin`),
    [],
  );
  await provisionManaged({ url, createRoles: false });
});

test('managed: options of the URL stay beside the role', async () => {
  const roles = await provisionManaged({
    url: `${urlOf({ ...server.admin, user: 'app', password: 'app', database: 'theirs' })}&options=-c%20statement_timeout%3D1234`,
    createRoles: false,
  });
  assert.deepEqual(await ask(roles.api, `select current_user::text as me, current_setting('statement_timeout') as timeout`), [
    { me: 'studio_api', timeout: '1234ms' },
  ]);
});

test('managed: row-level security holds although the login is the database owner, even a superuser', async () => {
  await clean();
  await ask(server.admin, 'create database theirs');
  const roles = await provisionManaged({ url: urlOf({ ...server.admin, database: 'theirs' }), createRoles: true });
  await migrate({ owner: roles.owner });
  await ask(roles.engine, `insert into orgs (id, name) values ('org_a', 'A'), ('org_b', 'B')`);
  const database = openDatabase({ engine: roles.engine, api: roles.api, log: silentLog });
  const seen = await database.org('org_a').query<{ id: string }>('select id from orgs');
  await database.close();
  assert.deepEqual(seen.rows, [{ id: 'org_a' }]);
  assert.deepEqual(await ask(roles.api, 'select id from orgs'), [], 'no org set: nothing');
});

test('managed: a login without rights is refused with SQL that, run by a DBA, is enough', async () => {
  await clean();
  await ask(server.admin, `create role "Poor App" login password 'app'`);
  await ask(server.admin, 'create database theirs');
  const url = urlOf({ ...server.admin, user: 'Poor App', password: 'app', database: 'theirs' });
  const refusal = await provisionManaged({ url, createRoles: true }).then(
    () => assert.fail('it was not refused'),
    (error: unknown) => error,
  );
  assert.ok(refusal instanceof AppError);
  assert.match(
    refusal.message,
    /create role studio_owner nologin;\n {2}create role studio_engine nologin;[\s\S]*grant studio_api to "Poor App";\n {2}grant create, usage on schema public to studio_owner;/,
  );
  assert.deepEqual(
    await ask(server.admin, `select rolname from pg_roles where rolname like 'studio\\_%' and rolname <> 'studio_root'`),
    [],
    'nothing half-done',
  );
  const statements = refusal.details?.['statements'] as string[];
  for (const statement of statements) await ask({ ...server.admin, database: 'theirs' }, statement);
  const roles = await provisionManaged({ url, createRoles: false });
  await migrate({ owner: roles.owner });
  assert.deepEqual(await ask(roles.engine, 'select current_user::text as me'), [{ me: 'studio_engine' }]);
});

test('managed: roles that may pass row-level security by are refused', async () => {
  await ask(server.admin, 'alter role studio_api bypassrls');
  await assert.rejects(
    provisionManaged({ url: urlOf({ ...server.admin, database: 'theirs' }), createRoles: true }),
    /studio_api may pass row-level security by/,
  );
});
