/** The single executable as its users meet it: three of them are made (this version, a later one, a later one that is broken), the first is started, given
 *  a job, upgraded to the broken one, which has to be undone, then to the good one; the job has to live through both. Appends what it saw to
 *  scripts/single-ledger.jsonl. Needs dist/ as the build leaves it, and a gigabyte in the system's temporary folder. */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { createApiClient, type ApiClient } from '../../src/test/api-client.ts';
import { root } from '../../src/test/source-files.ts';
import { freePort, owner, pidsOf } from '../../src/test/studio-process.ts';
import { buildSingle, type BuildFacts } from '../build-single.ts';
import type { Carried } from './single-files.ts';

const base = mkdtempSync(join(tmpdir(), 'studio-single-'));
// As root PostgreSQL runs as an account of its own, which has to get there.
chmodSync(base, 0o755);
const workspace = join(base, 'ws');
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const env = {
  PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
  HOME: base,
  STUDIO_UNPACK_PATH: join(base, 'cache'),
  WORKSPACE_PATH: workspace,
  PORT: String(port),
  HOST: '127.0.0.1',
  LOG_FORMAT: 'json',
};
const facts = JSON.parse(readFileSync(join(root, 'dist/build.json'), 'utf8')) as BuildFacts;

/** Its start ends at once; all else works. */
const BROKEN = "if (process.argv[2] === 'start') process.exit(3);\nawait import('./studio-whole.js');\n";

async function make(name: string, version: string, replaced: readonly Carried[] = []): Promise<string> {
  const outDir = join(base, name);
  mkdirSync(outDir, { recursive: true });
  await buildSingle({ facts: { ...facts, studio: version }, inputs: [], level: 1, outDir, replaced });
  return join(outDir, 'studio');
}

function run(program: string, ...args: readonly string[]): { readonly code: number | null; readonly out: string } {
  const ended = spawnSync(program, args, { env, encoding: 'utf8' });
  return { code: ended.status, out: `${ended.stdout}${ended.stderr}` };
}

/** @returns milliseconds until it is ready */
async function start(program: string): Promise<number> {
  const began = clock.monotonic();
  const child = spawn(program, ['start'], { env, stdio: 'ignore', detached: true });
  while ((await fetch(`${url}/health`).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    await clock.sleep(5);
  }
  return clock.monotonic() - began;
}

async function stop(): Promise<void> {
  const pid = Number(readFileSync(join(workspace, 'run/studio.pid'), 'utf8'));
  process.kill(pid, 'SIGTERM');
  while (pidsOf(base).includes(pid)) await clock.sleep(20);
}

async function claim(): Promise<ApiClient> {
  const token = decodeURIComponent(/token=([^&\s]+)/.exec(readFileSync(join(workspace, 'claim-url'), 'utf8'))?.[1] ?? '');
  const claimed = await createApiClient(url).expect(201, 'POST', '/api/v1/auth/claim', { token, ...owner });
  const made = await createApiClient(url, String(claimed['accessToken'])).expect(201, 'POST', '/api/v1/api-keys', { name: 'try', scopes: ['*'] });
  return createApiClient(url, String(made['key']));
}

function must(is: boolean, what: string): void {
  if (!is) throw new Error(what);
  process.stdout.write(`ok  ${what.split('\n')[0]}\n`);
}

try {
  const [first, second] = [await make('first', '1.0.0'), await make('second', '1.1.0')];
  const whole = readFileSync(join(root, 'dist/studio.js'));
  const broken = await make('broken', '1.2.0', [
    { path: 'dist/studio.js', mode: 0o644, content: Buffer.from(BROKEN) },
    { path: 'dist/studio-whole.js', mode: 0o644, content: whole },
  ]);
  const installed = join(base, 'studio');
  copyFileSync(first, installed);
  const firstMs = await start(installed);
  const client = await claim();
  await stop();
  const secondMs = await start(installed);
  await stop();
  const thirdMs = await start(installed);
  must(true, `first start ${Math.round(firstMs)} ms with unpacking, then ${Math.round(secondMs)} ms, ${Math.round(thirdMs)} ms`);
  const gate = join(base, 'gate');
  const submitted = await client.expect(201, 'POST', '/api/v1/jobs', { command: ['/bin/sh', '-c', `until [ -e ${gate} ]; do sleep 0.2; done; echo released`] });
  const [jobId = ''] = submitted['ids'] as readonly string[];
  const statusOf = async (): Promise<unknown> => (await client.expect(200, 'GET', `/api/v1/jobs/${jobId}`))['status'];
  while ((await statusOf()) !== 'running') await clock.sleep(50);
  const undone = run(installed, 'upgrade', broken, '--no-backup');
  must(undone.code === 1 && undone.out.includes('undone '), `the broken one was undone\n${undone.out}`);
  must((await statusOf()) === 'running', 'the job runs on');
  const done = run(installed, 'upgrade', second);
  must(done.code === 0, `upgraded\n${done.out}`);
  must(run(installed, 'version', '--json').out.includes('"studio": "1.1.0"'), 'it is the later version');
  must((await statusOf()) === 'running', 'the job runs on');
  writeFileSync(gate, '');
  while ((await statusOf()) === 'running') await clock.sleep(50);
  must((await statusOf()) === 'completed', 'the job completed');
  await stop();
  const seen = {
    at: new Date(clock.now()).toISOString(),
    commit: facts.commit,
    bytes: statSync(first).size,
    firstMs: Math.round(firstMs),
    laterMs: [secondMs, thirdMs].map(Math.round),
    upgraded: true,
    undone: true,
  };
  appendFileSync(join(root, 'scripts/single-ledger.jsonl'), `${JSON.stringify(seen)}\n`);
} finally {
  for (const pid of pidsOf(base)) process.kill(pid, 'SIGKILL');
  rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
process.exit(0);
