import { deepEqual, equal, match } from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { idlePolicy, type IdlePolicy } from '../contract/idle.ts';
import { newId } from '../kernel/ids.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock } from '../test/fake-clock.ts';
import type { StorageVerdict } from '../supervise/storage.ts';
import { createIdleWatch, type IdleWatch } from './idle-watch.ts';
import { createRunpod } from './runpod.ts';

const MINUTE = 60_000;
const KEY = 'a-key-that-stays-in-its-header';
const author = { actor: 'user_1', orgId: 'org_a', address: '127.0.0.1', requestId: 'req_1' };

/** Stands in for RunPod: answers for one pod, and remembers what it was asked. */
const pod = { id: 'pod1', volumeInGb: 20, volumeMountPath: '/workspace', costPerHr: '0.74', adjustedCostPerHr: 0.69, env: {} };
let asked: string[] = [];
let answer: { status: number; body: unknown } | undefined;
let runpodServer: Server;
let db: TestDatabase;

before(async () => {
  db = await testDatabase();
  await db.database.engine.query(`insert into orgs (id, name) values ('org_a', 'A')`);
  runpodServer = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const isOurs = request.headers.authorization === `Bearer ${KEY}`;
    const { status, body } = answer ?? (isOurs ? { status: 200, body: pod } : { status: 401, body: 'no' });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => runpodServer.listen(0, '127.0.0.1', resolve));
});
beforeEach(() => {
  asked = [];
  answer = undefined;
});
after(async () => {
  await new Promise((resolve) => runpodServer.close(resolve));
  await db.close();
});

interface Scene {
  readonly watch: IdleWatch;
  readonly told: string[];
  readonly clock: ReturnType<typeof fakeClock>;
  readonly gpu: { percent: number };
  /** A look after so many minutes. */
  later(minutes: number): Promise<void>;
}

async function scene(
  options: { readonly policy?: Partial<IdlePolicy>; readonly storage?: Partial<StorageVerdict>; readonly workspacePath?: string } = {},
): Promise<Scene> {
  const clock = fakeClock();
  const told: string[] = [];
  const gpu = { percent: 0 };
  const runpod = createRunpod({ runpodApiUrl: `http://127.0.0.1:${(runpodServer.address() as AddressInfo).port}/v1`, runpodApiKey: KEY, runpodPodId: 'pod1' });
  const watch = createIdleWatch({
    database: db.database,
    clock,
    log: silentLog,
    devices: { list: async () => [{ index: 0, utilizationPercent: gpu.percent }] as never },
    storage: { plan: 'direct', banner: null, ...options.storage } as StorageVerdict,
    workspacePath: options.workspacePath ?? '/workspace/studio',
    runpod,
    lastUsedMs: () => undefined,
    tell: async ({ title }) => void told.push(title),
  });
  await watch.setPolicy(idlePolicy.parse({ enabled: true, afterMs: 30 * MINUTE, warnMs: 5 * MINUTE, countSessions: false, ...options.policy }), author);
  asked = [];
  return {
    watch,
    told,
    clock,
    gpu,
    async later(minutes) {
      await clock.advance(minutes * MINUTE);
      await watch.look();
    },
  };
}

const stops = (): string[] => asked.filter((one) => one.startsWith('POST'));

test('an idle pod is warned of, then stopped by its own id, once', async () => {
  const { watch, told, later } = await scene();
  await later(26);
  deepEqual([told, stops(), (await watch.read()).phase], [['This machine idles and stops itself in 5 minutes'], [], 'warned']);
  await later(5);
  deepEqual(stops(), ['POST /v1/pods/pod1/stop']);
  const { phase, last } = await watch.read();
  deepEqual([phase, last?.ok, last?.message], ['acted', true, 'RunPod was asked to stop the pod pod1.']);
  equal(
    asked.some((one) => one.startsWith('DELETE') || one.includes('terminate')),
    false,
  );
  const { rows } = await db.database.engine.query<{ type: string; payload: string }>(
    `select type, payload from outbox where kind = 'system' and id = 'idle' order by sequence`,
  );
  deepEqual(
    rows.map(({ type }) => type),
    ['ops:idle:changed', 'ops:idle:warned', 'ops:idle:stopping', 'ops:idle:acted'],
  );
  equal(JSON.stringify(rows).includes(KEY), false);
});

test('without a persistent volume nothing is stopped, and it says why', async () => {
  const lost = await scene({ storage: { plan: 'ephemeral' } });
  await lost.later(26);
  await lost.later(6);
  match((await lost.watch.read()).last?.message ?? '', /would be lost/);
  answer = { status: 200, body: { ...pod, volumeInGb: 0 } };
  const bare = await scene();
  await bare.later(26);
  await bare.later(6);
  match((await bare.watch.read()).last?.message ?? '', /has no persistent volume/);
  answer = undefined;
  const beside = await scene({ workspacePath: '/root/studio' });
  await beside.later(26);
  await beside.later(6);
  match((await beside.watch.read()).last?.message ?? '', /does not lie on the pod's volume/);
  deepEqual(stops(), []);
});

test('a network volume is one too; what RunPod refuses is told without the key, and tried again', async () => {
  answer = { status: 200, body: { ...pod, volumeInGb: 0, networkVolumeId: 'vol1' } };
  const { watch, later } = await scene();
  equal((await watch.read()).canStop.ok, true);
  await later(26);
  answer = { status: 500, body: { error: 'try later' } };
  await later(6);
  const { last } = await watch.read();
  deepEqual([last?.ok, /RunPod answered GET \/v1\/pods\/pod1 with 500/.test(last?.message ?? ''), last?.message.includes(KEY)], [false, true, false]);
  answer = undefined;
  await later(11);
  deepEqual(stops(), ['POST /v1/pods/pod1/stop']);
});

test('the hook runs first; ending with another code than 0 it keeps the machine', async () => {
  const refusing = await scene({ policy: { hook: { command: ['sh', '-c', 'echo not tonight; exit 3'], timeoutMs: 10_000 } }, workspacePath: '/workspace' });
  await refusing.later(26);
  await refusing.later(6);
  match((await refusing.watch.read()).last?.message ?? '', /code 3\. not tonight|could not be started/);
  deepEqual(stops(), []);
});

test('a GPU that computes, a job that runs and a wish keep it awake', async () => {
  const { watch, gpu, told, clock, later } = await scene();
  gpu.percent = 80;
  await later(60);
  deepEqual((await watch.read()).busy, [{ what: 'gpu', message: 'GPU 0 computes at 80 %' }]);
  gpu.percent = 0;
  const job = newId('job', clock);
  await db.database.engine.query(`insert into jobs (id, org_id, queue, type, status, priority) values ($1, 'org_a', 'studio', 'command', 'queued', 50)`, [job]);
  await later(60);
  deepEqual((await watch.read()).busy, [{ what: 'jobs', message: 'one job is queued' }]);
  await db.database.engine.query(`delete from jobs where id = $1`, [job]);
  const kept = await watch.keepAwake(2 * 60 * MINUTE, author);
  equal(kept.keptAwakeUntil, new Date(clock.now() + 120 * MINUTE).toISOString());
  await later(100);
  deepEqual([told, stops(), (await watch.read()).phase], [[], [], 'awake']);
});

test('off is the default, and then nothing happens', async () => {
  const { watch, told, later } = await scene({ policy: { enabled: false } });
  for (let hour = 0; hour < 48; hour++) await later(60);
  deepEqual([told, stops(), (await watch.read()).phase, idlePolicy.parse({}).enabled], [[], [], 'off', false]);
});
