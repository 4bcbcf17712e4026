/** Jobs over the API, and steps that are jobs, through the whole application. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, itemsOf, type ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

let app: TestApp;
let root: ApiClient;
before(async () => {
  app = await startApp();
  root = app.people.superAdmin.client;
});
after(() => app.close());

async function ended(id: unknown): Promise<Record<string, unknown>> {
  for (const deadline = performance.now() + 30_000; performance.now() < deadline;) {
    const job = await root.expect(200, 'GET', `/api/v1/jobs/${String(id)}`);
    if (job['status'] !== 'queued' && job['status'] !== 'running') return job;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error(`job ${String(id)} did not end within 30 s`);
}

const submit = async (body: Record<string, unknown>): Promise<Record<string, unknown>> =>
  asObject((await root.expect(201, 'POST', '/api/v1/jobs', body))['job']);

test('a submitted job runs; its log, artifacts and their ranges can be fetched', async () => {
  const job = await submit({ script: 'echo hello; printf 0123456789 > "$STUDIO_ARTIFACTS/digits.txt"', labels: { kind: 'test' } });
  const follow = root.call('GET', `/api/v1/jobs/${String(job['id'])}/log?follow`);
  assert.equal((await ended(job['id']))['status'], 'completed');
  const log = await follow;
  assert.equal(log.text, 'hello\n');
  assert.match(log.headers['content-type'] ?? '', /^text\/plain/);
  assert.equal((await root.call('GET', `/api/v1/jobs/${String(job['id'])}/log?from=3`)).text, 'lo\n');
  const some = await root.call('GET', `/api/v1/jobs/${String(job['id'])}/log`, { headers: { range: 'bytes=1-2' } });
  assert.deepEqual([some.status, some.text, some.headers['content-range']], [206, 'el', 'bytes 1-2/6']);
  const [artifact] = itemsOf(await root.expect(200, 'GET', `/api/v1/jobs/${String(job['id'])}/artifacts`));
  assert.equal(artifact?.['name'], 'digits.txt');
  const path = `/api/v1/artifacts/${String(artifact?.['id'])}`;
  const part = await root.call('GET', path, { headers: { range: 'bytes=2-4' } });
  assert.deepEqual([part.status, part.text, part.headers['content-range']], [206, '234', 'bytes 2-4/10']);
  assert.equal((await root.call('GET', path, { headers: { range: 'bytes=10-' } })).status, 416);
  assert.match(part.headers['content-security-policy'] ?? '', /sandbox/);
  assert.equal(part.headers['x-content-type-options'], 'nosniff');
  assert.equal((await root.expect(200, 'GET', `${path}?meta`))['jobId'], job['id']);
  assert.deepEqual(
    itemsOf(await root.expect(200, 'GET', '/api/v1/jobs?label=kind:test&status=completed,failed')).map((one) => one['id']),
    [job['id']],
  );
});

test('what a job prints stays as it was, colours and rewritten lines too', async () => {
  const job = await submit({ script: String.raw`printf '\033[31mred\033[0m\n10%%\r20%%\n'` });
  await ended(job['id']);
  const path = `/api/v1/jobs/${String(job['id'])}/log`;
  assert.equal((await root.call('GET', path)).text, '\u001b[31mred\u001b[0m\n10%\r20%\n');
  assert.equal((await root.call('GET', `${path}?collapse`)).text, '\u001b[31mred\u001b[0m\n20%\n');
});

test('a part of a log that is empty is all of it', async () => {
  const job = await submit({ command: ['true'] });
  await ended(job['id']);
  const reply = await root.call('GET', `/api/v1/jobs/${String(job['id'])}/log`, { headers: { range: 'bytes=0-0' } });
  assert.deepEqual([reply.status, reply.text, reply.headers['content-range']], [200, '', undefined]);
});

test('a job that waits is moved; a priority that is none, and a job that has ended, are refused', async () => {
  await root.expect(200, 'PATCH', '/api/v1/queues/still', { slots: 0 });
  const job = await submit({ command: ['true'], queue: 'still' });
  const path = `/api/v1/jobs/${String(job['id'])}`;
  const moved = await root.expect(200, 'PATCH', path, { priority: 'high' });
  assert.deepEqual([moved['priority'], moved['status'], typeof asObject(moved['waitReason'])['message']], [75, 'queued', 'string']);
  const line = itemsOf(await root.expect(200, 'GET', `/api/v1/jobs?status=queued&queue=${String(moved['queue'])}&order=line&limit=5`));
  assert.deepEqual(
    [line[0]?.['id'], line.map((one) => one['priority'])],
    [moved['id'], line.map((one) => one['priority']).toSorted((a, b) => Number(b) - Number(a))],
  );
  await root.expect(400, 'PATCH', path, { priority: 101 });
  await root.expect(404, 'PATCH', '/api/v1/jobs/job_none', { priority: 1 });
  await root.expect(200, 'POST', `${path}/cancel`);
  const refused = await root.expect(409, 'PATCH', path, { priority: 1 });
  assert.match(String(asObject(refused['error'])['message']), /is cancelled; it can not be moved; only what waits can be moved/);
});

test('jobs of another org, their logs and artifacts are not found', async () => {
  const job = await submit({ script: 'echo mine > "$STUDIO_ARTIFACTS/a"' });
  await ended(job['id']);
  const [artifact] = itemsOf(await root.expect(200, 'GET', `/api/v1/jobs/${String(job['id'])}/artifacts`));
  const { client } = app.people.stranger;
  for (const path of [
    `jobs/${String(job['id'])}`,
    `jobs/${String(job['id'])}/log`,
    `jobs/${String(job['id'])}/artifacts`,
    `artifacts/${String(artifact?.['id'])}`,
  ]) {
    assert.equal((await client.call('GET', `/api/v1/${path}`)).status, 404, path);
  }
  for (const verb of ['cancel', 'retry']) assert.equal((await client.call('POST', `/api/v1/jobs/${String(job['id'])}/${verb}`)).status, 404, verb);
});

test('bad submissions are refused by name, and only a super administrator may submit', async () => {
  const cases: readonly [Record<string, unknown>, number, RegExp][] = [
    [{}, 400, /either "command".*or "script"/],
    [{ command: ['true'], script: 'true' }, 400, /not both/],
    [{ command: [] }, 400, /command/],
    [{ command: ['true'], queue: 'nowhere' }, 422, /no queue "nowhere"/],
    [{ command: ['true'], resources: { gpus: 64 } }, 422, /this machine has no GPU/],
    [{ command: ['true'], files: { '../x': 'a' } }, 400, /files.*segment "\.\."/],
    [{ command: ['true'], env: { '1BAD': 'x' } }, 400, /env/],
    [{ command: ['true'], nonsense: 1 }, 400, /nonsense/],
  ];
  for (const [body, status, says] of cases) {
    const reply = await root.call('POST', '/api/v1/jobs', { body });
    assert.equal(reply.status, status, reply.text);
    assert.match(String(asObject(asObject(reply.body)['error'])['message']), says);
  }
  assert.equal((await app.people.admin.client.call('POST', '/api/v1/jobs', { body: { command: ['true'] } })).status, 403);
});

test('a paused queue says why its jobs wait, a full one refuses, a draining one too; a resumed one runs them', async () => {
  await root.expect(200, 'PATCH', '/api/v1/queues/nightly', { slots: 1, maxPending: 2, paused: true });
  const job = await submit({ command: ['true'], queue: 'nightly' });
  const waiting = await root.expect(200, 'GET', `/api/v1/jobs/${String(job['id'])}`);
  assert.equal(asObject(waiting['waitReason'])['kind'], 'queue_paused');
  await submit({ command: ['true'], queue: 'nightly' });
  const full = await root.call('POST', '/api/v1/jobs', { body: { command: ['true'], queue: 'nightly' } });
  assert.equal(full.status, 429);
  assert.match(full.text, /queue_full.*limit of 2/);
  await root.expect(200, 'PATCH', '/api/v1/queues/nightly', { draining: true });
  assert.equal((await root.call('POST', '/api/v1/jobs', { body: { command: ['true'], queue: 'nightly' } })).status, 409);
  await root.expect(200, 'PATCH', '/api/v1/queues/nightly', { draining: false });
  assert.equal((await ended(job['id']))['status'], 'completed');
});

test('what has ended can be retried, not cancelled; what has not, cancelled, not retried', async () => {
  const done = await submit({ command: ['true'] });
  await ended(done['id']);
  assert.equal((await root.call('POST', `/api/v1/jobs/${String(done['id'])}/cancel`)).status, 409);
  await root.expect(200, 'POST', `/api/v1/jobs/${String(done['id'])}/retry`);
  assert.equal((await ended(done['id']))['status'], 'completed');
  const long = await submit({ command: ['sleep', '300'] });
  assert.equal((await root.call('POST', `/api/v1/jobs/${String(long['id'])}/retry`)).status, 409);
  await root.expect(200, 'POST', `/api/v1/jobs/${String(long['id'])}/cancel`);
  assert.equal((await ended(long['id']))['status'], 'cancelled');
});

test('workers and queues are listed with what they run', async () => {
  const workers = itemsOf(await root.expect(200, 'GET', '/api/v1/workers'));
  assert.equal(workers.length, 1);
  assert.ok(String(workers[0]?.['queues']).split(',').includes('studio'));
  const queues = itemsOf(await root.expect(200, 'GET', '/api/v1/queues'));
  assert.deepEqual(
    queues.map((queue) => queue['name']),
    ['downloads.huggingface', 'gpu', 'nightly', 'still', 'studio'],
  );
});

async function publish(nodes: unknown, edges: unknown): Promise<string> {
  return String((await root.expect(201, 'POST', '/api/v1/workflows', { name: 'jobs', nodes, edges }))['id']);
}

test('a workflow reads a file, computes, runs a command with a secret, and writes what came of it', async () => {
  await root.expect(200, 'PUT', '/api/v1/secrets/CANARY', { value: 'canary-in-a-coal-mine' });
  await root.call('PUT', '/api/v1/files/data/numbers.json', { body: '[3, 1, 2]', headers: { 'content-type': 'application/json' } });
  const id = await publish(
    [
      { key: 'read', type: 'file.read', params: { path: 'data/numbers.json', as: 'json' } },
      { key: 'sum', type: 'code.js', params: { source: 'return steps.read.output.content.reduce((a, b) => a + b, 0);' } },
      {
        key: 'run',
        type: 'command',
        params: {
          script: 'echo "sum $SUM"; echo "$CANARY"; sort -n numbers > "$STUDIO_ARTIFACTS/sorted.txt"; echo "[$SUM]"> "$STUDIO_RESULT"',
          env: { SUM: '{{ steps.sum.output }}', CANARY: '{{ secrets.CANARY }}' },
          files: { numbers: 'data/numbers.json' },
        },
      },
      { key: 'write', type: 'file.write', params: { path: 'out/sum.json', content: '{{ steps.run.output.result }}' } },
    ],
    [
      { from: 'read', to: 'sum' },
      { from: 'sum', to: 'run' },
      { from: 'run', to: 'write' },
    ],
  );
  const reply = await root.call('POST', `/api/v1/workflows/${id}/instances?wait=30`, { body: {} });
  const instance = asObject(reply.body);
  assert.equal(instance['status'], 'completed', reply.text);
  assert.equal((await root.call('GET', '/api/v1/files/out/sum.json')).text.replaceAll(/\s/g, ''), '[6]');
  const steps = itemsOf(await root.expect(200, 'GET', `/api/v1/instances/${String(instance['id'])}/steps`));
  const run = steps.find((step) => step['key'] === 'run');
  assert.match(String(asObject(run?.['output'])['stdout']), /^sum 6\n\[redacted\]|^sum 6\n\*+/);
  const log = await root.call('GET', `/api/v1/jobs/${String(run?.['jobId'])}/log`);
  assert.match(log.text, /^sum 6\n\[redacted\]\n$/);
  assert.equal(`${JSON.stringify(steps)}${log.text}${app.logged()}`.includes('canary-in-a-coal-mine'), false);
});

test('a cancelled instance ends the process of its step, a failed command fails its step with the reason', async () => {
  const sleeping = await publish([{ key: 'run', type: 'command', params: { command: ['sleep', '300'] } }], []);
  const made = asObject((await root.call('POST', `/api/v1/workflows/${sleeping}/instances`, { body: {} })).body);
  let job: Record<string, unknown> | undefined;
  for (const deadline = performance.now() + 30_000; job?.['status'] !== 'running' && performance.now() < deadline;)
    [job] = itemsOf(await root.expect(200, 'GET', `/api/v1/jobs?instanceId=${String(made['id'])}`));
  await root.expect(200, 'POST', `/api/v1/instances/${String(made['id'])}/cancel`);
  assert.equal((await ended(job?.['id']))['status'], 'cancelled');
  const failing = await publish([{ key: 'run', type: 'command', params: { script: 'echo because >&2; exit 5' } }], []);
  const failed = asObject((await root.call('POST', `/api/v1/workflows/${failing}/instances?wait=30`, { body: {} })).body);
  assert.equal(failed['status'], 'failed');
  assert.match(JSON.stringify(failed['error']), /exit code 5.*because/);
});

test('a matrix is submitted, listed, cancelled and queued again as a group', async () => {
  await root.expect(200, 'PATCH', '/api/v1/queues/studio', { paused: true });
  const made = await root.expect(201, 'POST', '/api/v1/jobs', { name: 'run {{ matrix.n }}', command: ['true'], matrix: { n: [1, 2, 3] } });
  const group = String(made['groupId']);
  const listed = itemsOf(await root.expect(200, 'GET', `/api/v1/jobs?group=${group}&type=command&name=RUN`));
  assert.deepEqual(
    listed.map((job) => [job['name'], asObject(job['group'])['size']]),
    [
      ['run 3', 3],
      ['run 2', 3],
      ['run 1', 3],
    ],
  );
  const waiting = asObject((await root.expect(201, 'POST', '/api/v1/jobs', { command: ['true'], dependsOn: [group] }))['job']);
  assert.match(String(asObject(waiting['waitReason'])['message']), /^waits for "run 1" job_\w+ \(queued\) to complete, and for 2 more jobs$/);
  const dependencies = itemsOf(await root.expect(200, 'GET', `/api/v1/jobs/${String(waiting['id'])}/dependencies`));
  assert.deepEqual(
    dependencies.map((one) => one['condition']),
    ['afterok', 'afterok', 'afterok'],
  );
  assert.equal(asObject((await root.expect(200, 'POST', `/api/v1/job-groups/${group}/cancel`))['counts'])['cancelled'], 3);
  assert.equal((await ended(waiting['id']))['reason'], 'dependency_failed');
  assert.equal(asObject((await root.expect(200, 'POST', `/api/v1/job-groups/${group}/retry`))['counts'])['queued'], 3);
  await root.expect(200, 'PATCH', '/api/v1/queues/studio', { paused: false });
  for (const job of listed) assert.equal((await ended(job['id']))['status'], 'completed');
  assert.deepEqual((await root.expect(200, 'GET', `/api/v1/job-groups/${group}`))['counts'], {
    queued: 0,
    running: 0,
    completed: 3,
    failed: 0,
    cancelled: 0,
    dead: 0,
  });
});

test('a test run streams its log, says how it ended, and is cancelled when its caller goes away', async () => {
  const run = await root.call('POST', '/api/v1/jobs/test', { body: { script: 'echo testing; exit 3' } });
  assert.equal(run.status, 200);
  assert.match(run.text, /^testing\n\[studio\] failed: .*exited with code 3.*\n$/);
  const job = await root.expect(200, 'GET', run.headers['location'] ?? '');
  assert.deepEqual([job['priority'], job['timeoutMs'], job['labels']], [100, 60_000, { test: 'true' }]);
  const away = new AbortController();
  const reply = await fetch(`${root.url}/api/v1/jobs/test`, {
    method: 'POST',
    body: JSON.stringify({ script: 'echo on; sleep 300' }),
    headers: { authorization: `Bearer ${root.token ?? ''}`, 'content-type': 'application/json' },
    signal: away.signal,
  });
  await reply.body?.getReader().read();
  away.abort();
  const left = await ended(reply.headers.get('location')?.split('/').at(-1));
  assert.deepEqual([left['status'], left['reason']], ['cancelled', 'who ran the test went away']);
  assert.equal((await root.call('POST', '/api/v1/jobs/test', { body: { script: 'true', timeoutMs: 60_001 } })).status, 400);
});

test('a log is searched and collapsed, metrics become curves, artifacts one archive, and the command can be read again', async () => {
  const script = `printf '10%%\\r50%%\\r100%%\\nalpha\\nBETA here\\n'; for i in 0 1 2; do echo "::metric loss=0.$i step=$i::"; done; cd "$STUDIO_ARTIFACTS"; mkdir d; echo one > a.txt; echo two > d/b.txt`;
  const job = await submit({ script });
  const id = String(job['id']);
  assert.equal((await ended(id))['status'], 'completed');
  const found = await root.expect(200, 'GET', `/api/v1/jobs/${id}/log/search?text=beta`);
  assert.deepEqual(found['matches'], [{ at: 19, text: 'BETA here' }]);
  assert.deepEqual((await root.expect(200, 'GET', `/api/v1/jobs/${id}/log/search?text=beta&exact`))['matches'], []);
  assert.match((await root.call('GET', `/api/v1/jobs/${id}/log?collapse`)).text, /^100%\nalpha\n/);
  const { times, byteAt, bytes } = await root.expect(200, 'GET', `/api/v1/jobs/${id}/log/times?at=2001-01-01T00:00:00Z`);
  assert.deepEqual([(times as { byte: number }[])[0]?.byte, byteAt], [0, 0]);
  const later = await root.expect(200, 'GET', `/api/v1/jobs/${id}/log/times?at=2999-01-01T00:00:00Z`);
  assert.deepEqual([later['byteAt'], later['bytes']], [bytes, bytes]);
  assert.equal((await root.call('GET', `/api/v1/jobs/${id}/log?at=2999-01-01T00:00:00Z`)).text, '');
  const [loss] = (await root.expect(200, 'GET', `/api/v1/jobs/${id}/metrics`))['series'] as { name: string; points: { step: number; value: number }[] }[];
  assert.deepEqual(
    [loss?.name, loss?.points.map(({ step, value }) => [step, value])],
    [
      'loss',
      [
        [0, 0],
        [1, 0.1],
        [2, 0.2],
      ],
    ],
  );
  const archive = await fetch(`${root.url}/api/v1/jobs/${id}/artifacts/archive`, { headers: { authorization: `Bearer ${root.token ?? ''}` } });
  assert.equal(archive.headers.get('content-type'), 'application/zip');
  const zip = Buffer.from(await archive.arrayBuffer()).toString('latin1');
  assert.ok(zip.startsWith('PK') && zip.includes('a.txt') && zip.includes('d/b.txt') && zip.includes('two\n'));
  assert.deepEqual(await root.expect(200, 'GET', `/api/v1/jobs/${id}/spec`), { script });
  await app.people.user.client.expect(403, 'GET', `/api/v1/jobs/${id}/spec`);
});
