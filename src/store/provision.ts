/** Roles, database and grants, made before the first migration and re-synced at each boot. Idempotent.
 *  Embedded: three LOGIN roles with one password, and one that may only replicate. Managed: three NOLOGIN roles that the given login may take on (`set role`).
 *  Never drops anything; at run time nobody connects as a superuser. */
import pg from 'pg';
import { AppError } from '../kernel/fail.ts';
import { isScramMatch, scramVerifier } from './scram.ts';

/** studio_owner migrates, studio_engine works across orgs, studio_api is under forced row-level security. */
export const ROLES = ['studio_owner', 'studio_engine', 'studio_api'] as const;
export type RoleName = (typeof ROLES)[number];

/** How to connect as each role. */
export interface RoleConnections extends Readonly<Record<'owner' | 'engine' | 'api', pg.PoolConfig>> {
  /** May replicate and take base backups, and nothing else; of the embedded server only. */
  readonly replication?: pg.ClientConfig;
}

/** May read all there is as bytes, so it is no role that anything else connects as. initdb's pg_hba.conf lets it in from this machine alone. */
const REPLICATION_ROLE = 'studio_replica';

export interface EmbeddedOptions {
  /** A superuser on the embedded server, database `postgres`. */
  readonly admin: pg.ClientConfig;
  readonly database: string;
  /** Of the three roles. */
  readonly password: string;
  /** A login named in a pasted DATABASE_URL: made without superuser rights, with the rights of studio_engine. */
  readonly login?: { readonly name: string; readonly password: string };
}

/** One number for all Studios on a server: two that start at once provision one after the other. */
const PROVISION_LOCK = 0x57_75_64_01;

interface RoleRow {
  readonly name: string;
  readonly superuser: boolean;
  readonly bypasses: boolean;
  readonly canLogin: boolean;
  readonly replicates: boolean;
  readonly verifier: string | null;
}

/** Makes roles, passwords and the database of the embedded server. A second run changes only what differs. */
export async function provisionEmbedded(options: EmbeddedOptions): Promise<RoleConnections> {
  // Local: a commit may wait for a standby that has to connect as a role made here. A lost one is made again at the next start.
  const client = new pg.Client({ ...options.admin, options: '-c synchronous_commit=local' });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [PROVISION_LOCK]);
    const present = await readRoles(client, [...ROLES, REPLICATION_ROLE, ...(options.login === undefined ? [] : [options.login.name])]);
    for (const role of ROLES) await syncLogin(client, present.get(role), role, options.password);
    await syncReplication(client, present.get(REPLICATION_ROLE), options.password);
    if (options.login !== undefined) await syncPastedLogin(client, present.get(options.login.name), options.login);
    await syncDatabase(client, options);
  } finally {
    await client.end();
  }
  const connect = (user: RoleName): pg.PoolConfig => ({ ...serverOf(options.admin), user, password: options.password, database: options.database });
  return {
    owner: connect('studio_owner'),
    engine: connect('studio_engine'),
    api: connect('studio_api'),
    replication: { ...serverOf(options.admin), user: REPLICATION_ROLE, password: options.password, database: 'postgres' },
  };
}

/** @param admin a superuser, on another database of the server */
export async function renameDatabase(admin: pg.ClientConfig, names: { readonly from: string; readonly to: string }): Promise<void> {
  const client = new pg.Client(admin);
  await client.connect();
  try {
    await client.query(`alter database ${pg.escapeIdentifier(names.from)} rename to ${pg.escapeIdentifier(names.to)}`);
  } finally {
    await client.end();
  }
}

/** Checks, and where the login may, makes the roles on a server that somebody else runs.
 *  @param createRoles false: only checks
 *  @throws AppError `database_unavailable` whose message holds the exact SQL a DBA has to run */
export async function provisionManaged(options: { readonly url: string; readonly createRoles: boolean }): Promise<RoleConnections> {
  const client = new pg.Client({ connectionString: options.url });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [PROVISION_LOCK]);
    await refuseOldServer(client);
    const login = await readLogin(client);
    const missing = await missingStatements(client, login.name);
    if (missing.length > 0) {
      if (!options.createRoles) throw missingRights(login, missing);
      await runAll(client, login, missing);
    }
    await refuseStrongRoles(client);
  } finally {
    await client.end();
  }
  return { owner: takingRole(options.url, 'studio_owner'), engine: takingRole(options.url, 'studio_engine'), api: takingRole(options.url, 'studio_api') };
}

async function readRoles(client: pg.Client, names: readonly string[]): Promise<Map<string, RoleRow>> {
  const { rows } = await client.query<RoleRow>(
    `select rolname as name, rolsuper as superuser, rolbypassrls as bypasses, rolcanlogin as "canLogin", rolreplication as replicates, rolpassword as verifier
     from pg_authid where rolname = any($1)`,
    [names],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

async function syncLogin(client: pg.Client, present: RoleRow | undefined, name: string, password: string): Promise<void> {
  if (present === undefined) await client.query(`create role ${pg.escapeIdentifier(name)} login nosuperuser nobypassrls`);
  else if (present.superuser || present.bypasses || !present.canLogin)
    await client.query(`alter role ${pg.escapeIdentifier(name)} login nosuperuser nobypassrls`);
  if (!isScramMatch(present?.verifier ?? null, password)) {
    // The verifier, not the password, travels: a statement may stand in the server's log.
    await client.query(`alter role ${pg.escapeIdentifier(name)} password ${pg.escapeLiteral(scramVerifier(password))}`);
  }
}

async function syncReplication(client: pg.Client, present: RoleRow | undefined, password: string): Promise<void> {
  await syncLogin(client, present, REPLICATION_ROLE, password);
  if (present?.replicates !== true) await client.query(`alter role ${pg.escapeIdentifier(REPLICATION_ROLE)} replication`);
}

async function syncPastedLogin(client: pg.Client, present: RoleRow | undefined, login: { readonly name: string; readonly password: string }): Promise<void> {
  const { name } = login;
  if (present?.superuser === true || name.startsWith('studio_') || name.startsWith('pg_')) {
    throw new AppError('database_unavailable', {
      message: `DATABASE_URL names the login "${name}", which the embedded server keeps for itself; use another name.`,
    });
  }
  await syncLogin(client, present, name, login.password);
  await client.query(`grant studio_engine to ${pg.escapeIdentifier(name)}`);
}

async function syncDatabase(client: pg.Client, options: EmbeddedOptions): Promise<void> {
  const name = pg.escapeIdentifier(options.database);
  const { rows } = await client.query<{ owner: string; open: boolean; connects: boolean }>(
    `select pg_get_userbyid(datdba) as owner, has_database_privilege('public', oid, 'connect') as open,
       has_database_privilege('studio_engine', oid, 'connect') and has_database_privilege('studio_api', oid, 'connect') as connects
     from pg_database where datname = $1`,
    [options.database],
  );
  const [present] = rows;
  if (present === undefined) await client.query(`create database ${name} owner studio_owner encoding 'UTF8' template template0`);
  else if (present.owner !== 'studio_owner') await client.query(`alter database ${name} owner to studio_owner`);
  if (present === undefined || present.open) await client.query(`revoke all on database ${name} from public`);
  if (present === undefined || present.open || !present.connects)
    await client.query(`grant connect, temporary on database ${name} to studio_engine, studio_api`);
}

function serverOf(admin: pg.ClientConfig): pg.PoolConfig {
  return { ...(admin.host === undefined ? {} : { host: admin.host }), ...(admin.port === undefined ? {} : { port: admin.port }) };
}

/** 15: `nulls not distinct` and security of schema public. */
const OLDEST_SERVER = 150_000;

async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ number: number; text: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as text`,
  );
  const version = rows[0];
  if (version === undefined || version.number < OLDEST_SERVER) {
    throw new AppError('database_unavailable', {
      message: `The server of DATABASE_URL is PostgreSQL ${version?.text ?? 'unknown'}; Studio needs 15 or newer.`,
    });
  }
}

interface Login {
  readonly name: string;
  readonly database: string;
}

async function readLogin(client: pg.Client): Promise<Login> {
  const { rows } = await client.query<Login>(`select session_user::text as name, current_database()::text as database`);
  const [login] = rows;
  if (login === undefined) throw new Error('the server did not say who is logged in');
  return login;
}

/** What a DBA would have to run so that `login` can take on the three roles; empty when all stands. */
async function missingStatements(client: pg.Client, login: string): Promise<string[]> {
  const { rows } = await client.query<{ name: RoleName; present: boolean; member: boolean }>(
    `select wanted.name, r.oid is not null as present,
       coalesce(pg_has_role(session_user, r.oid, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end), false) as member
     from unnest($1::text[]) with ordinality as wanted (name, place) left join pg_roles r on r.rolname = wanted.name order by wanted.place`,
    [ROLES],
  );
  const created = rows.filter((row) => !row.present).map((row) => `create role ${row.name} nologin;`);
  const granted = rows.filter((row) => !row.present || !row.member).map((row) => `grant ${row.name} to ${pg.escapeIdentifier(login)};`);
  const ownerStands = rows.some((row) => row.name === 'studio_owner' && row.present);
  const { rows: schema } = ownerStands
    ? await client.query<{ may: boolean }>(
        `select has_schema_privilege('studio_owner', 'public', 'create') and has_schema_privilege('studio_owner', 'public', 'usage') as may`,
      )
    : { rows: [] };
  return [...created, ...granted, ...(schema[0]?.may === true ? [] : ['grant create, usage on schema public to studio_owner;'])];
}

async function runAll(client: pg.Client, login: Login, statements: readonly string[]): Promise<void> {
  try {
    await client.query('begin');
    // One after the other: a grant needs the role that the statement before it made.
    for (const statement of statements) await client.query(statement);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback');
    throw missingRights(login, statements, cause);
  }
}

function missingRights(login: Login, statements: readonly string[], cause?: unknown): AppError {
  const sql = statements.map((statement) => `  ${statement}`).join('\n');
  return new AppError('database_unavailable', {
    message: `The login "${login.name}" of DATABASE_URL can't take on Studio's roles in the database "${login.database}". A database administrator has to run there:\n${sql}`,
    details: { login: login.name, database: login.database, statements: [...statements] },
    cause,
  });
}

/** Row-level security is no wall for a role that passes it by. */
async function refuseStrongRoles(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(`select rolname as name from pg_roles where rolname = any($1) and (rolsuper or rolbypassrls)`, [ROLES]);
  if (rows.length > 0) {
    const names = rows.map((row) => row.name);
    throw new AppError('database_unavailable', {
      message: `The roles ${names.join(', ')} may pass row-level security by; run: ${names.map((name) => `alter role ${name} nosuperuser nobypassrls;`).join(' ')}`,
    });
  }
}

/** The same login, that takes on `role` as the connection opens. */
function takingRole(url: string, role: RoleName): pg.PoolConfig {
  const parsed = new URL(url);
  const options = parsed.searchParams.get('options');
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, options: `${options === null ? '' : `${options} `}-c role=${role}` };
}
