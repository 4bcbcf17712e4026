/** Jobs as real processes on a real database. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { jobsHarness } from '../test/jobs-harness.ts';

const harness = await jobsHarness();
after(() => harness.close());
const { submit, ended, running, log } = harness;

test('a command runs, and its output, exit code and log are kept', async () => {
  const { job } = await submit({ script: 'echo out; echo err >&2; echo "$STUDIO_JOB_ID"' });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'completed');
  assert.equal(end.job.exitCode, 0);
  assert.equal(end.result?.stdout, `out\n${job.id}\n`);
  assert.equal(end.result?.stderr, 'err\n');
  assert.equal((await log(job.id)).split('\n').toSorted().join('|'), ['', 'err', job.id, 'out'].toSorted().join('|'));
  assert.deepEqual(await harness.eventsOf(job.id), ['jobs:job:queued', 'jobs:job:started', 'jobs:job:completed']);
  assert.deepEqual(harness.endedCalls(job.id), 1);
});

test('arguments reach the program as they are: no shell reads them', async () => {
  const argv = ['printf', '[%s]', '$(id)', '; exit 7', `'"`, '-n', '*'];
  const end = await ended((await submit({ command: argv })).job.id);
  assert.equal(
    end.result?.stdout,
    argv
      .slice(2)
      .map((one) => `[${one}]`)
      .join(''),
  );
});

test('an exit code other than 0 is failed, says so with the last line, and keeps the output', async () => {
  const end = await ended((await submit({ script: 'echo one; echo boom >&2; exit 3' })).job.id);
  assert.equal(end.job.status, 'failed');
  assert.equal(end.job.exitCode, 3);
  assert.equal(end.job.error?.code, 'exit_code');
  assert.match(end.job.error?.message ?? '', /code 3.*boom/);
  assert.equal(end.result?.exitCode, 3);
});

test('a command that does not exist fails with a name and what to do', async () => {
  const end = await ended((await submit({ command: ['no-such-program-here', 'x'] })).job.id);
  assert.equal(end.job.status, 'failed');
  assert.equal(end.job.error?.code, 'command_not_found');
  assert.match(end.job.error?.message ?? '', /"no-such-program-here".*install it/);
});

test('stdin, files, env, cwd and the working folder are as asked', async () => {
  await harness.putFile('data/in.txt', 'from the files');
  const end = await ended(
    (
      await submit({
        script: 'cat; cat sub/in.txt; echo "$GREETING"; pwd; ls -a "$HOME" | tail -n +3',
        stdin: 'typed ',
        env: { GREETING: 'hello' },
        files: { 'sub/in.txt': 'data/in.txt' },
      })
    ).job.id,
  );
  assert.match(end.result?.stdout ?? '', /^typed from the fileshello\n.*\/work\nsub\n$/);
});

test('a missing file and a missing secret fail by name, before anything runs', async () => {
  const file = await ended((await submit({ command: ['true'], files: { a: 'not/there' } })).job.id);
  assert.equal(file.job.error?.code, 'file_missing');
  const secret = await ended((await submit({ command: ['true'], env: { A: '{{ secrets.NOPE }}' } })).job.id);
  assert.equal(secret.job.error?.code, 'secret_missing');
});

test('no name that changes what runs, and nothing of the environment of Studio, reaches a job', async () => {
  process.env['STUDIO_TEST_CANARY'] = 'canary-of-studio';
  const env = {
    NODE_OPTIONS: '--require /x',
    LD_PRELOAD: '/x.so',
    PYTHONPATH: '/x',
    GIT_SSH_COMMAND: 'x',
    PATH: '/x',
    BASH_ENV: '/x',
    STUDIO_JOB_ID: 'job_other',
    FINE: 'yes',
  };
  const { job } = await submit({ command: ['env'], env });
  const end = await ended(job.id);
  const seen = end.result?.stdout ?? '';
  assert.match(seen, /^FINE=yes$/m);
  assert.match(seen, new RegExp(`^STUDIO_JOB_ID=${job.id}$`, 'm'));
  for (const name of ['NODE_OPTIONS', 'LD_PRELOAD', 'PYTHONPATH', 'GIT_SSH_COMMAND', 'BASH_ENV', 'STUDIO_TEST_CANARY'])
    assert.doesNotMatch(seen, new RegExp(`^${name}=`, 'm'));
  assert.doesNotMatch(seen, /^PATH=\/x$/m);
  assert.match(await log(job.id), /were not taken: .*LD_PRELOAD/);
});

test('as root, a job runs as a user of its own that can not read another job or the key store', { skip: process.getuid?.() !== 0 }, async () => {
  const secret = join(harness.workspacePath, '.env');
  writeFileSync(secret, 'KEY=1', { mode: 0o600 });
  const end = await ended(
    (await submit({ script: `id -u; cat ${secret} || echo refused; ls ${harness.workspacePath}/jobs || echo refused; grep NoNewPrivs /proc/self/status` })).job
      .id,
  );
  const lines = (end.result?.stdout ?? '').trim().split('\n');
  assert.ok(Number(lines[0]) >= 59_000 && Number(lines[0]) < 59_256, String(lines[0]));
  assert.deepEqual(lines.slice(1), ['refused', 'refused', 'NoNewPrivs:\t1']);
});

test('secrets are masked in the log, in the output and in the result, also when they are cut between writes', async () => {
  harness.secrets.set('TOKEN', 'sw0rdfish-canary-value');
  const script = 'printf "a sw0rdfi"; sleep 0.3; printf "sh-canary-value b\n"; printf %s "$T" | base64; printf "{\\"t\\": \\"%s\\"}" "$T" > "$STUDIO_RESULT"';
  const { job } = await submit({ script, env: { T: '{{ secrets.TOKEN }}' } });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'completed');
  assert.match(end.result?.stdout ?? '', /^a \[redacted\] b\n\[redacted\]/);
  assert.deepEqual(end.result?.result, { t: '[redacted]' });
  const everything = JSON.stringify(end) + (await log(job.id));
  assert.equal(everything.includes('sw0rdfish-canary'), false);
  assert.equal(everything.includes(Buffer.from('sw0rdfish-canary-val').toString('base64').slice(0, 20)), false);
  assert.equal(existsSync(join(harness.workspacePath, 'jobs', job.id, 'stdout')), false);
});

test('artifacts are plain files of the job only: links and pipes are left out, and named', async () => {
  const script = 'cd "$STUDIO_ARTIFACTS"; mkdir sub; echo one > a.txt; echo two > sub/b.txt; ln -s /etc/passwd link; mkfifo pipe; ln -s / tree; ln a.txt hard';
  const { job } = await submit({ script });
  const end = await ended(job.id);
  assert.deepEqual(
    end.result?.artifacts.map((one) => one.name),
    ['a.txt', 'hard', 'sub/b.txt'],
  );
  assert.equal((await harness.readContent(end.result?.artifacts[2]?.sha256 ?? '')).toString(), 'two\n');
  assert.match(await log(job.id), /"link" was left out[^]*"pipe" was left out/);
});

test('parse json gives the result, and what is no JSON fails by name', async () => {
  const good = await ended((await submit({ script: `echo '{"a":[1,2]}'`, parse: 'json' })).job.id);
  assert.deepEqual(good.result?.result, { a: [1, 2] });
  const lines = await ended((await submit({ script: 'printf "x\ny\n"', parse: 'lines' })).job.id);
  assert.deepEqual(lines.result?.result, ['x', 'y']);
  const bad = await ended((await submit({ script: 'echo hello', parse: 'json' })).job.id);
  assert.equal(bad.job.error?.code, 'bad_result');
});

test('tails hold the last 64 KiB, the log holds all', async () => {
  const { job } = await submit({ script: 'i=0; while [ $i -lt 3000 ]; do echo "line $i ........................................"; i=$((i+1)); done' });
  const end = await ended(job.id);
  assert.equal(Buffer.byteLength(end.result?.stdout ?? ''), 64 * 1024);
  assert.match(end.result?.stdout ?? '', /line 2999 \.+\n$/);
  assert.equal((await log(job.id)).split('\n').length, 3_001);
});

test('progress and metrics update the job', async () => {
  const { job } = await submit({ script: `echo '{"progress":0.25,"loss":1.5}' >> "$STUDIO_PROGRESS"; sleep 2.5` });
  await harness.until(async () => (await harness.read(job.id)).progress === 0.25);
  assert.equal((await harness.read(job.id)).metrics?.['loss'], 1.5);
  const end = await ended(job.id);
  assert.equal(end.job.progress, 1);
  assert.ok((await harness.eventsOf(job.id)).includes('jobs:job:progress'));
});

test('a timeout ends the job with all it started, as failed for that reason', async () => {
  const { job } = await submit({ script: 'sleep 300 & sleep 300', timeoutMs: 300 });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'failed');
  assert.equal(end.job.reason, 'timeout');
  assert.deepEqual(harness.processesOf(job.id), []);
});

test('cancel ends a process that ignores TERM, its children, and daemons that left the group and the session', async () => {
  const script =
    'trap "" TERM; (setsid sh -c "trap \\"\\" TERM; sleep 300 & sleep 300" &) ; (setsid setsid sleep 300 &) ; sleep 300 & echo ready; wait; sleep 300';
  const { job } = await submit({ script });
  await harness.until(async () => (await log(job.id)).includes('ready'));
  const before = harness.processesOf(job.id);
  assert.ok(before.length >= 5, `${before.length} processes`);
  await harness.jobs.cancelJob({ orgId: harness.orgId, id: job.id, reason: 'no longer wanted' });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'cancelled');
  assert.equal(end.job.reason, 'no longer wanted');
  assert.deepEqual(harness.processesOf(job.id), []);
  assert.deepEqual(
    before.filter((pid) => harness.isAlive(pid)),
    [],
  );
});

test('as root, even a daemon with an empty environment in a session of its own does not outlive its job', { skip: process.getuid?.() !== 0 }, async () => {
  const { job } = await submit({ script: `env -i setsid sh -c 'env -i setsid sleep 301 & echo $!'; sleep 0.2; echo done` });
  const end = await ended(job.id);
  const pid = Number((end.result?.stdout ?? '').split('\n')[0]);
  assert.ok(pid > 1);
  assert.equal(harness.isAlive(pid), false);
  assert.match(await log(job.id), /left behind/);
});

test('a job that TERM ends in time is not killed: it may clean up', async () => {
  const { job } = await submit({ script: 'trap "echo cleaned; exit 0" TERM; echo ready; while :; do sleep 0.1; done' });
  await harness.until(async () => (await log(job.id)).includes('ready'));
  await harness.jobs.cancelJob({ orgId: harness.orgId, id: job.id, reason: 'stop' });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'cancelled');
  assert.match(await log(job.id), /cleaned/);
});

test('a job killed from outside says so, and its slot is free again', async () => {
  const { job } = await submit({ script: 'kill -KILL $$' });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'failed');
  assert.equal(end.job.signal, 'SIGKILL');
  assert.ok(end.job.reason === 'killed' || end.job.reason === 'oom');
  assert.equal((await ended((await submit({ command: ['true'] })).job.id)).job.status, 'completed');
});

test('children are offered to the kernel first when memory runs out', async () => {
  const end = await ended((await submit({ command: ['cat', '/proc/self/oom_score_adj'] })).job.id);
  assert.equal(end.result?.stdout, '500\n');
});

test('a vanished process is tried again three times, then the job is dead and can be retried', async () => {
  const { job } = await submit({ command: ['sleep', '300'] });
  let last = 0;
  for (const _attempt of [1, 2, 3, 4]) {
    await harness.until(async () => ![undefined, last].includes(await harness.shimOf(job.id)));
    last = (await harness.shimOf(job.id)) ?? 0;
    // A shim that dies before it began anything was no attempt.
    await harness.until(() => harness.processesOf(job.id).length > 0);
    process.kill(last, 'SIGKILL');
  }
  const end = await ended(job.id);
  assert.equal(end.job.status, 'dead');
  assert.equal(end.job.attempts, 4);
  assert.equal(end.job.error?.code, 'orphaned');
  assert.deepEqual(harness.processesOf(job.id), []);
  const again = await harness.jobs.retry({ orgId: harness.orgId, id: job.id, requestId: 'req_1' });
  assert.equal(again.status, 'queued');
  await harness.jobs.cancelJob({ orgId: harness.orgId, id: job.id, reason: 'enough' });
});

test('a job may open /dev/stdout anew', async () => {
  const end = await ended((await submit({ script: 'echo to stdout >> /dev/stdout; echo to stderr >> /dev/stderr' })).job.id);
  assert.deepEqual([end.result?.stdout, end.result?.stderr], ['to stdout\n', 'to stderr\n']);
});

test('a retry policy tries a failing job again, and stops when it succeeds', async () => {
  const marker = join(harness.shared, 'tries');
  writeFileSync(marker, '', { mode: 0o666 });
  harness.openToAll(marker);
  const { job } = await submit({ script: `echo x >> ${marker}; [ $(wc -l < ${marker}) -ge 3 ]`, retry: { maxAttempts: 5, backoffMs: 10, jitter: 0 } });
  const end = await ended(job.id);
  assert.equal(end.job.status, 'completed');
  assert.equal(end.job.attempts, 3);
  assert.equal(readFileSync(marker, 'utf8'), 'x\nx\nx\n');
});

test('a log is followed live and ends with the job; a range begins where asked', async () => {
  const { job } = await submit({ script: 'echo first; sleep 0.4; echo second' });
  let text = '';
  for await (const chunk of harness.follow(job.id, 0)) text += chunk.toString();
  assert.equal(text, 'first\nsecond\n');
  await ended(job.id);
  assert.equal(await log(job.id, 6), 'second\n');
});

test('a job that its submitter may not run any more is refused where it would run', async () => {
  await harness.setSuperAdmin(false);
  const { job } = await submit({ command: ['true'] });
  const end = await ended(job.id);
  await harness.setSuperAdmin(true);
  assert.equal(end.job.error?.code, 'forbidden');
});

test('an array is one job an index, each knowing its own', async () => {
  const { ids } = await submit({ script: 'echo "$STUDIO_ARRAY_INDEX of $STUDIO_ARRAY_SIZE"', array: 3 });
  assert.equal(ids.length, 3);
  const ends = await Promise.all(ids.map((id) => ended(id)));
  assert.deepEqual(
    ends.map((end) => end.result?.stdout),
    ['0 of 3\n', '1 of 3\n', '2 of 3\n'],
  );
});

test('running jobs never pass the slots, live changes included', async () => {
  await harness.jobs.patchQueue({ name: 'studio', patch: { slots: 2 }, requestId: 'req_1' });
  const { ids } = await submit({ script: 'sleep 0.4', array: 6 });
  await harness.until(async () => (await running(ids)) === 2);
  const [last] = await harness.jobs.explain([await harness.read(ids[5] ?? '')]);
  assert.equal(last?.waitReason?.kind, 'no_slot');
  assert.match(last?.waitReason?.message ?? '', /2 of 2 running/);
  await harness.jobs.patchQueue({ name: 'studio', patch: { slots: 4 }, requestId: 'req_1' });
  let most = 0;
  await harness.until(async () => {
    const now = await running(ids);
    most = Math.max(most, now);
    return now === 0;
  });
  assert.ok(most <= 4, String(most));
  await Promise.all(ids.map((id) => ended(id)));
});
