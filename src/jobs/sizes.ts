/** What jobs really take, at their peak: memory of the machine by their processes, memory of devices by the ledger's looks. And the name under which it is remembered. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CommandSpec } from '../contract/command.ts';
import type { GpuLedger } from '../gpu/ledger-port.ts';
import { createOutgrown } from '../gpu/outgrown.ts';
import { gib } from '../gpu/policy-reasons.ts';
import type { Clock } from '../kernel/clock.ts';
import { listProcesses } from '../kernel/process-identity.ts';

export interface JobPeak {
  readonly vramBytes: number;
  readonly memoryBytes: number;
}

export interface Sizes {
  /** Looks at the processes of these jobs. @returns what is to be told to whom, and who is to be ended */
  look(jobIds: readonly string[]): { readonly told: readonly Excess[]; readonly ended: readonly Excess[] };
  /** Zeros: never seen. */
  peakOf(jobId: string): JobPeak;
  forget(jobId: string): void;
}

export interface Excess {
  readonly jobId: string;
  readonly message: string;
}

const PAGE_BYTES = 4_096;

export function createSizes({ ledger, clock }: { readonly ledger: Pick<GpuLedger, 'leaseOf' | 'usageOf'>; readonly clock: Pick<Clock, 'monotonic'> }): Sizes {
  const peaks = new Map<string, JobPeak>();
  const outgrown = createOutgrown(clock);
  /** Whose a process is never changes: asked once. */
  let owners = new Map<string, string>();

  function memoryByJob(): ReadonlyMap<string, number> {
    const known = new Map<string, string>();
    const bytes = new Map<string, number>();
    for (const { pid, started, isZombie } of listProcesses()) {
      if (isZombie) continue;
      const owner = owners.get(`${pid}:${started}`) ?? jobOf(pid);
      known.set(`${pid}:${started}`, owner);
      if (owner !== '') bytes.set(owner, (bytes.get(owner) ?? 0) + residentBytes(pid));
    }
    owners = known;
    return bytes;
  }

  function note(jobId: string, memoryBytes: number): void {
    const lease = ledger.leaseOf(jobId);
    const before = peaks.get(jobId);
    const vramBytes = lease === undefined ? 0 : (ledger.usageOf(lease).peakBytes ?? 0);
    peaks.set(jobId, { memoryBytes: Math.max(before?.memoryBytes ?? 0, memoryBytes), vramBytes: Math.max(before?.vramBytes ?? 0, vramBytes) });
  }

  return {
    look(jobIds) {
      const bytes = memoryByJob();
      for (const id of jobIds) note(id, bytes.get(id) ?? 0);
      const shares = jobIds.flatMap((id) => {
        const grantedBytes = ledger.leaseOf(id)?.memoryBytes ?? 0;
        return grantedBytes === 0 ? [] : [{ leaseId: id, tenantId: id, grantedBytes, isWhole: false, usedBytes: bytes.get(id) ?? 0 }];
      });
      const { told, ended } = outgrown.judge(shares);
      const excessOf = (share: (typeof shares)[number]): Excess => ({
        jobId: share.tenantId,
        message: `it uses ${gib(share.usedBytes)} of memory; ${gib(share.grantedBytes)} were granted`,
      });
      return { told: shares.filter((share) => told.includes(share)).map(excessOf), ended: shares.filter((share) => ended.includes(share)).map(excessOf) };
    },
    peakOf(jobId) {
      note(jobId, 0);
      return peaks.get(jobId) ?? { vramBytes: 0, memoryBytes: 0 };
    },
    forget: (jobId) => void peaks.delete(jobId),
  };
}

function jobOf(pid: number): string {
  try {
    return /(?:^|\0)STUDIO_JOB_ID=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))?.[1] ?? '';
  } catch {
    return ''; // Gone, or another user's.
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1] ?? 0) * PAGE_BYTES;
  } catch {
    return 0;
  }
}

/** The same command with the same labels needs what it needed before. */
export function signatureOf(spec: Pick<CommandSpec, 'command' | 'script'>, labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([spec.command ?? null, spec.script ?? null, sorted]))
    .digest('hex');
}
