/** What is meant by what is set: mode, sources and their order, names of other systems, what is generated. What is refused: load-refusals. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PortHolder } from '../kernel/port-holder.ts';
import { configFolder, load, managed, nobody, removeConfigFolders, strong } from '../test/loaded-config.ts';
import { explainConfig } from './explain.ts';
import { completeConfig, loadConfig } from './load.ts';

after(removeConfigFolders);

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

test('variables that were most likely meant for Studio are told with the name that was meant, others are not', async () => {
  const path = configFolder();
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
  const path = configFolder();
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
    const path = configFolder();
    writeFileSync(join(path, `studio.${ending}`), content);
    const { config } = await loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, `studio.${ending}`), findHolder: nobody });
    deepEqual([config.port, config.logLevel], [8111, 'warn']);
  });
}

test('an unknown key in a file is a notice with its nearest name', async () => {
  const path = configFolder();
  writeFileSync(join(path, 'x.json'), '{"prot": 1}');
  const { notices } = await loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, 'x.json'), findHolder: nobody });
  match(notices.join(), /unknown key prot; did you mean port\?/);
});

test('a named file that is missing or broken is refused', async () => {
  const path = configFolder();
  await rejects(loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, 'none.toml') }), /none\.toml can't be used: ENOENT/);
  writeFileSync(join(path, 'broken.json'), '{');
  await rejects(loadConfig({ env: { WORKSPACE_PATH: path }, filePath: join(path, 'broken.json') }), /broken\.json can't be used/);
});

test('what is missing is generated once, kept with mode 0600, and never changed', async () => {
  const path = configFolder();
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
  const path = configFolder();
  completeConfig((await loadConfig({ env: { WORKSPACE_PATH: path, JWT_SECRET_KEY: strong }, findHolder: nobody })).config);
  ok(!readFileSync(join(path, '.env'), 'utf8').includes(strong));
});

test('explain shows value, source and what would change it, and no secret', async () => {
  const env = {
    WORKSPACE_PATH: configFolder(),
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
