/** What no start goes on with: in a managed deployment, in production, or anywhere. Each fault is one line that names the variable and never a secret. */
import { equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { configFolder, faultsOf, load, managed, removeConfigFolders, strong } from '../test/loaded-config.ts';

after(removeConfigFolders);

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
  const file = join(configFolder(), 'file');
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
