/** How long the policy takes to decide, with 10,000 requests in line before machines that are full, busy with preemptible jobs, or free. */
import { decide, leaseOf } from '../../src/gpu/policy.ts';
import { compareRank, type PolicyLease, type PolicyRequest, type PolicyState } from '../../src/gpu/policy-state.ts';
import type { Measure } from './bench-table.ts';

const GIB = 1024 ** 3;
const WAITING = 10_000;
const DECISIONS = 40;
const NOW = Date.UTC(2026, 0, 1);

export async function measureDecision(runs: number): Promise<readonly Measure[]> {
  return [
    measure('8 × 80 GiB, full', runs, () => machine({ isPreemptible: false })),
    measure('8 × 80 GiB, full of preemptible jobs', runs, () => machine({ isPreemptible: true })),
    measure('8 × 80 GiB, free', runs, () => ({ ...machine({ isPreemptible: false }), leases: [] })),
  ];
}

function measure(what: string, runs: number, make: () => PolicyState): Measure {
  const state = make();
  const values: number[] = [];
  for (let run = 0; run < runs * DECISIONS; run++) {
    const begun = performance.now();
    decide(state, NOW);
    values.push(performance.now() - begun);
  }
  // The first ones are compiled on the way.
  return { name: `decision at ${WAITING} waiting: ${what}`, unit: 'ms', target: '5', values: values.slice(10) };
}

/** Requests of all sorts and sizes, in the order of the line, as the ledger keeps them. */
function machine({ isPreemptible }: { readonly isPreemptible: boolean }): PolicyState {
  const devices = Array.from({ length: 8 }, (_, index) => ({
    ...{ uuid: `GPU-${index}`, index, totalBytes: 80 * GIB, reserveBytes: GIB, externalBytes: 0, isUsable: true },
  }));
  const waiting = Array.from({ length: WAITING }, (_, number) => requestOf(number)).toSorted(compareRank);
  const leases = devices.flatMap((device): PolicyLease[] =>
    [0, 1, 2, 3].map((part) => {
      const request = { ...requestOf(part), id: `held_${device.index}_${part}`, priority: 0, gpus: 0, vramBytes: 19 * GIB, isPreemptible };
      return leaseOf({ request, devices: [{ uuid: device.uuid, index: device.index, bytes: 19 * GIB }], isWhole: false }, { id: request.id, nowMs: NOW });
    }),
  );
  return { devices, cpu: 128, memoryBytes: 1_024 * GIB, leases, queues: [{ name: 'gpu', freeSlots: 32, others: [] }], waiting };
}

function requestOf(number: number): PolicyRequest {
  const isWhole = number % 3 === 0;
  return {
    id: `job_${String(number).padStart(6, '0')}`,
    kind: 'job',
    orgId: 'org_bench',
    gpus: isWhole ? 1 + (number % 4) : 0,
    vramBytes: isWhole ? 0 : (4 + (number % 37)) * GIB,
    cpu: number % 5,
    memoryBytes: (number % 17) * GIB,
    priority: (number * 7) % 101,
    queuedAtMs: NOW - number * 1_000,
    limitMs: (1 + (number % 90)) * 60_000,
    isPreemptible: false,
    isPinned: false,
    queue: 'gpu',
  };
}
