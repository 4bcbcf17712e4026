/** The ledger on a real database, with a fake card: grants, waits, evictions, restarts, lost cards, tenants that outgrow their share. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, test, type TestContext } from 'node:test';
import type { WaitReason } from '../contract/instances.ts';
import { systemClock } from '../kernel/clock.ts';
import { identify, type ProcessIdentity } from '../kernel/process-identity.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { createDevices, type Devices } from './device.ts';
import { fakeGpu, holdMemory, type FakeGpu, type FakeGpuFixture } from '../test/fake-gpu.ts';
import { until } from '../test/until.ts';
import { createLedger } from './ledger.ts';
import type { GpuLedger } from './ledger-port.ts';
import type { Eviction, TenantRequest } from './tenants.ts';

const GIB = 1024 ** 3;
let opened: Promise<TestDatabase> | undefined;
const database = (): Promise<TestDatabase> => (opened ??= testDatabase());
after(async () => (await opened)?.close());

interface Stage {
  readonly gpu: FakeGpu;
  readonly devices: Devices;
  readonly db: TestDatabase;
  ledger: GpuLedger;
  /** Who was told to end, with the reason; its processes count as gone when `gone` is called. */
  readonly evicted: { readonly tenantId: string; readonly why: Eviction; readonly gone: () => void }[];
  restart(): Promise<void>;
  events(): Promise<string[]>;
}

async function stage(t: TestContext, fixture: FakeGpuFixture = 'one-24gb'): Promise<Stage> {
  const gpu = fakeGpu(t, fixture);
  gpu.onPath();
  const db = await database();
  await db.database.engine.query('delete from gpu_leases');
  await db.database.engine.query('delete from outbox');
  const devices = createDevices({ clock: systemClock, log: silentLog, kernelLogPath: gpu.kernelLog });
  devices.start();
  const evicted: Stage['evicted'] = [];
  const open = async (): Promise<GpuLedger> => {
    const ledger = createLedger({
      ...{ database: db.database, clock: systemClock, log: silentLog, devices },
      ...{ machine: 'worker_test', reserveBytes: GIB, cpu: 8, memoryBytes: 32 * GIB },
    });
    for (const kind of ['model', 'service', 'job'] as const)
      ledger.onEvict(kind, (lease, why) => new Promise((resolve) => evicted.push({ tenantId: lease.tenantId, why, gone: resolve })));
    await devices.found();
    await ledger.start();
    return ledger;
  };
  const made: Stage = {
    gpu,
    devices,
    db,
    evicted,
    ledger: await open(),
    async restart() {
      made.ledger.stop();
      made.ledger = await open();
    },
    async events() {
      const { rows } = await db.database.engine.query<{ type: string }>(`select type from outbox where kind = 'lease' order by position`);
      return rows.map((row) => row.type);
    },
  };
  t.after(async () => {
    made.ledger.stop();
    await devices.stop();
  });
  return made;
}

function model(id: string, facts: Partial<TenantRequest> = {}): TenantRequest {
  return {
    ...{ id, kind: 'model', orgId: 'org_a', gpus: 0, vramBytes: 0, cpu: 0, memoryBytes: 0, priority: 50, queuedAtMs: systemClock.now() },
    ...{ isPreemptible: false, isPinned: false },
    ...facts,
  };
}

async function child(
  t: TestContext,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ process: ChildProcess; identity: ProcessIdentity }> {
  const process = spawn(argv[0] ?? '', argv.slice(1), { env: { PATH: '/usr/bin:/bin', ...env }, stdio: 'ignore' });
  await once(process, 'spawn');
  t.after(() => process.kill('SIGKILL'));
  return { process, identity: identify(process.pid ?? 0) ?? assert.fail('it ended at once') };
}

test('a lease is granted with its devices, told in the outbox, and given back', async (t) => {
  const { ledger, gpu, events } = await stage(t);
  const lease = await ledger.acquire(model('mdl_a', { vramBytes: 10 * GIB }));
  assert.deepEqual(lease.devices, [{ uuid: gpu.uuids[0], index: 0, bytes: 10 * GIB }]);
  assert.equal(ledger.find('mdl_a')?.id, lease.id);
  await ledger.release(lease.id);
  assert.equal(ledger.find('mdl_a'), undefined);
  assert.deepEqual(await events(), ['gpu:lease:granted', 'gpu:lease:released']);
});

test('what could never be granted is refused at once, with the largest that could', async (t) => {
  const { ledger } = await stage(t);
  await assert.rejects(ledger.acquire(model('mdl_a', { vramBytes: 30 * GIB })), {
    code: 'unsatisfiable',
    message: /30\.0 GiB of GPU memory; the largest GPU here can give 23\.0 GiB/,
  });
  await assert.rejects(ledger.acquire(model('mdl_a', { gpus: 2 })), { code: 'unsatisfiable', message: /asks for 2 GPUs; this machine has 1/ });
  await assert.rejects(ledger.acquire(model('mdl_a', { cpu: 9 })), { code: 'unsatisfiable', message: /9 cores; this machine has 8/ });
});

test('who would do with less takes the most that is there rather than wait for what is in use, and hears why; nobody before it is put off', async (t) => {
  const { ledger } = await stage(t);
  const job = await ledger.acquire(model('job_a', { kind: 'job', vramBytes: 15 * GIB }));
  const less = [12, 10, 6, 4].map((gib) => ({ gpus: 0, vramBytes: gib * GIB, cpu: 0, memoryBytes: 0 }));
  const taken: { readonly index: number; readonly freeBytes: number; readonly why: WaitReason }[] = [];
  const lease = await ledger.acquire(model('mdl_a', { vramBytes: 20 * GIB }), { less, onLess: (one) => taken.push(one) });
  assert.equal(lease.devices[0]?.bytes, 6 * GIB);
  assert.deepEqual([taken.length, taken[0]?.index, Math.round((taken[0]?.freeBytes ?? 0) / GIB), taken[0]?.why.kind], [1, 2, 8, 'vram']);
  const whole = model('mdl_a', { vramBytes: 20 * GIB });
  assert.equal(ledger.wouldGrant(whole, lease.id), false);
  await ledger.release(job.id);
  assert.equal(ledger.wouldGrant(whole, lease.id), true);
  // What somebody before it waits for is not for it.
  const earlier = new AbortController();
  const waits = ledger.acquire(model('job_b', { kind: 'job', gpus: 1, priority: 90 }), { signal: earlier.signal });
  assert.equal(ledger.wouldGrant(whole, lease.id), false);
  earlier.abort(new Error('enough'));
  await assert.rejects(waits);
});

test('who waits is told behind whom, another organisation without its name, and may give up', async (t) => {
  const { ledger } = await stage(t);
  await ledger.acquire(model('mdl_a', { vramBytes: 20 * GIB }));
  const reasons: WaitReason[] = [];
  const giveUp = new AbortController();
  const waits = ledger.acquire(model('mdl_b', { vramBytes: 10 * GIB }), { signal: giveUp.signal, onWait: (reason) => reasons.push(reason) });
  await until('a reason', () => reasons.length > 0);
  assert.match(reasons[0]?.message ?? '', /^VRAM short by 7\.0 GiB on GPU 0 behind mdl_a$/);
  assert.match(ledger.waiting('org_b')[0]?.reason.message ?? '', /behind another organisation's model$/);
  giveUp.abort(new Error('enough'));
  await assert.rejects(waits, /enough/);
  assert.deepEqual(ledger.waiting('org_a'), []);
});

test('an idle model goes for who waits, and its room is given only when its processes are gone', async (t) => {
  const { ledger, evicted, events } = await stage(t);
  const idle = await ledger.acquire(model('mdl_a', { vramBytes: 20 * GIB }));
  ledger.setIdle(idle.id, systemClock.now());
  let isGranted = false;
  const next = ledger.acquire(model('mdl_b', { vramBytes: 10 * GIB })).finally(() => (isGranted = true));
  await until('one to be evicted', () => evicted.length === 1);
  assert.deepEqual([evicted[0]?.tenantId, evicted[0]?.why.kind], ['mdl_a', 'needed']);
  await ledger.settled();
  assert.equal(isGranted, false);
  evicted[0]?.gone();
  await next;
  assert.deepEqual(await events(), ['gpu:lease:granted', 'gpu:lease:evicted', 'gpu:lease:released', 'gpu:lease:granted']);
});

test('pinned models never go', async (t) => {
  const { ledger, evicted } = await stage(t);
  const pinned = await ledger.acquire(model('mdl_a', { vramBytes: 20 * GIB }));
  ledger.setPinned(pinned.id, true);
  ledger.setIdle(pinned.id, systemClock.now());
  const reasons: WaitReason[] = [];
  const giveUp = new AbortController();
  const waits = ledger.acquire(model('mdl_b', { vramBytes: 10 * GIB }), { signal: giveUp.signal, onWait: (reason) => reasons.push(reason) });
  await until('a reason', () => reasons.length > 0);
  assert.match(reasons[0]?.message ?? '', /behind mdl_a, which is pinned$/);
  assert.deepEqual(evicted, []);
  ledger.setPinned(pinned.id, false);
  await until('one to be evicted', () => evicted.length === 1);
  giveUp.abort(new Error('over'));
  await assert.rejects(waits);
});

test('after a restart a lease is found while its process lives, and freed when it is proved gone', async (t) => {
  const made = await stage(t);
  const [a, b] = [await made.ledger.acquire(model('mdl_a', { vramBytes: GIB })), await made.ledger.acquire(model('mdl_b', { vramBytes: GIB }))];
  const c = await made.ledger.acquire(model('mdl_c', { vramBytes: GIB }));
  const [lives, dies] = [await child(t, ['sleep', '60'], {}), await child(t, ['sleep', '60'], {})];
  // Its first process was never recorded: it names its lease itself.
  await child(t, ['sleep', '60'], { STUDIO_LEASE_ID: c.id });
  await made.ledger.recordProcess(a.id, lives.identity);
  await made.ledger.recordProcess(b.id, dies.identity);
  dies.process.kill('SIGKILL');
  await once(dies.process, 'exit');
  await made.restart();
  assert.deepEqual([made.ledger.find('mdl_a')?.id, made.ledger.find('mdl_b'), made.ledger.find('mdl_c')?.id], [a.id, undefined, c.id]);
});

test('memory that others use is not given away', async (t) => {
  const { ledger, gpu, devices } = await stage(t);
  const [uuid = ''] = gpu.uuids;
  const lease = await ledger.acquire(model('mdl_a', { vramBytes: GIB }));
  gpu.setProcesses([{ uuid, pid: 1, memoryMib: 20_000, name: 'game' }]);
  await until('the other program to be seen', async () => {
    await devices.list();
    return (ledger.devices()[0]?.externalBytes ?? 0) > 15 * GIB;
  });
  const reasons: WaitReason[] = [];
  const waits = ledger.acquire(model('mdl_b', { vramBytes: 5 * GIB }), { onWait: (reason) => reasons.push(reason) });
  await until('a reason', () => reasons.length > 0);
  await ledger.release(lease.id);
  gpu.setProcesses([]);
  assert.equal((await waits).tenantId, 'mdl_b');
});

test('the tenants of a lost card are told to end, with the reason', async (t) => {
  const { ledger, gpu, evicted } = await stage(t, 'eight-80gb');
  const [first = ''] = gpu.uuids;
  const lease = await ledger.acquire(model('mdl_a', { gpus: 1 }));
  assert.equal(lease.devices[0]?.uuid, first);
  const other = await ledger.acquire(model('mdl_b', { gpus: 1 }));
  gpu.lose(first, 'GPU is lost');
  await until('one to be evicted', () => evicted.length > 0);
  assert.equal(evicted[0]?.tenantId, 'mdl_a');
  assert.match(evicted[0]?.why.message ?? '', /^GPU 0 was lost: /);
  evicted[0]?.gone();
  await until('mdl_a to be gone', () => ledger.leaseOf('mdl_a') === undefined);
  assert.deepEqual(
    ledger.leases().map((one) => one.id),
    [other.id],
  );
});

test('a tenant that outgrows its share is told to end after a while', async (t) => {
  const { ledger, gpu, evicted } = await stage(t);
  const [uuid = ''] = gpu.uuids;
  const lease = await ledger.acquire(model('mdl_a', { vramBytes: 2 * GIB }));
  const { identity } = await child(t, ['sh', '-c', holdMemory(6_000, 600)], { ...gpu.env, CUDA_VISIBLE_DEVICES: uuid });
  await ledger.recordProcess(lease.id, identity);
  await until('one to be evicted', () => evicted.length === 1);
  assert.deepEqual([evicted[0]?.why.kind, ledger.leaseOf('mdl_a')?.isLeaving], ['outgrown', true]);
  assert.match(evicted[0]?.why.message ?? '', /it uses 5\.9 GiB of GPU memory; 2\.0 GiB were granted/);
  evicted[0]?.gone();
});

test('a ledger starts while the driver hangs: who needs no device is served, the others wait, and hear the truth once it answers', async (t) => {
  const gpu = fakeGpu(t, 'one-24gb');
  gpu.onPath();
  gpu.hang();
  const db = await database();
  await db.database.engine.query('delete from gpu_leases');
  const devices = createDevices({ clock: systemClock, log: silentLog, kernelLogPath: gpu.kernelLog });
  const ledger = createLedger({
    ...{ database: db.database, clock: systemClock, log: silentLog, devices },
    ...{ machine: 'worker_test', reserveBytes: GIB, cpu: 8, memoryBytes: 32 * GIB },
  });
  t.after(async () => {
    ledger.stop();
    await devices.stop();
  });
  devices.start();
  await ledger.start();
  const reasons: WaitReason[] = [];
  const waits = ledger.acquire(model('mdl_a', { vramBytes: 10 * GIB }), { onWait: (reason) => reasons.push(reason) });
  const vain = ledger.acquire(model('mdl_b', { vramBytes: 30 * GIB })).catch((error: unknown) => error);
  assert.equal((await ledger.acquire(model('mdl_c', { cpu: 1 }))).tenantId, 'mdl_c');
  assert.equal(ledger.neverReason({ gpus: 9, vramBytes: 0, cpu: 0, memoryBytes: 0 }), undefined);
  await until('a reason', () => reasons.length > 0);
  assert.equal(reasons[0]?.kind, 'devices');
  gpu.work();
  assert.equal((await waits).devices[0]?.uuid, gpu.uuids[0]);
  assert.match(String(await vain), /30\.0 GiB of GPU memory; the largest GPU here can give 23\.0 GiB/);
});

test('tenants are named as people call them, to their own organisation; what everybody hears names no organisation', async (t) => {
  const { ledger, db } = await stage(t);
  await ledger.acquire(model('job_a', { kind: 'job', name: 'train', orgId: 'org_a', vramBytes: 20 * GIB }));
  const giveUp = new AbortController();
  const heard: WaitReason[] = [];
  const waits = ledger.acquire(model('mdl_b', { name: 'tiny', orgId: null, vramBytes: 10 * GIB }), { signal: giveUp.signal, onWait: (one) => heard.push(one) });
  await until('somebody to hear', () => heard.length > 0);
  assert.match(heard[0]?.message ?? '', / behind a job$/);
  assert.match(ledger.waitOf('mdl_b', 'org_a')?.message ?? '', / behind "train" job_a$/);
  assert.match(ledger.waitOf('mdl_b', 'org_b')?.message ?? '', / behind another organisation's job$/);
  giveUp.abort(new Error('enough'));
  await assert.rejects(waits);
  await db.database.engine.query('delete from gpu_leases');
});
