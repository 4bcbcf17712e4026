import { equal, match, ok, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startChild } from '../kernel/child.ts';
import { systemClock } from '../kernel/clock.ts';
import { bootId, identify, pidNamespace } from '../kernel/process-identity.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { findHolder, lockPath, lockWorkspace } from './lock.ts';
import { Refusal } from './refusal.ts';

const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function workspace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-lock-'));
  folders.push(folder);
  mkdirSync(join(folder, 'run'));
  return folder;
}

const never = (holder: string): void => ok(false, `lost to ${holder}`);
const take = (workspacePath: string, onLost = never) => lockWorkspace({ workspacePath, port: 8000, onLost });

function holder(change: Record<string, unknown>): string {
  const own = identify(process.pid);
  return JSON.stringify({
    token: 'theirs',
    pid: process.pid,
    started: own?.started,
    bootId: bootId(),
    pidNamespace: pidNamespace(),
    host: hostname(),
    port: 8001,
    beatAt: systemClock.now(),
    ...change,
  });
}

const isHeld = (error: unknown): boolean => error instanceof Refusal && error.kind === 'workspace_locked';

test('the first takes it, the second is told who holds it, the next takes it when it is released', async () => {
  const path = workspace();
  const first = await take(path);
  equal(findHolder(path)?.pid, process.pid);
  await rejects(take(path), (error: unknown) => {
    match(String(error), new RegExp(`Another Studio \\(pid ${process.pid}, port 8000\\) holds ${path}`));
    return isHeld(error);
  });
  first.release();
  equal(findHolder(path), undefined);
  (await take(path)).release();
  equal(readdirSync(join(path, 'run')).length, 0);
});

test('a holder that was killed is taken over at once, also when its pid lives on in another process', async () => {
  const path = workspace();
  const child = await startChild({ command: '/bin/sleep', args: ['60'] });
  writeFileSync(lockPath(path), holder({ pid: child.pid, started: '1' }));
  (await take(path)).release();
  await child.stop();
  writeFileSync(lockPath(path), holder({ pid: child.pid, started: child.identity.started }));
  (await take(path)).release();
});

test('a living process that is frozen still holds it', async () => {
  const path = workspace();
  const child = await startChild({ command: '/bin/sleep', args: ['60'] });
  child.signal('SIGSTOP');
  writeFileSync(lockPath(path), holder({ pid: child.pid, started: child.identity.started, beatAt: 0 }));
  await rejects(take(path), isHeld);
  await child.stop({ graceMs: 10 });
});

for (const [name, text] of [
  ['garbage', '\0\x01 {'],
  ['nothing', ''],
  ['other JSON', '{"hello": 1}'],
  ['a list', '[]'],
] as const) {
  test(`a lock file with ${name} holds nobody off`, async () => {
    const path = workspace();
    writeFileSync(lockPath(path), text);
    (await take(path)).release();
  });
}

test('a holder in another container that beats is refused within its next beats', async () => {
  const path = workspace();
  let beat = 0;
  const timer = setInterval(() => writeFileSync(lockPath(path), holder({ pidNamespace: 'pid:[1]', pid: 7, beatAt: systemClock.now() + ++beat })), 300);
  writeFileSync(lockPath(path), holder({ pidNamespace: 'pid:[1]', pid: 7 }));
  try {
    await rejects(take(path), (error: unknown) => {
      match(String(error), /in another container or machine/);
      return isHeld(error);
    });
  } finally {
    clearInterval(timer);
  }
});

test('a holder in another container that stopped beating long ago is taken over at once', async () => {
  const path = workspace();
  writeFileSync(lockPath(path), holder({ pidNamespace: 'pid:[1]', beatAt: systemClock.now() - 20_000 }));
  (await take(path)).release();
});

test('a holder on another host is taken over once it stayed silent', async () => {
  const path = workspace();
  writeFileSync(lockPath(path), holder({ bootId: 'another', host: 'elsewhere' }));
  const clock = fakeClock(systemClock.now());
  let isTaken = false;
  const taking = lockWorkspace({ workspacePath: path, port: 8000, onLost: never, clock }).then((lock) => ((isTaken = true), lock));
  await clock.advance(11_000);
  equal(isTaken, false, 'not before it was silent for long enough');
  await clock.advance(2_000);
  (await taking).release();
});

test('of many that start at once exactly one wins, whatever was left behind', async () => {
  const path = workspace();
  writeFileSync(lockPath(path), holder({ pid: 4_194_000, started: '1' }));
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => take(path)));
  const won = results.filter((result) => result.status === 'fulfilled');
  equal(won.length, 1);
  won.forEach((result) => result.value.release());
});

test('who lost its lock hears it with its next beat, and does not take it away from the other', async () => {
  const path = workspace();
  const lost = new Promise<string>((resolve) => void take(path, resolve));
  await systemClock.sleep(100);
  writeFileSync(lockPath(path), holder({ pid: 99, host: 'winner' }));
  match(await lost, /pid 99 on winner/);
  match(readFileSync(lockPath(path), 'utf8'), /winner/);
});

test('a lock that can not be read for a while is still held: no descriptor left, or a disk that fails', async () => {
  const path = workspace();
  const lock = await take(path);
  const file = lockPath(path);
  renameSync(file, `${file}.aside`);
  // Reading a folder fails, as any read does then.
  mkdirSync(file);
  await systemClock.sleep(2_500);
  rmSync(file, { recursive: true });
  renameSync(`${file}.aside`, file);
  const before = statSync(file).mtimeMs;
  while (statSync(file).mtimeMs === before) await systemClock.sleep(20);
  ok(lock.isHeld());
  lock.release();
});

test('the holder is sure of it for half of the term after a beat, by each of its clocks', async () => {
  const at = { steady: 0, wall: 1_000_000 };
  // No beat comes: its timers never fire.
  const clock = { ...systemClock, monotonic: () => at.steady, now: () => at.wall, after: () => () => undefined };
  const lock = await lockWorkspace({ workspacePath: workspace(), port: 8000, onLost: never, clock });
  equal(lock.isHeld(), true);
  at.steady = 5_999;
  equal(lock.isHeld(), true);
  at.steady = 6_000;
  equal(lock.isHeld(), false);
  at.steady = 0;
  at.wall -= 6_000;
  equal(lock.isHeld(), false);
  at.wall += 6_000;
  equal(lock.isHeld(), true);
  lock.release();
  equal(lock.isHeld(), false);
});
