import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../test/database.ts';
import { engineHarness, type EngineHarness } from '../test/engine.ts';
import { testNode } from '../test/test-node.ts';
import { createFlightRecorder, type FlightRecorder } from './flight-recorder.ts';

let folder: string;
let harness: EngineHarness;
let deaths = 0;
const recorders: FlightRecorder[] = [];

/** Takes its process down: the engine forgets everything in the middle of the attempt, and the attempt never ends. */
const killer = testNode({
  type: 'test.killer',
  params: z.strictObject({ deaths: z.number().optional() }),
  async run(params) {
    if (deaths >= (params.deaths ?? Infinity)) return { kind: 'output', output: { deaths } };
    deaths += 1;
    harness.engine.crash();
    return new Promise(() => undefined);
  },
});

function recorder(): FlightRecorder {
  // What the process before noted reaches its file though it died: another thread writes it.
  recorders.at(-1)?.flush();
  const made = createFlightRecorder({ folder, name: `process-${recorders.length + 1}`, clock: systemClock, log: silentLog });
  recorders.push(made);
  return made;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'studio-flight-'));
  harness = await engineHarness({ types: [killer], flightRecorder: recorder });
});
after(async () => {
  await harness.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The next process, after the last one died. */
async function reboot(count: number): Promise<void> {
  await harness.until(() => deaths === count, `death ${count}`);
  await harness.boot();
}

test('a step that takes its process down three times is given up with its history, and its neighbours go on', async () => {
  deaths = 0;
  const neighbour = await harness.start(await harness.publish({ nodes: [{ key: 'wait', type: 'wait.timer', params: { durationMs: 5_000 } }] }));
  const id = await harness.start(await harness.publish({ nodes: [{ key: 'bad', type: 'test.killer' }] }));
  await reboot(1);
  await harness.clock.advance(1_000);
  await reboot(2);
  await harness.clock.advance(10_000);
  assert.equal((await harness.ended(neighbour)).status, 'completed');
  assert.equal((await harness.instance(id)).status, 'running');
  await harness.clock.advance(20_000);
  await reboot(3);
  const instance = await harness.ended(id);
  assert.deepEqual([instance.status, instance.error?.code], ['failed', 'quarantined']);
  const details = instance.error?.details as { crashes: number } | undefined;
  assert.equal(details?.crashes, 3);
  assert.equal(deaths, 3);
});

test('one that was only unlucky runs in the end, and its record is clean', async () => {
  deaths = 0;
  const id = await harness.start(await harness.publish({ nodes: [{ key: 'bad', type: 'test.killer', params: { deaths: 1 } }] }));
  await reboot(1);
  await harness.clock.advance(1_000);
  assert.equal((await harness.ended(id)).status, 'completed');
  await harness.until(
    async () => (await harness.db.database.engine.query('select 1 from step_crashes where instance_id = $1', [id])).rows.length === 0,
    'the record is clean',
  );
});

test('a death while a suspect waits, with nothing suspect in flight, clears it', async () => {
  deaths = 0;
  const id = await harness.start(await harness.publish({ nodes: [{ key: 'bad', type: 'test.killer', params: { deaths: 2 } }] }));
  await reboot(1);
  await harness.clock.advance(1_000);
  await reboot(2);
  // Killed from outside, in the quiet.
  harness.engine.crash();
  await harness.boot();
  assert.equal((await harness.ended(id)).status, 'completed');
});

test('a process that ends in order leaves nothing behind', async () => {
  await harness.engine.stop();
  await harness.boot();
  assert.equal(readdirSync(folder).length, 1);
});
