/** The rules one by one, then days of them at random: an oracle that shares nothing with the policy looks at each decision. A failing seed is named; run it again with
 *  `node --test --test-name-pattern=days src/gpu/policy.test.ts` and GPU_DAYS_FROM=<seed> GPU_DAYS=1 in the environment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateDay } from '../test/gpu-days.ts';
import { decide, leaseOf } from './policy.ts';
import { AGE_MS, type PolicyDecision, type PolicyDevice, type PolicyLease, type PolicyRequest, type PolicyState } from './policy-state.ts';

const GIB = 1024 ** 3;
const MINUTE = 60_000;
const NOW = 1_000 * MINUTE;

function device(index: number, totalGib = 24, facts: Partial<PolicyDevice> = {}): PolicyDevice {
  return { uuid: `GPU-${index}`, index, totalBytes: totalGib * GIB, reserveBytes: 0, externalBytes: 0, isUsable: true, ...facts };
}

function request(id: string, facts: Partial<PolicyRequest> = {}): PolicyRequest {
  return {
    id,
    kind: 'job',
    orgId: 'org_a',
    gpus: 0,
    vramBytes: 0,
    cpu: 0,
    memoryBytes: 0,
    priority: 50,
    queuedAtMs: NOW,
    isPreemptible: false,
    isPinned: false,
    ...facts,
  };
}

/** A lease as the policy would have granted it. */
function lease(asked: PolicyRequest, devices: readonly number[], facts: Partial<PolicyLease> = {}): PolicyLease {
  const isWhole = asked.gpus > 0 && asked.vramBytes === 0;
  const given = devices.map((index) => ({ uuid: `GPU-${index}`, index, bytes: isWhole ? 24 * GIB : asked.vramBytes }));
  return { ...leaseOf({ request: asked, devices: given, isWhole }, { id: `lease_${asked.id}`, nowMs: NOW }), ...facts };
}

function machine(facts: Partial<PolicyState>): PolicyState {
  return { devices: [device(0)], cpu: 16, memoryBytes: 64 * GIB, leases: [], queues: [], waiting: [], ...facts };
}

const grantedTo = (decision: PolicyDecision): string[] =>
  decision.grants.map((grant) => [grant.request.id, ...grant.devices.map((one) => one.index)].join(' '));
const waitsOf = (decision: PolicyDecision): string[] => decision.waits.map((wait) => `${wait.request.id} ${wait.why}`);

test('a share goes where the least is left, a whole device where nobody sits', () => {
  const beside = lease(request('a', { vramBytes: 10 * GIB }), [1]);
  const state = machine({ devices: [device(0), device(1)], leases: [beside], waiting: [request('b', { vramBytes: 8 * GIB }), request('c', { gpus: 1 })] });
  assert.deepEqual(grantedTo(decide(state, NOW)), ['b 1', 'c 0']);
});

test('what is held back and what others use is given to nobody', () => {
  const state = machine({
    devices: [device(0, 24, { reserveBytes: GIB, externalBytes: 3 * GIB })],
    waiting: [request('a', { vramBytes: 21 * GIB }), request('b', { vramBytes: 20 * GIB })],
  });
  assert.deepEqual(grantedTo(decide(state, NOW)), ['b 0']);
});

test('a device that an outside process fills is no whole device; a desktop on it does not matter', () => {
  const asking = { waiting: [request('a', { gpus: 1 })] };
  assert.deepEqual(grantedTo(decide(machine({ ...asking, devices: [device(0, 24, { externalBytes: 4 * GIB })] }), NOW)), []);
  assert.deepEqual(grantedTo(decide(machine({ ...asking, devices: [device(0, 24, { externalBytes: GIB })] }), NOW)), ['a 0']);
});

test('several devices of one request are all granted or none', () => {
  const busy = lease(request('a', { gpus: 1 }), [0]);
  const waiting = [request('b', { gpus: 2, limitMs: MINUTE })];
  assert.deepEqual(grantedTo(decide(machine({ devices: [device(0), device(1)], leases: [busy], waiting }), NOW)), []);
  assert.deepEqual(grantedTo(decide(machine({ devices: [device(0), device(1)], waiting }), NOW)), ['b 0 1']);
});

test('waiting outweighs priority: five minutes a point', () => {
  const old = request('old', { gpus: 1, priority: 25, queuedAtMs: NOW - 26 * AGE_MS });
  const state = machine({ waiting: [request('new', { gpus: 1, priority: 50 }), old] });
  assert.deepEqual(grantedTo(decide(state, NOW)), ['old 0']);
});

test('behind a large job that waits, only what ends in time or needs nothing of it goes ahead', () => {
  const running = lease(request('a', { gpus: 1, limitMs: 60 * MINUTE }), [0]);
  const large = request('large', { gpus: 2, queuedAtMs: NOW - 3 });
  const short = request('short', { gpus: 1, limitMs: 59 * MINUTE, queuedAtMs: NOW - 1 });
  const long = request('long', { gpus: 1, limitMs: 61 * MINUTE, queuedAtMs: NOW - 2 });
  const endless = request('endless', { gpus: 1, queuedAtMs: NOW - 2 });
  const decision = decide(machine({ devices: [device(0), device(1)], leases: [running], waiting: [large, long, endless, short] }), NOW);
  assert.deepEqual(grantedTo(decision), ['short 1']);
  assert.equal(decision.waits.find((wait) => wait.request.id === 'large')?.untilMs, NOW + 60 * MINUTE);
});

test('beside the reservation of a share there may be room for another', () => {
  const running = lease(request('a', { vramBytes: 10 * GIB, limitMs: 60 * MINUTE }), [0]);
  const waiting = [
    request('large', { vramBytes: 18 * GIB, queuedAtMs: NOW - 3 }),
    request('too large', { vramBytes: 7 * GIB, queuedAtMs: NOW - 2 }),
    request('small', { vramBytes: 6 * GIB, queuedAtMs: NOW - 1 }),
    request('next', { vramBytes: GIB }),
  ];
  assert.deepEqual(grantedTo(decide(machine({ leases: [running], waiting }), NOW)), ['small 0']);
});

test('behind what has no known end, nothing goes ahead on its device, and everything on others', () => {
  const model = lease(request('model', { kind: 'model', vramBytes: 10 * GIB }), [0]);
  const waiting = [request('large', { gpus: 1, queuedAtMs: NOW - 3 }), request('small', { vramBytes: GIB, limitMs: 1 })];
  const decision = decide(machine({ leases: [model], waiting }), NOW);
  assert.deepEqual([grantedTo(decision), waitsOf(decision)], [[], ['large short', 'small short']]);
});

test('what only a pinned model stands in the way of holds nothing back', () => {
  const pinned = lease(request('model', { kind: 'model', vramBytes: 10 * GIB }), [0], { isPinned: true, idleSinceMs: 0 });
  const waiting = [request('large', { gpus: 1, queuedAtMs: NOW - 3 }), request('small', { vramBytes: GIB })];
  const decision = decide(machine({ leases: [pinned], waiting }), NOW);
  assert.deepEqual([grantedTo(decision), waitsOf(decision), decision.evictions], [['small 0'], ['large stuck'], []]);
});

test('idle models go before anyone waits: the longest idle first, no more than needed, none for what fits', () => {
  const models = [1, 2, 3].map((number) =>
    lease(request(`m${number}`, { kind: 'model', vramBytes: 7 * GIB }), [0], { idleSinceMs: NOW - (number === 2 ? 9 : number) * MINUTE }),
  );
  const ask = (vramGib: number): PolicyDecision => decide(machine({ leases: models, waiting: [request('job', { vramBytes: vramGib * GIB })] }), NOW);
  assert.deepEqual(
    [3, 10, 16].map((gib) => ask(gib).evictions.map((eviction) => eviction.leaseId)),
    [[], ['lease_m2'], ['lease_m2', 'lease_m3']],
  );
  assert.deepEqual(waitsOf(ask(10)), ['job evicting']);
});

test('what is being freed is kept for whom it is freed', () => {
  const leaving = lease(request('model', { kind: 'model', vramBytes: 20 * GIB }), [0], { isLeaving: true });
  const waiting = [
    request('first', { vramBytes: 10 * GIB, queuedAtMs: NOW - 2 }),
    request('second', { vramBytes: 15 * GIB }),
    request('third', { vramBytes: 4 * GIB }),
  ];
  const decision = decide(machine({ leases: [leaving], waiting }), NOW);
  assert.deepEqual([grantedTo(decision), decision.evictions], [['third 0'], []]);
});

test('a preemptible job gives way to what matters more and has not waited less; the least important and youngest first', () => {
  const low = lease(request('low', { vramBytes: 12 * GIB, priority: 25, isPreemptible: true }), [0]);
  const lower = lease(request('lower', { vramBytes: 12 * GIB, priority: 10, isPreemptible: true }), [0]);
  const leases = [low, lower];
  const ask = (facts: Partial<PolicyRequest>, held = leases): string[] =>
    decide(machine({ leases: held, waiting: [request('new', { vramBytes: 10 * GIB, ...facts })] }), NOW).evictions.map((eviction) => eviction.leaseId);
  assert.deepEqual(ask({ priority: 50 }), ['lease_lower']);
  assert.deepEqual(ask({ priority: 10 }), []);
  const patient = [{ ...low, queuedAtMs: NOW - 30 * AGE_MS }];
  assert.deepEqual(ask({ priority: 50, vramBytes: 20 * GIB }, patient), []);
});

test('slots of a queue hold, and are not taken from jobs that come before and need no grant', () => {
  const waiting = [request('a', { cpu: 1, queue: 'q', queuedAtMs: NOW - 1 }), request('b', { cpu: 1, queue: 'q' })];
  const ask = (freeSlots: number, others: PolicyState['queues'][number]['others']): string[] =>
    grantedTo(decide(machine({ waiting, queues: [{ name: 'q', freeSlots, others }] }), NOW));
  assert.deepEqual(ask(0, []), []);
  assert.deepEqual(ask(1, []), ['a']);
  assert.deepEqual(ask(1, [{ priority: 50, queuedAtMs: NOW - 2 }]), []);
  assert.deepEqual(ask(1, [{ priority: 50, queuedAtMs: NOW + 2 }]), ['a']);
});

test('what does not die keeps what it holds, and nobody is told to wait for it', () => {
  const fenced = lease(request('a', { gpus: 1, limitMs: MINUTE }), [0], { isFenced: true, isLeaving: true });
  assert.deepEqual(waitsOf(decide(machine({ leases: [fenced], waiting: [request('b', { gpus: 1 })] }), NOW)), ['b stuck']);
});

test('a stream of urgent small jobs does not keep a large unimportant one waiting for ever', () => {
  const devices = [0, 1, 2, 3].map((index) => device(index));
  const large = request('large', { gpus: 4, priority: 0, queuedAtMs: 0, limitMs: MINUTE });
  let leases: PolicyLease[] = [];
  let waiting: PolicyRequest[] = [large];
  for (let nowMs = 0; nowMs < 24 * 60 * MINUTE; nowMs += 5 * MINUTE) {
    leases = leases.filter((one) => (one.endsByMs ?? 0) > nowMs);
    waiting.push(request(`urgent ${nowMs}`, { gpus: 1, priority: 100, queuedAtMs: nowMs, limitMs: 20 * MINUTE }));
    const decision = decide(machine({ devices, leases, waiting }), nowMs);
    if (decision.grants.some((grant) => grant.request === large)) return assert.ok(nowMs <= 100 * AGE_MS + 25 * MINUTE);
    leases.push(...decision.grants.map((grant) => leaseOf(grant, { id: grant.request.id, nowMs })));
    waiting = decision.waits.map((wait) => wait.request);
  }
  assert.fail('it never had its turn');
});

test('over thousands of random days nothing is over-committed, starved, left idle or decided twice differently', () => {
  const from = Number(process.env['GPU_DAYS_FROM'] ?? 1);
  const days = Number(process.env['GPU_DAYS'] ?? 2_000);
  const faults = Array.from({ length: days }, (_, day) => from + day).flatMap((seed) => simulateDay(seed).map((fault) => `seed ${seed}: ${fault}`));
  assert.deepEqual(faults.slice(0, 5), []);
});
