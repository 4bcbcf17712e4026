/** Watches a fake machine's cards from outside while Studio is killed: which living processes hold memory of which card, and which leases Studio tells.
 *  Knows of Studio only what its API and /proc say. What it looks for: a card never holds more than it has, who has it whole has it alone, and no lease is
 *  gone, or there twice, while a process of its tenant lives. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, type ApiClient } from '../api-client.ts';

export interface SeenLease {
  readonly id: string;
  readonly tenantId: string;
  readonly uuids: readonly string[];
  readonly bytes: number;
  readonly isWhole: boolean;
}

export interface GpuWatch {
  readonly faults: string[];
  /** Looks at processes that found at least one. */
  readonly looks: number;
  /** The leases as the API tells them now; undefined while it does not answer. */
  leases(): Promise<readonly SeenLease[] | undefined>;
  stop(): Promise<void>;
}

export interface GpuWatchParts {
  /** Where the fake's files lie. */
  readonly state: string;
  readonly client: ApiClient;
  readonly cardMib: number;
}

/** Often enough that no handover between two tenants is missed: a process lives for a second at least. */
const LOOK_MS = 25;
const MIB = 1024 ** 2;

export function watchGpus({ state, client, cardMib }: GpuWatchParts): GpuWatch {
  const faults = new Set<string>();
  const wholes = new Set<string>();
  let looks = 0;
  let isOver = false;

  const leases = async (): Promise<readonly SeenLease[] | undefined> => {
    const reply = await client.call('GET', '/api/v1/gpus/leases?limit=200').catch(() => undefined);
    if (reply?.status !== 200) return undefined;
    return (asObject(reply.body)['items'] as Record<string, unknown>[]).map((item) => {
      const devices = item['devices'] as { readonly uuid: string; readonly bytes: number }[];
      return {
        id: String(item['id']),
        tenantId: String(item['tenantId']),
        uuids: devices.map((device) => device.uuid),
        bytes: Math.max(0, ...devices.map((device) => device.bytes)),
        isWhole: item['whole'] === true,
      };
    });
  };

  /** @returns the jobs that hold memory of a card */
  function lookAtProcesses(): ReadonlySet<string> {
    const held = holdersIn(state);
    if (held.length > 0) looks += 1;
    for (const [uuid, here] of Map.groupBy(held, (one) => one.uuid)) {
      const mib = here.reduce((sum, one) => sum + one.mib, 0);
      const jobs = [...new Set(here.map((one) => one.jobId))];
      if (mib > cardMib) faults.add(`${uuid} holds ${mib} MiB of ${cardMib}: ${jobs.join(', ')}`);
      if (jobs.length > 1 && jobs.some((job) => wholes.has(job))) faults.add(`${uuid} is held whole and shared: ${jobs.join(', ')}`);
    }
    return new Set(held.map((one) => one.jobId));
  }

  function lookAtLeases(told: readonly SeenLease[], living: ReadonlySet<string>): void {
    for (const [tenantId, own] of Map.groupBy(told, (lease) => lease.tenantId)) if (own.length > 1) faults.add(`${tenantId} has ${own.length} leases`);
    for (const lease of told) if (lease.isWhole) wholes.add(lease.tenantId);
    for (const uuid of new Set(told.flatMap((lease) => lease.uuids))) {
      const here = told.filter((lease) => lease.uuids.includes(uuid));
      if (here.length > 1 && here.some((lease) => lease.isWhole))
        faults.add(`${uuid} was granted whole and shared: ${here.map((lease) => lease.tenantId).join(', ')}`);
      const bytes = here.reduce((sum, lease) => sum + lease.bytes, 0);
      if (bytes > cardMib * MIB) faults.add(`${bytes} bytes of ${uuid} were granted: ${here.map((lease) => lease.tenantId).join(', ')}`);
    }
    for (const jobId of living) if (!told.some((lease) => lease.tenantId === jobId)) faults.add(`the lease of ${jobId} is gone while a process of it lives`);
  }

  async function watchProcesses(): Promise<void> {
    while (!isOver) {
      lookAtProcesses();
      await sleep(LOOK_MS);
    }
  }

  async function watchLeases(): Promise<void> {
    while (!isOver) {
      const before = lookAtProcesses();
      const told = await leases();
      const after = lookAtProcesses();
      // Lived before the question and after it: then also while it was answered.
      if (told !== undefined) lookAtLeases(told, new Set([...before].filter((jobId) => after.has(jobId))));
      await sleep(4 * LOOK_MS);
    }
  }

  const watching = Promise.all([watchProcesses(), watchLeases()]);
  return {
    get faults() {
      return [...faults];
    },
    get looks() {
      return looks;
    },
    leases,
    async stop() {
      isOver = true;
      await watching;
    },
  };
}

interface Holder {
  readonly uuid: string;
  readonly mib: number;
  readonly jobId: string;
}

/** What living processes say they hold: `processes/PID` holds "uuid, MiB, job". A number that another process got since is not it. */
function holdersIn(state: string): readonly Holder[] {
  return readdirSync(join(state, 'processes')).flatMap((pid) => {
    const [uuid = '', mib = '', jobId = ''] = read(join(state, 'processes', pid))
      .trim()
      .split(', ');
    const isIts = read(`/proc/${pid}/environ`).split('\0').includes(`STUDIO_JOB_ID=${jobId}`);
    return jobId !== '' && isIts && !/^State:\s+[ZX]/m.test(read(`/proc/${pid}/status`)) ? [{ uuid, mib: Number(mib), jobId }] : [];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // Gone meanwhile.
  }
}
