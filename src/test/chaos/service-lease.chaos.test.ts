/** A service on a card: a real Studio, a real child, a fake card. */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Service } from '../../contract/services.ts';
import { identify, isAlive, type ProcessIdentity } from '../../kernel/process-identity.ts';
import { asObject, itemsOf, type ApiClient } from '../api-client.ts';
import { fakeGpu, type FakeGpu } from '../fake-gpu.ts';
import { claimStudio, createStudio, type Studio } from '../studio-process.ts';
import { until } from '../until.ts';

const GIB = 1024 ** 3;
const command = [process.execPath, fileURLToPath(new URL('../page-service.ts', import.meta.url))];
const health = { type: 'http', path: '/health', intervalMs: 250 };
const resources = { vramBytes: 15 * GIB };
const ends: (() => void)[] = [];
let gpu: FakeGpu;
let studio: Studio;
let client: ApiClient;
before(async () => {
  gpu = fakeGpu({ after: (end) => void ends.push(end) }, 'one-24gb');
  studio = await createStudio({ env: { PATH: gpu.env.PATH } });
  await studio.start();
  client = await claimStudio(studio);
});
after(async () => {
  await studio.destroy();
  for (const end of ends) end();
});

interface SeenLease {
  readonly id: string;
  readonly tenantId: string;
  readonly devices: readonly { readonly uuid: string }[];
}
const leases = async (): Promise<SeenLease[]> => itemsOf(await client.expect(200, 'GET', '/api/v1/gpus/leases')) as unknown as SeenLease[];
const service = async (name: string): Promise<Service> => (await client.expect(200, 'GET', `/api/v1/services/${name}`))['service'] as Service;

const running = (name: string): Promise<Service> =>
  until(`${name} to run`, async () => ((found) => (found.state === 'running' ? found : undefined))(await service(name)));
/** A pid may be another's later, and a zombie's until somebody takes it in. @throws Error when it does not live */
function processOf(pid: number | null): ProcessIdentity {
  const found = identify(pid ?? 0);
  if (found === undefined) throw new Error(`there is no process ${pid}`);
  return found;
}
const submit = async (name: string): Promise<string> =>
  String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', { name, queue: 'gpu', script: 'sleep 600', resources, timeoutMs: 600_000 }))['job'])['id']);
const job = (id: string): Promise<Record<string, unknown>> => client.expect(200, 'GET', `/api/v1/jobs/${id}`);

test('a service takes a lease, sees its card alone, and after a kill of Studio never runs twice: the lease is the living process’s', async () => {
  await client.expect(201, 'POST', '/api/v1/services', { name: 'pinned', command, health, resources });
  const { pid } = await running('pinned');
  const [lease] = await leases();
  deepEqual([lease?.tenantId, lease?.devices[0]?.uuid], ['service:pinned', gpu.uuids[0]]);
  ok(readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`CUDA_VISIBLE_DEVICES=${gpu.uuids[0]}`));
  await studio.kill();
  const first = processOf(pid);
  await studio.start();
  const again = await running('pinned');
  notEqual(again.pid, pid);
  equal(isAlive(first), false, 'what an earlier Studio left is gone before it begins anew');
  const held = await leases();
  deepEqual(
    held.map(({ tenantId }) => tenantId),
    ['service:pinned'],
  );
  notEqual(held[0]?.id, lease?.id, 'freed with its process, and granted again');
});

test('who needs the room of a service without an idle policy waits and hears so; one with a policy gives way, and takes the next free room when it is used', async () => {
  const waits = await submit('behind a pinned one');
  const reason = await until('why the job waits', async () => asObject((await job(waits))['waitReason'] ?? {})['message']);
  match(String(reason), /behind service:pinned, which is pinned/);
  await client.expect(200, 'POST', `/api/v1/jobs/${waits}/cancel`);
  await client.expect(200, 'POST', '/api/v1/services/pinned/stop');
  await client.expect(201, 'POST', '/api/v1/services', { name: 'idle', command, health, resources, idle: { afterMs: 3_600_000 } });
  const first = processOf((await running('idle')).pid);
  const taker = await submit('takes its room');
  await until('the job to run', async () => (await job(taker))['status'] === 'running');
  equal(isAlive(first), false, 'its process was gone before its room was given');
  deepEqual(
    (await leases()).map(({ tenantId }) => tenantId),
    [taker],
  );
  const rested = await service('idle');
  deepEqual([rested.state, rested.pid], ['stopped', null]);
  match(rested.reason ?? '', /its room is needed for/);
  await client.expect(200, 'POST', `/api/v1/jobs/${taker}/cancel`);
  await client.expect(200, 'POST', '/api/v1/services/idle/start');
  await running('idle');
});
