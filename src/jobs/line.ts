/** The jobs that wait for a grant, told to the ledger; what it grants is claimed in its transaction and begun after the commit. Slots of queues hold here too. */
import type { Job } from '../contract/jobs.ts';
import type { HeldLease, JobDoor } from '../gpu/ledger-port.ts';
import type { PolicyQueue, PolicyRequest } from '../gpu/policy-state.ts';
import { messageOf } from '../kernel/fail.ts';
import { claimGranted, type ClaimedJob } from '../store/job-claims.ts';
import { listJobLine, listOthersInLine, type JobInLine } from '../store/job-line.ts';
import { serves, type RunParts } from './parts.ts';

export interface JobLine {
  /** Looks who stands in line. At most once at a time; who asks meanwhile gets another look. */
  sync(): Promise<void>;
}

export interface LineParts {
  readonly parts: RunParts;
  readonly workerId: string;
  /** Slots of a queue that nothing runs in. */
  readonly freeSlots: (queue: string) => number;
  readonly begin: (claimed: ClaimedJob) => void;
  readonly tell: (jobId: string, line: string) => void;
}

/** A long line is read again once in a while only: who is new in it has many before it. */
const LONG = 500;
const LONG_MS = 1_000;
/** Jobs beside those in line that are looked at for the right to a slot. */
const OTHERS = 64;

export function createJobLine({ parts, workerId, freeSlots, begin, tell }: LineParts): JobLine {
  const { database, clock, ledger, log, limits } = parts;
  const claimed = new Map<string, ClaimedJob>();
  let names: readonly string[] = [];
  let others: readonly { readonly queue: string; readonly priority: number; readonly queuedAtMs: number }[] = [];
  let size = 0;
  let syncedAt = Number.NEGATIVE_INFINITY;
  let syncing: Promise<void> | undefined;
  let isAskedAgain = false;

  const door: JobDoor = {
    queues: () => names.map((name): PolicyQueue => ({ name, freeSlots: freeSlots(name), others: others.filter((one) => one.queue === name) })),
    async claim(sql, ids) {
      const jobs = await claimGranted(sql, { ids, workerId, nowMs: clock.now(), leaseMs: limits.leaseMs });
      for (const job of jobs) claimed.set(job.job.id, job);
      return new Set(jobs.map((job) => job.job.id));
    },
    begin(leases: readonly HeldLease[]) {
      for (const { tenantId } of leases) {
        const job = claimed.get(tenantId);
        if (job !== undefined) begin(job);
      }
      // What was claimed in a transaction that did not come through is claimed anew.
      claimed.clear();
    },
    tell,
  };
  ledger.attachJobs(door);

  async function look(): Promise<void> {
    do {
      isAskedAgain = false;
      try {
        const line = (await listJobLine(database.engine, clock.now())).filter((job) => serves(parts.worker, job.queue));
        size = line.length;
        syncedAt = clock.monotonic();
        names = [...new Set(line.map((job) => job.queue))];
        others = names.length === 0 ? [] : await listOthersInLine(database.engine, { queues: names, limit: OTHERS, nowMs: clock.now() });
        ledger.setJobs(line.map(requestOf));
      } catch (error) {
        log.warn({ cause: messageOf(error) }, 'the line of jobs could not be read; it is tried again in a second');
        return;
      }
    } while (isAskedAgain && size < LONG);
  }

  return {
    sync() {
      isAskedAgain = true;
      if (size >= LONG && clock.monotonic() - syncedAt < LONG_MS) return Promise.resolve();
      syncing ??= look().finally(() => {
        syncing = undefined;
      });
      return syncing;
    },
  };
}

function requestOf(job: JobInLine): PolicyRequest {
  return {
    ...needsOf(job.resources),
    id: job.id,
    kind: 'job',
    name: job.name,
    orgId: job.orgId,
    priority: job.priority,
    queuedAtMs: job.queuedAtMs,
    limitMs: job.limitMs,
    isPreemptible: job.isPreemptible,
    isPinned: false,
    queue: job.queue,
  };
}

/** What a job needs of the ledger. */
export function needsOf(resources: Job['resources']): Required<Pick<PolicyRequest, 'gpus' | 'vramBytes' | 'cpu' | 'memoryBytes'>> {
  const { gpus = 0, vramBytes = 0, cpu = 0, memoryBytes = 0 } = resources;
  return { gpus, vramBytes, cpu, memoryBytes };
}

/** Whether it is claimed only with a grant. The same stands in the column needs_grant. */
export function needsGrant(resources: Job['resources']): boolean {
  return Object.values(needsOf(resources)).some((amount) => amount > 0);
}
