import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ApiClient } from '../api-client.ts';
import { claimStudio, createStudio, pidsOf, processTree, type Studio } from '../studio-process.ts';

/** What no file but the key store, no argument and no environment may hold. */
const CANARY = `canary-${'0123456789abcdef'.repeat(2)}`;

let studio: Studio;
let client: ApiClient;
let pids: readonly number[];
let keys: Readonly<Record<string, string>>;
before(async () => {
  studio = await createStudio();
  await studio.start();
  client = await claimStudio(studio);
  await client.expect(200, 'PUT', '/api/v1/secrets/CANARY', { value: CANARY });
  await client.expect(200, 'POST', `/api/v1/workflows/${await makeWorkflow()}/instances?wait=60`, {});
  pids = [...new Set([...processTree(studio.pid()), ...pidsOf(studio.workspace)])];
  keys = readKeys(join(studio.workspace, '.env'));
});
after(() => studio.destroy());

async function makeWorkflow(): Promise<string> {
  const nodes = [
    { key: 'told', type: 'log', params: { message: 'the secret is {{ secrets.CANARY }}' } },
    { key: 'run', type: 'command', params: { script: 'echo "$TOKEN"; echo "$TOKEN" > "$STUDIO_ARTIFACTS/kept.txt"', env: { TOKEN: '{{ secrets.CANARY }}' } } },
  ];
  return String((await client.expect(201, 'POST', '/api/v1/workflows', { name: 'canary', nodes, edges: [{ from: 'told', to: 'run' }] }))['id']);
}

test('Studio listens on its one port and nowhere else', () => {
  const inodes = new Set(pids.flatMap(socketsOf));
  const ports = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((name) => listenersIn(name)).filter(({ inode }) => inodes.has(inode));
  deepEqual(
    ports.map(({ port }) => port),
    [Number(new URL(studio.url).port)],
  );
});

test('the key store, the claim link and the sockets are for their owner alone', () => {
  equal(statSync(join(studio.workspace, '.env')).mode & 0o077, 0);
  const open = unixSocketsOf(pids).filter((path) => (statSync(join(path, '..')).mode & 0o077) !== 0);
  deepEqual(open, []);
});

test('no generated key and no stored secret stands in an argument or an environment of any process', () => {
  ok(pids.length > 5 && Object.keys(keys).length >= 3, `${pids.length} processes, keys ${Object.keys(keys).join(', ')}`);
  const seen = pids.flatMap((pid) => ['cmdline', 'environ'].flatMap((file) => findIn(`/proc/${pid}/${file}`)));
  deepEqual(seen, []);
});

test('no file of the workspace but the key store holds a generated key or a stored secret', () => {
  // An artifact is what a command chose to write: that it may hold what the command was given is the workflow's own doing.
  const files = filesBelow(studio.workspace).filter((path) => path !== join(studio.workspace, '.env') && !/\/(files|artifacts)\//.test(path));
  deepEqual(files.flatMap(findIn), []);
});

test('no stored secret comes back by the API: not in steps, logs, events, instances', async () => {
  const { items } = (await client.expect(200, 'GET', '/api/v1/instances')) as { items: { id: string }[] };
  const [instance] = items;
  const paths = ['', '/steps', '/events', '/steps/told/log', '/steps/run/attempts'].map((rest) => `/api/v1/instances/${instance?.id}${rest}`);
  const jobs = (await client.expect(200, 'GET', '/api/v1/jobs')) as { items: { id: string }[] };
  paths.push(
    ...jobs.items.map((job) => `/api/v1/jobs/${job.id}/log`),
    '/api/v1/secrets',
    '/api/v1/audit',
    '/api/v1/audit/export',
    `/api/v1/events?room=instance:${instance?.id}`,
    '/api/v1/workflows',
  );
  const texts = await Promise.all(paths.map(async (path) => ({ path, text: (await client.call('GET', path)).text })));
  deepEqual(
    texts.filter(({ text }) => text.includes(CANARY)).map(({ path }) => path),
    [],
  );
  match(texts.map(({ text }) => text).join('\n'), /\*\*\*|redacted|•/, 'what was masked says so');
  equal(studio.log().includes(CANARY), false, 'the log of Studio');
});

/** The secrets of the key store. */
function readKeys(path: string): Readonly<Record<string, string>> {
  const lines = readFileSync(path, 'utf8').split('\n');
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^([A-Z_]+)=(.+)$/.exec(line) ?? [];
    return name !== undefined && value !== undefined && value.length >= 32 && name !== 'STUDIO_WORKSPACE_ID' ? [[name, value] as const] : [];
  });
  return Object.fromEntries(pairs);
}

/** Which of the keys, and whether the canary, stands in a file. */
function findIn(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    // Gone meanwhile.
    return [];
  }
  return Object.entries({ ...keys, CANARY })
    .filter(([, value]) => text.includes(value))
    .map(([name]) => `${name} in ${path}`);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []);
  } catch {
    // Gone meanwhile.
    return [];
  }
}

/** Listening TCP sockets (state 0A) and bound, unconnected UDP ones (07) of /proc/net. */
function listenersIn(name: string): { port: number; inode: string }[] {
  const rows = readFileSync(`/proc/net/${name}`, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.trim().split(/\s+/));
  const state = name.startsWith('tcp') ? '0A' : '07';
  return rows.filter((row) => row[3] === state).map((row) => ({ port: Number.parseInt(row[1]?.split(':')[1] ?? '0', 16), inode: row[9] ?? '' }));
}

/** Paths of the unix sockets that the processes listen on. */
function unixSocketsOf(of: readonly number[]): string[] {
  const inodes = new Set(of.flatMap(socketsOf));
  const rows = readFileSync('/proc/net/unix', 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.trim().split(/\s+/));
  // Flag 00010000: accepts connections.
  return rows.filter((row) => row[3] === '00010000' && inodes.has(row[6] ?? '') && row[7]?.startsWith('/') === true).map((row) => row[7] ?? '');
}
