/** Models that take less of a card than they want, on the real ledger with a fake card and real children of a tiny file. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import type { ModelRuntime } from '../contract/models.ts';
import { createDevices } from '../gpu/device.ts';
import type { GpuLedger } from '../gpu/ledger-port.ts';
import { roomOf } from '../gpu/policy-state.ts';
import type { Lease } from '../gpu/tenants.ts';
import { killGroup } from '../kernel/child.ts';
import { systemClock } from '../kernel/clock.ts';
import type { ProcessIdentity } from '../kernel/process-identity.ts';
import type { ModelRecord } from '../store/models.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import { fakeGpu } from '../test/fake-gpu.ts';
import { testLedger } from '../test/ledger.ts';
import { endless, textOf } from '../test/models-harness.ts';
import { writeTinyGguf } from '../test/tiny-gguf.ts';
import { until } from '../test/until.ts';
import { readFacts } from './gguf-file.ts';
import { createLlamaDriver } from './llama-driver.ts';
import { createSlot, type Slot } from './slot.ts';

const MIB = 1024 ** 2;
const never = new AbortController().signal;
/** The card has 23 GiB to give. */
const CARD = 23 * 1024 * MIB;
/** 17 layers with the output, 2.5 MiB and 8 MiB of cache each: about 0.64 GiB with what a process takes on a card. */
const TINY = { layers: 16, width: 256, contextLength: 2_048 };

let db: TestDatabase;
let folder: string;
let facts: Awaited<ReturnType<typeof readFacts>>;
let bytes: number;
before(async () => {
  db = await testDatabase();
  folder = mkdtempSync(join(tmpdir(), 'studio-fit-'));
  mkdirSync(join(folder, 'models'));
  bytes = writeTinyGguf(join(folder, 'models', 'tiny.gguf'), TINY);
  facts = await readFacts([{ name: 'tiny.gguf', path: join(folder, 'models', 'tiny.gguf') }]);
});
after(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Stage {
  readonly ledger: GpuLedger;
  readonly clock: FakeClock;
  /** A job that leaves so much of the card. */
  hold(leftMib: number): Promise<Lease>;
  slot(name: string, settings?: Record<string, Json>): { readonly slot: Slot; ask(): Promise<string>; load(): NonNullable<ModelRuntime['load']> };
}

async function stage(t: TestContext): Promise<Stage> {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.onPath();
  await db.database.engine.query('delete from gpu_leases');
  const devices = createDevices({ clock: systemClock, log: silentLog, kernelLogPath: gpu.kernelLog });
  devices.start();
  const ledger = testLedger(db.database, devices);
  await devices.found();
  await ledger.start();
  const clock = fakeClock();
  const slots = new Map<string, Slot>();
  const processes = new Map<string, ProcessIdentity>();
  ledger.onEvict('model', async (lease, why) => slots.get(lease.tenantId)?.close({ reason: why.message, drainMs: 1_000, isEvicted: true }));
  t.after(async () => {
    await Promise.all([...slots.values()].map((slot) => slot.close({ reason: 'the test ends', drainMs: 0 })));
    ledger.stop();
    await devices.stop();
  });
  const parts = {
    ...{ clock, log: silentLog, ledger },
    records: {
      environmentOf: () => ({}),
      record: (id: string, process: ProcessIdentity) => void processes.set(id, process),
      clear: async (id: string) => killGroup(processes.get(id)?.pid ?? 999_999_999),
      endAll: () => Promise.resolve([]),
    },
    // Its layers lie in main memory all the same: no card is here.
    driver: createLlamaDriver({ clock: systemClock, workspacePath: folder, modelsPath: join(folder, 'models'), pack: { gpu: false, folder: undefined } }),
    rooms: async () => ({ deviceBytes: ledger.devices().map(roomOf) }),
    tell: () => undefined,
  };
  return {
    ledger,
    clock,
    hold: (leftMib) =>
      ledger.acquire({
        ...{ id: 'job_train', kind: 'job', orgId: null, gpus: 0, vramBytes: CARD - leftMib * MIB, cpu: 0, memoryBytes: 0 },
        ...{ priority: 50, queuedAtMs: systemClock.now(), isPreemptible: false, isPinned: false },
      }),
    slot(name, settings = {}) {
      const model = recordOf(name, settings);
      const slot = createSlot(parts, model);
      slots.set(model.id, slot);
      return {
        slot,
        ask: () =>
          slot.use(model, { orgId: 'org_a', priority: 50, signal: never }, (engine) => textOf(engine.chat({ ...endless, sampling: { maxTokens: 4 } }, never))),
        load: () => slot.runtime().load ?? assert.fail('it is not loaded'),
      };
    },
  };
}

function recordOf(name: string, settings: Record<string, Json>): ModelRecord {
  return {
    ...facts,
    ...{
      id: `mdl_${name}`,
      orgId: null,
      homeOrgId: null,
      name,
      engine: 'llama',
      status: 'ready',
      fault: null,
      format: 'gguf',
      bytes,
      source: { kind: 'none' },
    },
    ...{ files: [{ name: 'tiny.gguf', bytes, sha256: null, place: 'tiny.gguf' }], shape: facts.shape as unknown as Json, settings },
    ...{ pinned: false, ttlS: null, createdAt: new Date(0), updatedAt: new Date(0) },
  };
}

test('on a card of its own a model is loaded in full, and says so', async (t) => {
  const { slot } = await stage(t);
  const { ask, load } = slot('alone');
  assert.ok((await ask()).length > 0);
  assert.deepEqual(load(), {
    ...{ contextLength: 2_048, wantedContextLength: 2_048, parallel: 4, gpuLayers: 17, layers: 17, isFull: true },
    message: 'all 17 layers on GPU 0',
  });
});

test('beside a job it takes the layers that there is room for, answers, and is loaded in full when the job is over and it idles', async (t) => {
  const { slot, hold, ledger, clock } = await stage(t);
  const job = await hold(570);
  const { ask, load, slot: tiny } = slot('part');
  assert.ok((await ask()).length > 0);
  const part = load();
  assert.match(part.message, /^\d+ of 17 layers on GPU 0: 5\d\d MiB free of \d+ asked$/);
  assert.ok(part.gpuLayers > 0 && part.gpuLayers < 17 && part.contextLength === 2_048 && !part.isFull, part.message);
  const held = ledger.leases().find(({ kind }) => kind === 'model')?.devices[0]?.bytes ?? 0;
  assert.ok(held > 400 * MIB && held <= 570 * MIB);
  // Nothing changes while there is no room.
  await clock.advance(15_000);
  assert.equal(tiny.runtime().state, 'loaded');
  await ledger.release(job.id);
  await clock.advance(15_000);
  await until('the whole of it to be loaded', () => tiny.runtime().load?.isFull === true);
  assert.equal(load().gpuLayers, 17);
  assert.ok((await ask()).length > 0);
});

test('without any room it runs in main memory; a least number of layers makes it wait', async (t) => {
  const { slot, hold, ledger } = await stage(t);
  const job = await hold(100);
  const { ask, load } = slot('host');
  assert.ok((await ask()).length > 0);
  assert.match(load().message, /^no layers on a GPU, all in main memory: \d+ MiB free of \d+ asked$/);
  const { ask: askDevice, slot: device } = slot('device', { minGpuLayers: 4 });
  const answer = askDevice();
  await until('it to wait for memory', () => device.runtime().waitReason?.kind === 'vram');
  assert.match(device.runtime().waitReason?.message ?? '', /behind job_train/);
  await ledger.release(job.id);
  assert.ok((await answer).length > 0);
});

test('a context may be shortened as far as the settings name, and then all layers fit', async (t) => {
  const { slot, hold } = await stage(t);
  await hold(610);
  const { ask, load } = slot('brief', { contextLength: 2_048, minContextLength: 512 });
  assert.ok((await ask()).length > 0);
  const { contextLength, gpuLayers, message } = load();
  assert.ok(contextLength >= 512 && contextLength < 2_048 && contextLength % 256 === 0 && gpuLayers === 17, message);
  assert.match(message, /^all 17 layers on GPU 0, \d+ of 2048 tokens of context: 5\d\d MiB free of \d+ asked$/);
});

test('one that is to fit in full waits for all of it', async (t) => {
  const { slot, hold, ledger } = await stage(t);
  const job = await hold(570);
  const { ask, load, slot: tiny } = slot('patient', { fit: 'full' });
  const answer = ask();
  await until('it to wait for memory', () => tiny.runtime().waitReason?.kind === 'vram');
  await ledger.release(job.id);
  assert.ok((await answer).length > 0);
  assert.equal(load().isFull, true);
});

test('models that idle go before one takes less', async (t) => {
  const { slot, hold } = await stage(t);
  await hold(700);
  const first = slot('first');
  const second = slot('second');
  await first.ask();
  await second.ask();
  assert.deepEqual([first.slot.runtime().state, second.load().isFull], ['unloaded', true]);
});
