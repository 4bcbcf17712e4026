/** Shims that wait for a job, as real processes. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { isAlive, readProcess } from '../kernel/process-identity.ts';
import { createNursery, type Nursery } from './nursery.ts';
import { parseExitRecord } from './shim.ts';

interface Ground {
  readonly nursery: Nursery;
  readonly folder: string;
  run(argv: readonly string[]): Promise<{ readonly stdout: string; readonly code: number | undefined }>;
}

function ground(context: TestContext): Ground {
  const folder = mkdtempSync(join(tmpdir(), 'studio-nursery-'));
  const nursery = createNursery(systemClock);
  context.after(() => {
    nursery.close();
    rmSync(folder, { recursive: true });
  });
  return {
    nursery,
    folder,
    async run(argv) {
      writeFileSync(join(folder, 'stdout'), '');
      const shim = await nursery.take();
      await (
        await shim.give({ folder, work: folder, stdin: '/dev/null', argv })
      ).gone;
      return { stdout: readFileSync(join(folder, 'stdout'), 'utf8'), code: parseExitRecord(readFileSync(join(folder, 'exit'), 'utf8'))?.code };
    },
  };
}

test('arguments arrive as they are, whatever characters they hold', async (context) => {
  const { run } = ground(context);
  const odd = ['', '\n', 'two\nlines\n', '.dot', '+plus', '\n\n+\n.\n', ' spaced ', '\\n \\', `'"$HOME\`id\`*?~`, '\t', 'é漢🎉Á¡', '-n', 'a=b'];
  const every = String.fromCodePoint(...Array.from({ length: 0x24f }, (_, index) => index + 1));
  const ended = await run([process.execPath, '-p', 'JSON.stringify(process.argv.slice(1))', '--', ...odd, every]);
  assert.equal(ended.code, 0);
  assert.deepEqual(JSON.parse(ended.stdout), [...odd, every]);
});

test('a job is in a session of its own and holds nothing of the nursery', async (context) => {
  const { run } = ground(context);
  const script = 'for fd in 3 4 5; do [ ! -e /proc/$$/fd/$fd ] || echo "open: $fd"; done; read -r stat </proc/$$/stat; echo "stat ${stat##*) }"';
  const { stdout } = await run(['/bin/sh', '-c', script]);
  assert.doesNotMatch(stdout, /open/);
  const [, parent, , session] = (/^stat (.*)$/m.exec(stdout)?.[1] ?? '').split(' ');
  assert.equal(session, parent);
});

test('many jobs at once each get a shim of their own', async (context) => {
  const { nursery, folder } = ground(context);
  const given = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const shim = await nursery.take();
      return shim.give({ folder, work: folder, stdin: '/dev/null', argv: ['/bin/sleep', '0.05'] });
    }),
  );
  assert.equal(new Set(given.map(({ shim }) => shim.pid)).size, 12);
  await Promise.all(given.map(({ gone }) => gone));
  assert.deepEqual(
    given.filter(({ shim }) => isAlive(shim)),
    [],
  );
});

test('a job that is over before anybody looks has run', async (context) => {
  const { nursery, folder } = ground(context);
  for (let time = 0; time < 3; time++) {
    const shim = await nursery.take();
    const given = shim.give({ folder, work: folder, stdin: '/dev/null', argv: ['/bin/true'] });
    // This process stands still, as under load, until the shim is gone: its news and its end are then found together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (isAlive(shim.identity));
    await (
      await given
    ).gone;
    assert.equal(parseExitRecord(readFileSync(join(folder, 'exit'), 'utf8'))?.code, 0);
  }
});

test('a shim that was ended while it waited is replaced; one that is put back serves the next', async (context) => {
  const { nursery, run } = ground(context);
  const first = await nursery.take();
  first.putBack();
  const second = await nursery.take();
  assert.deepEqual(second.identity, first.identity);
  second.putBack();
  process.kill(first.identity.pid, 'SIGKILL');
  while (isAlive(first.identity)) await systemClock.sleep(5);
  assert.equal((await run(['/bin/echo', 'still there'])).stdout, 'still there\n');
});

test('a shim that is ended between its order and its work has done nothing, and the next one does not read what it left', async (context) => {
  const { nursery, run, folder } = ground(context);
  const shim = await nursery.take();
  process.kill(shim.identity.pid, 'SIGSTOP');
  const given = shim.give({ folder, work: folder, stdin: '/dev/null', argv: ['/bin/sh', '-c', 'echo never'] });
  process.kill(shim.identity.pid, 'SIGKILL');
  await assert.rejects(given, /ended before it began/);
  assert.equal((await run(['/bin/echo', 'anew'])).stdout, 'anew\n');
});

test('what waits ends with Studio; what runs goes on', async (context) => {
  const { nursery, folder } = ground(context);
  const running = await (await nursery.take()).give({ folder, work: folder, stdin: '/dev/null', argv: ['/bin/sleep', '60'] });
  const waiting = await nursery.take();
  const nurse = readProcess(waiting.identity.pid)?.parentPid ?? 0;
  nursery.close();
  while (isAlive(waiting.identity) || readProcess(nurse)?.isZombie === false) await systemClock.sleep(5);
  assert.equal(isAlive(running.shim), true);
  process.kill(-running.shim.pid, 'SIGKILL');
  await running.gone;
});
