import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PortHolder } from '../kernel/port-holder.ts';
import { explainConfig } from './explain.ts';
import { completeConfig, ConfigRefusal, loadConfig, type LoadedConfig } from './load.ts';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function workspace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-config-'));
  folders.push(folder);
  return folder;
}

const nobody = (): PortHolder | undefined => undefined;
const strong = 'c0ffee1db74a9e352f6d8b0a1c3e5f7092b4d6f8a1c3e5f7092b4d6f8a1c3e5f';

function load(env: Record<string, string>, findHolder: (port: number) => PortHolder | undefined = nobody): Promise<LoadedConfig> {
  return loadConfig({ env: { WORKSPACE_PATH: workspace(), ...env }, findHolder });
}

async function faultsOf(env: Record<string, string>, findHolder = nobody): Promise<readonly string[]> {
  const error = await load(env, findHolder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  ok(error instanceof ConfigRefusal, `expected a refusal of ${JSON.stringify(env)}`);
  return error.faults;
}

const managed = {
  DATABASE_URL: 'postgresql://u:p@db.example:5432/x',
  REDIS_URL: 'redis://cache.example:6379/0',
  JWT_SECRET_KEY: strong,
  WORKER_SHARED_SECRET: strong,
};

test('nothing set: embedded, on every default', async () => {
  const { config, notices } = await load({});
  equal(config.mode, 'embedded');
  deepEqual(config.database, { kind: 'embedded', name: 'selfhost_studio' });
  deepEqual(config.redis, { kind: 'embedded' });
  deepEqual([config.host, config.port, config.env, config.debug, config.createTables, config.logLevel], ['0.0.0.0', 8000, 'development', false, true, 'info']);
  deepEqual(notices, []);
});

test('both URLs elsewhere, with the secrets: managed', async () => {
  const { config } = await load(managed);
  equal(config.mode, 'managed');
  deepEqual(config.database, { kind: 'managed', url: 'postgresql://u:p@db.example:5432/x' });
  deepEqual(config.redis, { kind: 'managed', url: 'redis://cache.example:6379/0' });
});

// Each row: what is wrong in a managed deployment, and what its one line says.
const managedFaults: readonly (readonly [string, Record<string, string | undefined>, RegExp])[] = [
  ['JWT_SECRET_KEY missing', { JWT_SECRET_KEY: undefined }, /Missing required environment variable: JWT_SECRET_KEY/],
  ['WORKER_SHARED_SECRET missing', { WORKER_SHARED_SECRET: undefined }, /Missing required environment variable: WORKER_SHARED_SECRET/],
  ['REDIS_URL missing', { REDIS_URL: undefined }, /Missing required environment variable: REDIS_URL/],
  ['DATABASE_URL missing', { DATABASE_URL: undefined }, /Missing required environment variable: DATABASE_URL/],
  ['JWT_SECRET_KEY empty', { JWT_SECRET_KEY: '' }, /JWT_SECRET_KEY is empty/],
  ['JWT_SECRET_KEY blank', { JWT_SECRET_KEY: '   ' }, /JWT_SECRET_KEY is empty/],
  ['DATABASE_URL empty', { DATABASE_URL: '' }, /DATABASE_URL is empty/],
  ['JWT_SECRET_KEY quoted', { JWT_SECRET_KEY: `"${strong}"` }, /JWT_SECRET_KEY is wrapped in quotes/],
  ['DATABASE_URL quoted', { DATABASE_URL: `'postgresql://u:p@db:5432/x'` }, /DATABASE_URL is wrapped in quotes/],
  ['JWT_SECRET_KEY unexpanded', { JWT_SECRET_KEY: '{{ RUNPOD_SECRET_jwt }}' }, /JWT_SECRET_KEY holds an unexpanded template/],
  ['POSTGRES_PASSWORD unexpanded', { POSTGRES_PASSWORD: '{{ RUNPOD_SECRET_pg }}' }, /POSTGRES_PASSWORD holds an unexpanded template/],
  ['DATABASE_URL unexpanded within', { DATABASE_URL: 'postgresql://u:{{ RUNPOD_SECRET_pg }}@db:5432/x' }, /DATABASE_URL holds an unexpanded template/],
  ['a shell variable left over', { WORKER_SHARED_SECRET: '${WORKER_SECRET}' }, /WORKER_SHARED_SECRET holds an unexpanded template/],
  ['DATABASE_URL no URL', { DATABASE_URL: 'db.example' }, /DATABASE_URL is not a URL of the form postgresql/],
  ['DATABASE_URL of MySQL', { DATABASE_URL: 'mysql://u@db/x' }, /DATABASE_URL is not a URL of the form postgresql/],
  ['DATABASE_URL of SQLite', { DATABASE_URL: 'sqlite:///data/studio.db' }, /SQLite.*import/],
  ['DATABASE_URL of SQLite with a driver', { DATABASE_URL: 'sqlite+aiosqlite:///x.db' }, /SQLite/],
  ['REDIS_URL no URL', { REDIS_URL: 'cache:6379' }, /REDIS_URL is not a URL/],
];

for (const [name, change, line] of managedFaults) {
  test(`managed refuses: ${name}`, async () => {
    const env = Object.fromEntries(Object.entries({ ...managed, ...change }).filter((entry): entry is [string, string] => entry[1] !== undefined));
    const faults = await faultsOf(env);
    equal(faults.filter((fault) => line.test(fault)).length, 1, faults.join('\n'));
    ok(!faults.join('\n').includes(strong), 'a refusal never repeats a secret');
  });
}

test('variables that were most likely meant for Studio are told with the name that was meant, others are not', async () => {
  const path = workspace();
  writeFileSync(join(path, '.env'), `WORKER_SHARED_SECRT=${strong}\nPORT=8000\n`);
  const env = {
    WORKSPACE_PATH: path,
    STUDIO_STOP_JOB: 'keep',
    REQUEST_TIMEOUT: '5',
    HOSTNAME: 'x',
    HOMEX: 'y',
    SOME_PROGRAMS_VARIABLE: 'z',
    GUNICORN_WORKERS: '4',
  };
  const { notices } = await loadConfig({ env, findHolder: nobody });
  deepEqual(notices, [
    'the environment sets STUDIO_STOP_JOB, which Studio does not have; did you mean STUDIO_STOP_JOBS?',
    'the environment sets REQUEST_TIMEOUT, which Studio does not have; did you mean REQUEST_TIMEOUT_S?',
    `${join(path, '.env')} sets WORKER_SHARED_SECRT, which Studio does not have; did you mean WORKER_SHARED_SECRET?`,
  ]);
});

for (const [name, value] of [
  ['typographic quotes', `“${strong}”`],
  ['quotes that do not match', `"${strong}'`],
  ['a quote inside a template', `"{{ RUNPOD_SECRET_jwt }}"`],
] as const) {
  test(`a secret in ${name} is refused, and never repeated`, async () => {
    const faults = await faultsOf({ JWT_SECRET_KEY: value });
    equal(faults.length, 1);
    match(faults[0] ?? '', /JWT_SECRET_KEY is wrapped in quotes/);
    ok(!faults.join().includes(strong));
  });
}

test('a template that no space parts, and one of another place, are known', async () => {
  for (const value of ['{{RUNPOD_SECRET_jwt}}', 'x-{{ RUNPOD_SECRET_a }}-y', '${JWT}']) {
    const { config, notices } = await load({ JWT_SECRET_KEY: value });
    equal(config.jwtSecretKey, undefined);
    match(notices.join(), /JWT_SECRET_KEY holds an unexpanded template/);
  }
});

test('a workspace that is a file, or below one, is refused with its name', async () => {
  const file = join(workspace(), 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below')])
    match((await faultsOf({ WORKSPACE_PATH: path })).join(), new RegExp(`WORKSPACE_PATH ${path} can't be used: .*right to write`));
});

test('every fault is named in one refusal', async () => {
  const faults = await faultsOf({ ...managed, PORT: 'abc', JWT_SECRET_KEY: '', WORKER_SHARED_SECRET: '"x"', DEBUG: 'maybe' });
  equal(faults.length, 4);
});

// Wrong in any mode: no guess can be right.
const wrongValues: readonly (readonly [Record<string, string>, RegExp])[] = [
  [{ PORT: '99999' }, /PORT is "99999"; it must be a whole number from 1 to 65535/],
  [{ PORT: '80.5' }, /PORT is "80.5"/],
  [{ PORT: '"8000"' }, /PORT is wrapped in quotes/],
  [{ DEBUG: 'perhaps' }, /DEBUG is "perhaps"; it must be true or false/],
  [{ ENV: 'prod' }, /ENV is "prod"; it must be one of development, production/],
  [{ WORKSPACE_PATH: 'relative/path' }, /WORKSPACE_PATH is "relative\/path"; it must be an absolute path/],
  [{ WORKSPACE_PATH: '/proc/nowhere' }, /WORKSPACE_PATH \/proc\/nowhere can't be used/],
  [{ CORS_ORIGINS: 'https://a.example/path' }, /CORS_ORIGINS holds "https:\/\/a.example\/path"/],
  [{ STUDIO_STOP_JOBS: 'kill' }, /STUDIO_STOP_JOBS is "kill"/],
  [{ ADMIN_EMAIL: 'a@b.example' }, /ADMIN_EMAIL is set but ADMIN_PASSWORD is not/],
  [{ ADMIN_EMAIL: 'nobody', ADMIN_PASSWORD: strong }, /ADMIN_EMAIL is "nobody"/],
  [{ TLS_CERT_FILE: '/x/cert.pem' }, /TLS_CERT_FILE is set but TLS_KEY_FILE is not/],
  [{ PROXY_FIX_X_FOR: '-1' }, /PROXY_FIX_X_FOR is "-1"/],
];

for (const [env, line] of wrongValues) {
  test(`${JSON.stringify(env)} is refused`, async () => {
    const faults = await faultsOf(env);
    equal(faults.length, 1, faults.join('\n'));
    match(faults[0] ?? '', line);
  });
}

const weak = [
  'changeme',
  'secret',
  'your-secret-key-change-in-production-please',
  'short',
  'a'.repeat(64),
  'password123',
  'super-secret-jwt-key-with-more-than-32-characters',
];

for (const value of weak) {
  test(`production refuses JWT_SECRET_KEY=${value.slice(0, 20)}`, async () => {
    const faults = await faultsOf({ ENV: 'production', JWT_SECRET_KEY: value });
    equal(faults.length, 1);
    match(faults[0] ?? '', /JWT_SECRET_KEY .*ENV=production refuses it/);
  });
}

for (const value of weak.filter((text) => text.length >= 32)) {
  test(`development takes JWT_SECRET_KEY=${value.slice(0, 20)}`, async () => {
    equal((await load({ JWT_SECRET_KEY: value })).config.jwtSecretKey, value);
  });
}

for (const name of ['JWT_SECRET_KEY', 'CREDENTIAL_ENCRYPTION_KEY']) {
  test(`${name} of less than 256 bits is refused everywhere, before anything starts`, async () => {
    match((await faultsOf({ [name]: 'short' }))[0] ?? '', new RegExp(`^${name} has 5 bytes; it needs 32`));
  });
}

test('the output of openssl rand -hex 32 is accepted in production', async () => {
  const { config } = await load({
    ENV: 'production',
    JWT_SECRET_KEY: strong,
    WORKER_SHARED_SECRET: strong,
    CREDENTIAL_ENCRYPTION_KEY: strong,
    POSTGRES_PASSWORD: strong,
  });
  equal(config.jwtSecretKey, strong);
});

// The block of the RunPod guide, pasted as it is with its secrets made.
const runpod = {
  ENV: 'production',
  DEBUG: 'false',
  HOST: '0.0.0.0',
  PORT: '8000',
  DATABASE_URL: 'postgresql://postgres:s3cret-of-the-pod@localhost:5432/selfhost_studio',
  REDIS_URL: 'redis://localhost:6379/0',
  JWT_SECRET_KEY: strong,
  WORKER_SHARED_SECRET: strong,
  POSTGRES_PASSWORD: 's3cret-of-the-pod',
  CREATE_TABLES: 'true',
  CORS_ORIGINS: '*',
};

test("RunPod's block means the embedded server, which listens there and makes that login and database", async () => {
  const { config } = await load(runpod);
  equal(config.mode, 'embedded');
  deepEqual(config.database, { kind: 'embedded', name: 'selfhost_studio', tcpPort: 5432, login: { name: 'postgres', password: 's3cret-of-the-pod' } });
  deepEqual(config.redis, { kind: 'embedded' });
  deepEqual(config.corsOrigins, []);
});

test("RunPod's block beside a PostgreSQL that is not ours is managed, and says why", async () => {
  const holder: PortHolder = { pid: 4242, name: 'postgres', arguments: ['/usr/lib/postgresql/17/bin/postgres', '-D', '/var/lib/x'] };
  const { config, decision } = await load({ ...runpod, CREATE_TABLES: '' }, (port) => (port === 5432 ? holder : undefined));
  equal(config.mode, 'managed');
  equal(config.database.kind, 'managed');
  match(decision.reason, /pid 4242.*listens on port 5432/);
  equal(config.createTables, false, 'a managed database in production is only checked');
});

test('an orphan of this very workspace on that port is still ours', async () => {
  const orphan: PortHolder = { pid: 4242, name: 'postgres', arguments: ['postgres', '-c', 'cluster_name=studio-abc123'] };
  const { config } = await load({ ...runpod, STUDIO_WORKSPACE_ID: 'abc123' }, (port) => (port === 5432 ? orphan : undefined));
  equal(config.mode, 'embedded');
});

test('embedded: empty and unexpanded values are as if not set, and said', async () => {
  const { config, notices } = await load({ JWT_SECRET_KEY: '{{ RUNPOD_SECRET_jwt }}', ADMIN_EMAIL: '', RUNPOD_API_KEY: '' });
  equal(config.mode, 'embedded');
  equal(config.jwtSecretKey, undefined);
  equal(notices.length, 3);
  match(notices.join('\n'), /JWT_SECRET_KEY holds an unexpanded template.*treated as not set/);
});

test('the driver suffix of SQLAlchemy is taken off', async () => {
  for (const driver of ['psycopg', 'psycopg2', 'asyncpg']) {
    const { config } = await load({ ...managed, DATABASE_URL: `postgresql+${driver}://u:p@db:5432/x` });
    deepEqual(config.database, { kind: 'managed', url: 'postgresql://u:p@db:5432/x' });
  }
});

test('a URL without a database gets selfhost_studio', async () => {
  const { config } = await load({ ...managed, DATABASE_URL: 'postgres://u:p@db:5432' });
  deepEqual(config.database, { kind: 'managed', url: 'postgresql://u:p@db:5432/selfhost_studio' });
});

test('aliases of other systems are applied', async () => {
  const { config } = await load({
    GUNICORN_BIND: '127.0.0.1:9000',
    GUNICORN_TIMEOUT: '77',
    GUNICORN_GRACEFUL_TIMEOUT: '11',
    LLMCTL_STUDIO_PROXY_FIX_ENABLED: 'true',
    LLMCTL_STUDIO_PROXY_FIX_X_FOR: '2',
    LLMCTL_STUDIO_MCP_REQUIRED_ENDPOINTS: 'http://a.example/mcp, http://b.example/mcp',
  });
  deepEqual(
    [config.host, config.port, config.requestTimeoutS, config.gracefulTimeoutS, config.proxyFixEnabled, config.proxyFixFor],
    ['127.0.0.1', 9000, 77, 11, true, 2],
  );
  deepEqual(config.gateEndpoints, ['http://a.example/mcp', 'http://b.example/mcp']);
});

test('the parts of LLMCTL_POSTGRES_ make the database URL', async () => {
  const { DATABASE_URL: _, ...rest } = managed;
  const { config } = await load({
    ...rest,
    LLMCTL_POSTGRES_HOST: 'db.example',
    LLMCTL_POSTGRES_PORT: '5433',
    LLMCTL_POSTGRES_USER: 'u',
    LLMCTL_POSTGRES_PASSWORD: 'p@ss/word',
    LLMCTL_POSTGRES_DB: 'flow',
  });
  deepEqual(config.database, { kind: 'managed', url: 'postgresql://u:p%40ss%2Fword@db.example:5433/flow' });
});

test('OPENHANDS_ names are matched against sections as a whole', async () => {
  const { config } = await load({ OPENHANDS_SERVER_PORT: '8123', OPENHANDS_SECURITY_JWT_SECRET: strong });
  deepEqual([config.port, config.jwtSecretKey], [8123, strong]);
});

test('environment beats .env, .env beats the file, the file beats the default', async () => {
  const path = workspace();
  writeFileSync(join(path, '.env'), 'PORT=8002\nHOST=127.0.0.2\n');
  const { config, origins } = await loadConfig({
    env: { WORKSPACE_PATH: path, PORT: '8001' },
    file: { port: 8003, host: '127.0.0.3', keepAliveS: 9 },
    findHolder: nobody,
  });
  deepEqual([config.port, config.host, config.keepAliveS, config.requestTimeoutS], [8001, '127.0.0.2', 9, 120]);
  deepEqual(
    origins.get('port')?.hidden.map((found) => found.text),
    ['8002', '8003'],
  );
});

for (const [ending, content] of [
  ['json', '{"server": {"port": 8111}, "logLevel": "warn"}'],
  ['toml', 'logLevel = "warn"\n[server]\nport = 8111\n'],
  ['yaml', 'logLevel: warn\nserver:\n  port: 8111\n'],
  ['ts', 'export default { logLevel: "warn", port: 8111 };\n'],
] as const) {
  test(`a configuration file in ${ending} is read`, async () => {
    const path = workspace();
    writeFileSync(join(path, `studio.${ending}`), content);
    const { config } = await loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, `studio.${ending}`), findHolder: nobody });
    deepEqual([config.port, config.logLevel], [8111, 'warn']);
  });
}

test('an unknown key in a file is a notice with its nearest name', async () => {
  const path = workspace();
  writeFileSync(join(path, 'x.json'), '{"prot": 1}');
  const { notices } = await loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, 'x.json'), findHolder: nobody });
  match(notices.join(), /unknown key prot; did you mean port\?/);
});

test('a named file that is missing or broken is refused', async () => {
  const path = workspace();
  await rejects(loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, 'none.toml') }), /none\.toml can't be used: ENOENT/);
  writeFileSync(join(path, 'broken.json'), '{');
  await rejects(loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, 'broken.json') }), /broken\.json can't be used/);
});

test('what is missing is generated once, kept with mode 0600, and never changed', async () => {
  const path = workspace();
  writeFileSync(join(path, '.env'), '# mine\nJWT_SECRET_KEY=kept-by-me-and-long-enough-for-256-bits');
  const first = completeConfig((await loadConfig({ env: { WORKSPACE_PATH: path }, findHolder: nobody })).config);
  const second = completeConfig((await loadConfig({ env: { WORKSPACE_PATH: path }, findHolder: nobody })).config);
  equal(first.jwtSecretKey, 'kept-by-me-and-long-enough-for-256-bits');
  match(first.postgresPassword, /^[0-9a-f]{64}$/);
  deepEqual([second.postgresPassword, second.workspaceId, second.workerSharedSecret], [first.postgresPassword, first.workspaceId, first.workerSharedSecret]);
  equal(statSync(join(path, '.env')).mode & 0o777, 0o600);
  match(readFileSync(join(path, '.env'), 'utf8'), /^# mine\nJWT_SECRET_KEY=kept-by-me-and-long-enough-for-256-bits\n/);
});

test('a secret in the environment is used and not written down', async () => {
  const path = workspace();
  completeConfig((await loadConfig({ env: { WORKSPACE_PATH: path, JWT_SECRET_KEY: strong }, findHolder: nobody })).config);
  ok(!readFileSync(join(path, '.env'), 'utf8').includes(strong));
});

test('explain shows value, source and what would change it, and no secret', async () => {
  const env = {
    WORKSPACE_PATH: workspace(),
    PORT: '8001',
    JWT_SECRET_KEY: strong,
    GUNICORN_WORKERS: '4',
    GUNICORN_BIND: ':9',
    STUDIO_STOP_JOB: 'keep',
    LLMCTL_STUDIO_SOCKETIO_PATH: '/x',
  };
  const explanation = explainConfig(await loadConfig({ env, findHolder: nobody }), env);
  const port = explanation.keys.find(({ key }) => key === 'port');
  deepEqual([port?.value, port?.from], ['8001', 'environment PORT']);
  match(port?.change ?? '', /the environment wins/);
  ok(!JSON.stringify(explanation).includes(strong));
  deepEqual(
    explanation.foreign.map(({ name, fate }) => [name, fate]),
    [
      ['GUNICORN_BIND', 'mapped'],
      ['GUNICORN_WORKERS', 'ignored'],
      ['LLMCTL_STUDIO_SOCKETIO_PATH', 'ignored'],
      ['STUDIO_STOP_JOB', 'unknown'],
    ],
  );
  match(explanation.foreign.at(-1)?.why ?? '', /did you mean STUDIO_STOP_JOBS\?/);
});
