/** What is shown of leases and the line: to their own organisation all, to others no name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeldLease } from '../../gpu/ledger-port.ts';
import type { PolicyRequest } from '../../gpu/policy-state.ts';
import { gpuLeaseRoutes } from './gpu-leases.ts';
import type { Call, JsonReply } from '../route.ts';

const lease: HeldLease = {
  ...{
    id: 'lease_1',
    tenantId: 'job_1',
    kind: 'job',
    orgId: 'org_a',
    devices: [{ uuid: 'GPU-1', index: 0, bytes: 5 }],
    isWhole: false,
    cpu: 0,
    memoryBytes: 0,
  },
  ...{ priority: 50, queuedAtMs: 0, grantedAtMs: 1_000, endsByMs: undefined, isPreemptible: true, isPinned: false, idleSinceMs: null, isLeaving: true },
  ...{ isFenced: false, process: null, leaving: 'its room is needed for job_2' },
};
const request: PolicyRequest = {
  ...{ id: 'job_2', kind: 'job', orgId: 'org_a', gpus: 1, vramBytes: 0, cpu: 0, memoryBytes: 0, priority: 50, queuedAtMs: 2_000 },
  ...{ isPreemptible: false, isPinned: false, queue: 'gpu' },
};
const routes = gpuLeaseRoutes({
  ledger: {
    leases: () => [lease],
    waiting: (viewer) => [{ request, reason: { kind: 'gpus', message: `seen by ${viewer}` } }],
    usageOf: () => ({ usedBytes: 3, peakBytes: undefined }),
  },
});

async function ask(key: string, orgId: string): Promise<Record<string, unknown>> {
  const route = routes.find(({ spec }) => spec.key === key) ?? assert.fail(key);
  const call = { query: { limit: 50 }, caller: { orgId }, cursor: () => Promise.resolve('1.0') } as unknown as Call;
  const reply = (await route.handle(call)) as JsonReply<typeof route.spec>;
  route.spec.reply.parse(reply.body);
  return (reply.body as { items: Record<string, unknown>[] }).items[0] ?? {};
}

test('its own organisation sees whose lease it is and why it is to end, another one only that there is one', async () => {
  const own = await ask('GET /api/v1/gpus/leases', 'org_a');
  assert.deepEqual(
    [own['holder'], own['tenantId'], own['leaving'], own['usedBytes'], own['peakBytes']],
    ['job_1', 'job_1', 'its room is needed for job_2', 3, null],
  );
  const foreign = await ask('GET /api/v1/gpus/leases', 'org_b');
  assert.deepEqual([foreign['holder'], foreign['tenantId'], foreign['leaving']], ["another organisation's job", null, 'it was told to end']);
  assert.deepEqual(foreign['devices'], own['devices']);
});

test('so it is with who waits', async () => {
  const own = await ask('GET /api/v1/gpus/queue', 'org_a');
  assert.deepEqual([own['position'], own['holder'], own['queue']], [1, 'job_2', 'gpu']);
  const foreign = await ask('GET /api/v1/gpus/queue', 'org_b');
  assert.deepEqual(
    [foreign['holder'], foreign['tenantId'], foreign['reason']],
    ["another organisation's job", null, { kind: 'gpus', message: 'seen by org_b' }],
  );
});
