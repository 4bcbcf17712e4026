import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { isAlive, listProcesses, readArguments } from '../kernel/process-identity.ts';
import { makeScratchFolder, sweepScratch } from './scratch-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'studio-scratch-test-'));
chmodSync(root, 0o711);
after(() => rmSync(root, { recursive: true, force: true }));

test('what a killed process had made is ended and removed by the next, and nothing of one that lives', async () => {
  const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    import { makeScratchFolder } from ${url('./scratch-folder.ts')};
    import { startScratchServer } from ${url('./scratch-server.ts')};
    const folder = await makeScratchFolder('proof');
    await startScratchServer({ folder, signal: new AbortController().signal });
    process.stdout.write(folder);
    setInterval(() => undefined, 1_000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, TMPDIR: root },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const folder = String(said);
  const server = listProcesses().find(({ pid }) => readArguments(pid).includes(join(folder, 'pg')));
  ok(server);
  const own = await makeScratchFolder('proof', root);
  equal(await sweepScratch(systemClock, root), 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  ok(isAlive(server), 'it outlives its parent');
  equal(await sweepScratch(systemClock, root), 2);
  equal(isAlive(server), false);
  equal(existsSync(folder), false);
  deepEqual(readdirSync(root), [own.slice(root.length + 1)]);
});

test('folders of another container are left alone', async () => {
  const foreign = join(root, 'studio-proof-1-1-1-abcdef');
  mkdirSync(foreign);
  await sweepScratch(systemClock, root);
  ok(existsSync(foreign));
});
