/** Files by URL and virtual environments, as real processes: a local server, wheels that the test writes, no index. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../test/database.ts';
import { jobsHarness } from '../test/jobs-harness.ts';
import { writeWheel } from '../test/wheel.ts';
import { createEnvironments } from './environments.ts';

const harness = await jobsHarness();
const { submit, ended, log } = harness;
let requests = 0;
const content = 'weights of a model';
const server = createServer((request, response) => {
  requests++;
  if (request.url === '/there') response.end(content);
  else response.writeHead(404).end('<html>no</html>');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const sha256 = createHash('sha256').update(content).digest('hex');
after(async () => {
  server.close();
  await harness.close();
});

const wheels = join(harness.workspacePath, 'wheels');
mkdirSync(wheels);
chmodSync(wheels, 0o755);
for (const version of ['1.0', '2.0']) writeWheel(wheels, { name: 'tinypack', version, code: `def hello():\n    return "tinypack ${version}"\n` });
const requirements = (version: string): string => `--no-index\n--find-links ${wheels}\ntinypack==${version}\n`;
const script = 'python -c "import tinypack, sys; print(tinypack.hello(), sys.prefix)"';
const made = (): string[] => readdirSync(join(harness.workspacePath, 'venvs')).filter((name) => name.endsWith('.json'));

test('files come from the request, from storage and from a URL whose hash is right; the same bytes are fetched once', async () => {
  await harness.putFile('data/stored.txt', 'stored');
  const files = {
    'a.txt': { text: 'typed' },
    'b/c.bin': { base64: Buffer.from([0, 255, 10]).toString('base64') },
    'd.txt': { path: 'data/stored.txt' },
    w: { url: `${url}/there`, sha256 },
  };
  const { ids } = await submit({ script: 'cat a.txt d.txt w; od -An -tu1 b/c.bin; echo more >> w', files, array: 3 });
  for (const id of ids) assert.equal((await ended(id)).result?.stdout, `typedstored${content}   0 255  10\n`);
  assert.ok(requests >= 1 && requests <= 3);
  const before = requests;
  const again = await ended((await submit({ script: 'cat w', files: { w: files.w } })).job.id);
  assert.equal(again.result?.stdout, content);
  assert.equal(requests, before);
});

test('bytes with another hash, and an answer that is not 200, fail by name and are not tried again', async () => {
  const wrong = await ended((await submit({ script: 'true', files: { w: { url: `${url}/there`, sha256: '0'.repeat(64) } } })).job.id);
  assert.equal(wrong.job.error?.code, 'hash_mismatch');
  assert.match(wrong.job.error?.message ?? '', new RegExp(`have the sha256 ${sha256}, not 0000`));
  const missing = await ended(
    (await submit({ script: 'true', retry: { maxAttempts: 5 }, files: { w: { url: `${url}/none`, sha256: '1'.repeat(64) } } })).job.id,
  );
  assert.equal(missing.job.error?.code, 'download_failed');
  assert.equal(missing.job.attempts, 1);
  assert.match(missing.job.error?.message ?? '', /answered 404/);
});

test('a job runs in the environment of its lock file, made once, shown in the log, and closed to jobs', async () => {
  const first = await ended((await submit({ script, requirements: requirements('1.0') })).job.id);
  assert.match(first.result?.stdout ?? '', /^tinypack 1\.0 .*\/venvs\/[0-9a-f]{64}\n$/, `${first.job.error?.message}`);
  assert.match(await log(first.job.id), /making the environment [^]*Successfully installed tinypack-1\.0[^]*the environment is there: \d+ bytes/);
  const second = await ended(
    (await submit({ script: `${script}; touch "$VIRTUAL_ENV/lib/x" || echo closed`, requirements: `${requirements('1.0')}\r\n` })).job.id,
  );
  assert.equal(second.result?.stdout, process.getuid?.() === 0 ? `${first.result?.stdout}closed\n` : first.result?.stdout);
  assert.doesNotMatch(await log(second.job.id), /making the environment/);
  const both = await submit({ script, requirements: requirements('2.0'), array: 2 });
  for (const id of both.ids) assert.match((await ended(id)).result?.stdout ?? '', /^tinypack 2\.0 /);
  assert.equal(made().length, 2);
});

test('what can not be installed fails with the last line of pip, and leaves nothing half-made', async () => {
  const end = await ended((await submit({ script, requirements: requirements('9.9') })).job.id);
  assert.equal(end.job.error?.code, 'requirements_failed');
  assert.match(end.job.error?.message ?? '', /pip could not install the requirements.*No matching distribution found for tinypack==9\.9/);
  assert.equal(made().length, 2);
  assert.equal(readdirSync(join(harness.workspacePath, 'venvs')).length, 4);
  const none = await ended((await submit({ script, requirements: 'x', python: 'python-of-nowhere' })).job.id);
  assert.equal(none.job.error?.code, 'python_missing');
  assert.match(none.job.error?.message ?? '', /no "python-of-nowhere" on the PATH of jobs.*apt-get install/);
});

test('a job that is cancelled while its environment is made ends with all of it', async () => {
  const slow = join(harness.workspacePath, 'slow');
  writeFileSync(slow, '#!/bin/sh\necho making slowly\nsetsid sleep 300 &\nsleep 300\n', { mode: 0o755 });
  const { job } = await submit({ script, requirements: 'x', python: slow });
  await harness.until(async () => (await log(job.id)).includes('making slowly'));
  assert.ok(harness.processesOf(job.id).length > 0);
  await harness.jobs.cancelJob({ orgId: harness.orgId, id: job.id, reason: 'enough' });
  assert.equal((await ended(job.id)).job.status, 'cancelled');
  assert.deepEqual(harness.processesOf(job.id), []);
});

test('environments that were not used for longest go when they are too large together; one in use stays', async () => {
  const path = join(harness.workspacePath, 'few');
  const few = createEnvironments({ path, limitBytes: 100, clock: systemClock, log: silentLog });
  mkdirSync(path, { mode: 0o711 });
  const keys = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
  for (const key of keys) {
    mkdirSync(join(path, key));
    writeFileSync(join(path, `${key}.json`), JSON.stringify({ bytes: 60 }));
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  assert.equal(await few.tidy(), 2);
  assert.deepEqual(
    keys.map((key) => existsSync(join(path, key))),
    [false, false, true],
  );
});
