import { deepEqual, equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../test/database.ts';
import { until } from '../test/until.ts';
import { createFlightRecorder, type FlightRecorder, type InFlight } from './flight-recorder.ts';

const root = mkdtempSync(join(tmpdir(), 'studio-recorder-'));
after(() => rmSync(root, { recursive: true, force: true }));

const attempt = (n: number): InFlight => ({ instanceId: `inst_${n}`, orgId: 'org_a', path: `map[${n}]/encode`, generation: 1 });

function record(folder: string, name: string): FlightRecorder {
  return createFlightRecorder({ folder, name, clock: systemClock, log: silentLog });
}

test('what is in flight is found by the next process, what is over is not', async () => {
  const folder = join(root, 'flight');
  const recorder = record(folder, 'first');
  const slots = Array.from({ length: 50 }, (_, n) => recorder.note(attempt(n)));
  for (const slot of slots.slice(0, 48)) recorder.clear(slot);
  recorder.flush();
  const next = record(folder, 'second');
  await until('two attempts to be found', async () => (await next.found())[0]?.attempts.length === 2);
  const [left] = await next.found();
  deepEqual(
    left?.attempts.toSorted((a, b) => a.instanceId.localeCompare(b.instanceId)),
    [attempt(48), attempt(49)],
  );
  await next.forget('first');
  deepEqual(await next.found(), []);
  await next.close();
  deepEqual(readdirSync(folder), []);
});

test('a slot that is used again holds what it was used for last', async () => {
  const folder = join(root, 'again');
  const recorder = record(folder, 'first');
  for (let n = 0; n < 500; n++) recorder.clear(recorder.note(attempt(n)));
  recorder.note(attempt(7));
  const next = record(folder, 'second');
  await until('one attempt to be found', async () => (await next.found())[0]?.attempts.length === 1);
  deepEqual((await next.found())[0]?.attempts, [attempt(7)]);
  await next.close();
  await recorder.close();
});

test('a process that is killed while its own thread is busy has left what it noted before', async () => {
  const folder = join(root, 'killed');
  const program = `
    import { createFlightRecorder } from ${JSON.stringify(new URL('./flight-recorder.ts', import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL('../kernel/clock.ts', import.meta.url).href)};
    const recorder = createFlightRecorder({ folder: process.argv[1], name: 'first', clock: systemClock, log: {} });
    await recorder.found();
    recorder.note(${JSON.stringify(attempt(3))});
    process.stdout.write('noted');
    for (;;);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const next = record(folder, 'second');
  await until('one attempt to be found', async () => (await next.found())[0]?.attempts.length === 1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  deepEqual((await next.found())[0]?.attempts, [attempt(3)]);
  await next.close();
});

test('where its folder can not be made nothing is noted, and nobody is held up', async () => {
  const file = join(root, 'a-file');
  writeFileSync(file, '');
  const recorder = record(join(file, 'flight'), 'first');
  const slot = recorder.note(attempt(1));
  recorder.flush();
  recorder.clear(slot);
  deepEqual(await recorder.found(), []);
  await recorder.close();
  equal(recorder.note(attempt(2)), -1);
});
