import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { runToEnd, sendSignal, startChild, waitGone, waitReady } from './child.ts';
import { findPortHolder } from './port-holder.ts';
import { groupMembers, identify, isAlive, readProcess, worksIn } from './process-identity.ts';
import { createServer } from 'node:net';

const sh = (script: string) => ({ command: '/bin/sh', args: ['-c', script] });

test('a child runs in a session of its own, inherits no environment and keeps its last lines', async () => {
  process.env['STUDIO_TEST_LEAK'] = 'leaked';
  const child = await startChild({ ...sh('echo "[$STUDIO_TEST_LEAK]"; for i in 1 2 3 4 5; do echo $i >&2; done; exit 3'), keepLines: 3 });
  const status = await child.exited;
  deepEqual([status.code, status.signal], [3, null]);
  equal(child.lines().length, 3);
  delete process.env['STUDIO_TEST_LEAK'];
  ok(!child.lines().join().includes('leaked'));
  const other = await startChild(sh('sleep 60'));
  equal(readProcess(other.pid)?.groupId, other.pid);
  await other.stop();
});

test('standard input is handed over and closed', async () => {
  const result = await runToEnd({ command: '/bin/cat', args: [], stdin: 'one\ntwo', timeoutMs: 5_000 });
  deepEqual(result.lines, ['one', 'two']);
});

test('a program that is not there is told, with its name', async () => {
  await rejects(startChild({ command: '/nonexistent/program', args: [] }), /\/nonexistent\/program could not be started: .*ENOENT/);
});

test('stop asks first, and kills the whole group of one that does not listen', async () => {
  const child = await startChild(sh('trap "" TERM; sleep 60 & sleep 60 & wait; sleep 60'));
  await waitReady(child, { name: 'the group', timeoutMs: 5_000, probe: () => groupMembers(child.pid).length >= 3 });
  const status = await child.stop({ graceMs: 50 });
  equal(status.signal, 'SIGKILL');
  deepEqual(groupMembers(child.pid), []);
});

test('stop of a leader that left children behind still empties the group', async () => {
  const child = await startChild(sh('sleep 60 & exit 0'));
  await child.exited;
  await child.stop({ graceMs: 50 });
  deepEqual(groupMembers(child.pid), []);
});

test('waiting for ready ends with the last line of a child that ends, with the time, or with the signal', async () => {
  const ended = await startChild(sh('echo the reason >&2; exit 7'));
  await rejects(waitReady(ended, { name: 'It', timeoutMs: 5_000, probe: () => false }), /It ended while starting \(exit code 7\)\. Last lines: the reason/);
  const slow = await startChild(sh('sleep 60'));
  await rejects(waitReady(slow, { name: 'It', timeoutMs: 30, probe: () => false }), /It was not ready within 30 ms/);
  const abort = new AbortController();
  const waiting = waitReady(slow, { name: 'It', timeoutMs: 60_000, probe: () => false, signal: abort.signal });
  abort.abort(new Error('enough'));
  await rejects(waiting, /enough/);
  await slow.stop();
});

test('a probe that throws counts as not yet', async () => {
  const child = await startChild(sh('sleep 60'));
  let looks = 0;
  await waitReady(child, {
    name: 'It',
    timeoutMs: 5_000,
    probe: () => {
      if (++looks < 3) throw new Error('not there');
      return true;
    },
  });
  equal(looks, 3);
  await child.stop();
});

test('running to the end takes no longer than it may', async () => {
  await rejects(runToEnd({ ...sh('echo began; sleep 60'), timeoutMs: 300 }), /took longer than 300 ms and was stopped\. Last lines: began/);
});

test('an identity is a pid with its start: a zombie and a stranger with the same pid are not it', async () => {
  const child = await startChild(sh('sleep 60'));
  equal(isAlive(child.identity), true);
  equal(isAlive({ pid: child.pid, started: '1' }), false);
  equal(sendSignal({ pid: child.pid, started: '1' }, 'SIGKILL'), false);
  equal(isAlive(child.identity), true);
  await child.stop();
  equal(isAlive(child.identity), false);
  equal(await waitGone([child.identity], 1_000), true);
  equal(identify(2 ** 22), undefined);
});

test('a process name with spaces and parentheses is read right', async () => {
  const child = await startChild({ command: '/bin/bash', args: ['-c', 'exec -a "x" sleep 60'] });
  equal(readProcess(child.pid)?.parentPid, process.pid);
  equal(worksIn(process.pid, process.cwd()), true);
  equal(worksIn(process.pid, '/proc'), false);
  await child.stop();
});

test('who holds a port is told with pid and command', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  equal(findPortHolder(port)?.pid, process.pid);
  match(findPortHolder(port)?.arguments.join(' ') ?? '', /node/);
  await new Promise((resolve) => server.close(resolve));
  equal(findPortHolder(port), undefined);
});
