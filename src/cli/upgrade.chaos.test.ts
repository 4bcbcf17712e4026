import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { identify, isAlive, readArguments } from '../kernel/process-identity.ts';
import { findHolder } from '../supervise/lock.ts';
import { freePort, pidsOf } from '../test/studio-process.ts';
import { createApiClient, type ApiClient } from '../test/api-client.ts';
import { root } from '../test/source-files.ts';
import { until } from '../test/until.ts';
import { compareVersions } from './upgrade-file.ts';
import { readVersions } from './version.ts';

const base = mkdtempSync(join(tmpdir(), 'studio-upgrade-'));
chmodSync(base, 0o755);
const workspace = join(base, 'ws');
const target = join(base, 'studio');
const own = readVersions();

after(() => {
  for (const pid of pidsOf(base)) process.kill(pid, 'SIGKILL');
  rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

/** What the single executable is to its caller: a file that says its version and is a Studio. This one runs the sources. */
function executable(path: string, version: string, lines: readonly string[] = [], schema = own.schema): string {
  const facts = JSON.stringify({ ...own, studio: version, schema }, null, 2);
  const text = [
    '#!/bin/sh',
    `[ "$1" != version ] || { cat <<'END'`,
    facts,
    'END',
    'exit 0; }',
    ...lines,
    'export STUDIO_EXECUTABLE="$0"',
    `exec ${process.execPath} ${join(root, 'src/cli.ts')} "$@"`,
  ];
  writeFileSync(path, `${text.join('\n')}\n`, { mode: 0o755 });
  writeFileSync(`${path}.sha256`, `${createHash('sha256').update(readFileSync(path)).digest('hex')}  studio\n`);
  return path;
}

const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', WORKSPACE_PATH: workspace, HOST: '127.0.0.1', LOG_FORMAT: 'json', PORT: '' };

async function command(...args: readonly string[]): Promise<{ readonly code: number | null; readonly out: string }> {
  const child = spawn(target, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (out += more));
  return { code: await new Promise((resolve) => child.once('close', resolve)), out };
}

describe('upgrade', () => {
  let client: ApiClient;
  let jobId = '';
  const release = join(base, 'gate');
  const holderPid = (): number => findHolder(workspace)?.pid ?? 0;
  const jobStatus = async (): Promise<unknown> => (await client.expect(200, 'GET', `/api/v1/jobs/${jobId}`))['status'];

  test('a Studio runs, and a job in it', async () => {
    executable(target, own.studio);
    env.PORT = String(await freePort());
    const output: string[] = [];
    const child = spawn(target, ['start'], { env, stdio: ['ignore', 'ignore', 'pipe'], detached: true });

    child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
    const url = `http://127.0.0.1:${env.PORT}`;
    await until(
      () => output.join(''),
      () =>
        fetch(`${url}/health`).then(
          ({ status }) => status === 200,
          () => false,
        ),
    );
    const unclaimed = await command('smoke');
    deepEqual([unclaimed.code, unclaimed.out.includes('nobody has claimed this Studio yet')], [1, true], unclaimed.out);
    equal((await command('smoke', '--unclaimed-ok')).code, 0);
    const token = /token=([^&\s]+)/.exec(readFileSync(join(workspace, 'claim-url'), 'utf8'))?.[1];
    const person = { email: 'owner@example.com', password: 'correct horse battery staple', name: 'Owner' };
    const claimed = await createApiClient(url).expect(201, 'POST', '/api/v1/auth/claim', { token: decodeURIComponent(token ?? ''), ...person });
    const key = await createApiClient(url, String(claimed['accessToken'])).expect(201, 'POST', '/api/v1/api-keys', { name: 'test', scopes: ['*'] });
    client = createApiClient(url, String(key['key']));
    const job = await client.expect(201, 'POST', '/api/v1/jobs', { command: ['/bin/sh', '-c', `until [ -e ${release} ]; do sleep 0.2; done; echo released`] });
    jobId = String((job['ids'] as readonly string[])[0]);
    await until(
      () => output.join(''),
      async () => (await jobStatus()) === 'running',
    );
  });

  test('smoke: what works is told line by line, and nothing is left behind', async () => {
    const seen = await command('smoke');
    equal(seen.code, 0, seen.out);
    for (const line of [/^ok {4}health: ok/m, /^ok {4}login: owner@example.com/m, /^ok {4}workflow: completed, its job by worker/m]) match(seen.out, line);
    const { items } = (await client.expect(200, 'GET', '/api/v1/api-keys')) as { items: { name: string }[] };
    deepEqual(
      items.map(({ name }) => name),
      ['test'],
    );
    const away = await command('smoke', '--url', `http://127.0.0.1:${env.PORT}`, '--token', 'stk_wrong');
    equal(away.code, 1);
    match(away.out, /FAIL {2}login: GET users\/me answered 401/);
    const nowhere = await command('smoke', '--url', 'http://127.0.0.1:9');
    equal(nowhere.code, 1);
    match(nowhere.out, /FAIL {2}health: .*ECONNREFUSED/);
  });

  test('what is not what it says, does not start, is older, or is for another machine changes nothing', async () => {
    const pid = holderPid();
    const before = readFileSync(target);
    const refused = async (words: readonly string[], why: RegExp): Promise<void> => {
      const { code, out } = await command('upgrade', ...words);
      equal(code, 1, out);
      match(out, why);
    };
    const file = executable(join(base, 'next'), '0.0.1');
    await refused([join(base, 'nothing')], /is not there/);
    await refused([file], /older than .*--allow-downgrade/);
    await refused([executable(file, '9.9.9'), '--sha256', '0'.repeat(64)], /not what its checksum says.*Download it again/);
    rmSync(`${file}.sha256`);
    await refused([file], /no checksum for next.*next\.sha256.*--sha256/);
    executable(file, '9.9.9', ['exit 3']);
    writeFileSync(file, '#!/bin/sh\necho it is broken\nexit 3\n');
    await refused([file, '--sha256', createHash('sha256').update(readFileSync(file)).digest('hex')], /does not start here: it is broken/);
    executable(file, '9.9.9');
    writeFileSync(file, readFileSync(file, 'utf8').replace(own.target, 'linux-mips'));
    await refused([file, '--sha256', createHash('sha256').update(readFileSync(file)).digest('hex')], /made for linux-mips/);
    deepEqual([holderPid(), readFileSync(target).equals(before), existsSync(`${target}.new`), existsSync(`${target}.upgrading`)], [pid, true, false, false]);
  });

  for (const [what, line, why] of [
    ['does not start', '[ "$1" != start ] || exit 3', /FAILED {3}it ended while starting/],
    ['fails its smoke test', '[ "$1" != smoke ] || { echo "FAIL  workflow: it is broken"; exit 1; }', /FAILED {3}smoke --unclaimed-ok failed: .*it is broken/],
  ] as const) {
    test(`one that ${what} is undone: the old one runs again, and the job goes on`, async () => {
      const before = readFileSync(target);
      const pid = holderPid();
      const seen = await command('upgrade', executable(join(base, 'broken'), '9.9.9', [line]), '--no-backup');
      equal(seen.code, 1, seen.out);
      match(seen.out, why);
      match(seen.out, /undone .* is Studio .* again/);
      ok(holderPid() !== pid && holderPid() > 0);
      ok(readFileSync(target).equals(before));
      equal(await jobStatus(), 'running');
    });
  }

  test('tables that the broken one may have made are taken back by it before the old one starts', async () => {
    const asked = join(base, 'asked');
    const lines = ['[ "$1" != start ] || exit 3', `[ "$1" != db ] || { echo "$*" >> ${asked}; exit 0; }`];
    const seen = await command('upgrade', executable(join(base, 'broken'), '9.9.9', lines, own.schema + 1), '--no-backup');
    equal(seen.code, 1, seen.out);
    equal(readFileSync(asked, 'utf8'), `db rollback --to ${own.schema}\n`);
    match(seen.out, /undone .* is Studio .* again/);
    equal(await jobStatus(), 'running');
  });

  test('what can not go down is brought back from the backup: tables and rows are those of before, and the job goes on', async () => {
    // A migration of the new one: it takes a column away, and nothing of it can be undone.
    const migrate = join(base, 'migrate.ts');
    const [workspaceModule, loadModule] = ['src/cli/workspace.ts', 'src/config/load.ts'].map((path) => JSON.stringify(join(root, path)));
    writeFileSync(
      migrate,
      `import pg from ${JSON.stringify(join(root, 'node_modules/pg/esm/index.mjs'))};
import { withWorkspace } from ${workspaceModule};
import { loadConfig } from ${loadModule};
await withWorkspace(await loadConfig({ env: process.env, file: {} }), async ({ connections }) => {
  const client = new pg.Client(connections.owner);
  await client.connect();
  await client.query('alter table audit drop column details');
  await client.query("insert into schema_migrations (version, name, checksum) values (${own.schema + 1}, 'lose_details', 'x')");
  await client.end();
});
`,
    );
    const before = (await client.expect(200, 'GET', '/api/v1/audit?limit=200'))['items'] as unknown[];
    const lines = [
      `[ "$1" != start ] || { ${process.execPath} ${migrate} && exit 3; exit 4; }`,
      '[ "$1" != db ] || { echo "Migration can not be undone"; exit 1; }',
    ];
    const seen = await command('upgrade', executable(join(base, 'broken'), '9.9.9', lines, own.schema + 1));
    equal(seen.code, 1, seen.out);
    match(seen.out, /^stopped {2}until the tables are changed/m);
    match(seen.out, /^tables {3}can not be taken back: .*can not be undone/m);
    match(seen.out, /^tables {3}Restored bak_/m);
    match(seen.out, /^started {2}Studio .* answers/m);
    const after = (await client.expect(200, 'GET', '/api/v1/audit?limit=200'))['items'] as unknown[];
    deepEqual(after.slice(-before.length), before);
    equal(await jobStatus(), 'running');
  });

  test('one that works takes its place, with the same environment, and the job goes on to its end', async () => {
    const next = executable(join(base, 'next'), '9.9.9');
    const old = identify(holderPid());
    const seen = await command('upgrade', next);
    equal(seen.code, 0, seen.out);
    match(seen.out, /^backup {3}\S/m);
    match(seen.out, /^smoke {4}ok {4}workflow/m);
    match(seen.out, /^done {5}Studio 9\.9\.9/m);
    ok(readFileSync(target).equals(readFileSync(next)));
    ok(existsSync(`${target}.old`));
    ok(old !== undefined && !isAlive(old));
    ok(readArguments(holderPid()).includes('start'));
    equal(await jobStatus(), 'running');
    writeFileSync(release, '');
    await until(
      () => seen.out,
      async () => (await jobStatus()) === 'completed',
    );
    match((await client.call('GET', `/api/v1/jobs/${jobId}/log`)).text, /released/);
    deepEqual(
      readdirSync(base).filter((name) => /\.(new|upgrading)$/.test(name)),
      [],
    );
  });

  test('the one that was kept can be gone back to; a Studio that does not run is upgraded and left at rest', async () => {
    const holder = identify(holderPid());
    process.kill(holderPid(), 'SIGTERM');
    await until('it to stop', () => holder !== undefined && !isAlive(holder));
    // Asked as the version that is in place: what it says of itself comes from the sources here.
    const seen = await command('upgrade', `${target}.old`, '--no-backup');
    equal(seen.code, 0, seen.out);
    equal(findHolder(workspace), undefined);
    match(readFileSync(target, 'utf8'), new RegExp(`"studio": "${own.studio}"`));
  });
});

test('versions are compared by number, and a candidate comes before its release', () => {
  const sorted = ['0.9.9', '1.2.0-rc.1', '1.2.0-rc.2', '1.2.0-rc.10', '1.2.0', '1.10.0', '2.0.0'];
  for (const [index, version] of sorted.entries()) {
    equal(compareVersions(version, version), 0);
    for (const later of sorted.slice(index + 1)) deepEqual([compareVersions(version, later), compareVersions(later, version)], [-1, 1], `${version} ${later}`);
  }
  equal(compareVersions('1.0.0+a', '1.0.0+b'), 0);
});
