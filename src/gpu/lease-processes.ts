/** Whether anybody still lives under a lease: proof that it may be freed. Processes are known by what was recorded, and by STUDIO_LEASE_ID or STUDIO_JOB_ID in their
 *  environment. Never ends anything. */
import { readFileSync } from 'node:fs';
import { isAlive, listProcesses } from '../kernel/process-identity.ts';
import type { Sql } from '../store/client.ts';
import { findRunningJobs, type StoredLease } from '../store/gpu-leases.ts';

type Facts = Pick<StoredLease, 'id' | 'tenantId' | 'kind' | 'process'>;

export interface Left {
  /** Jobs that are recorded as running: their worker frees their lease with the record of their end. */
  readonly runningJobs: ReadonlySet<string>;
  /** Leases and jobs that living processes name. */
  readonly named: ReadonlySet<string>;
}

export async function findLeaseProcesses(sql: Sql, leases: readonly Facts[]): Promise<Left> {
  if (leases.length === 0) return { runningJobs: new Set(), named: new Set() };
  const jobs = leases.filter((lease) => lease.kind === 'job').map((lease) => lease.tenantId);
  const runningJobs = jobs.length === 0 ? new Set<string>() : await findRunningJobs(sql, jobs);
  const named = new Set(
    listProcesses()
      .filter((facts) => !facts.isZombie)
      .flatMap((facts) => namesOf(facts.pid)),
  );
  return { runningJobs, named };
}

export function isProvedGone(lease: Facts, left: Left): boolean {
  if (left.runningJobs.has(lease.tenantId) || left.named.has(lease.id) || left.named.has(lease.tenantId)) return false;
  return lease.process === null || !isAlive(lease.process);
}

function namesOf(pid: number): readonly string[] {
  try {
    const text = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return [...text.matchAll(/(?:^|\0)STUDIO_(?:LEASE|JOB)_ID=([^\0]*)/g)].map(([, id = '']) => id);
  } catch {
    return []; // Gone, or another user's.
  }
}
