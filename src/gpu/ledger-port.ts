/** What the rest of Studio asks of the ledger beyond what tenants do: the line of jobs, what is held, who waits and why. Types alone. */
import type { WaitReason } from '../contract/instances.ts';
import type { Sql } from '../store/client.ts';
import type { StoredLease } from '../store/gpu-leases.ts';
import type { PolicyDevice, PolicyLease, PolicyQueue, PolicyRequest } from './policy-state.ts';
import type { Ledger, TenantRequest } from './tenants.ts';
import type { DeviceTenant } from './usage.ts';

/** A lease as it is held now. */
export interface HeldLease extends PolicyLease {
  readonly devices: readonly { readonly uuid: string; readonly index: number; readonly bytes: number }[];
  readonly process: StoredLease['process'];
  /** Why it was told to end. */
  readonly leaving: string | null;
}

export interface WaitingView {
  readonly request: PolicyRequest;
  readonly reason: WaitReason;
}

/** How jobs come to their grants: they are claimed in the transaction of the lease, by whoever runs them. */
export interface JobDoor {
  /** Slots of the queues that jobs in line wait in. */
  queues(): readonly PolicyQueue[];
  /** @returns the ids of those that were claimed; the others' grants fall away */
  claim(sql: Sql, jobIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** After the commit: they run now. */
  begin(leases: readonly HeldLease[]): void;
  /** A line for the job's log. */
  tell(jobId: string, line: string): void;
}

export interface GpuLedger extends Ledger {
  /** Finds the leases of an earlier Studio. Call once, before anybody asks. */
  start(): Promise<void>;
  stop(): void;
  attachJobs(door: JobDoor): void;
  /** The jobs that wait for a grant: all of them. */
  setJobs(requests: readonly PolicyRequest[]): void;
  /** Jobs that came in addition. */
  addJobs(requests: readonly PolicyRequest[]): void;
  /** Somebody waits who needs a slot of the queue. */
  hasWaiting(queue: string): boolean;
  /** Something may be granted now that could not be before. */
  nudge(): void;
  /** When no decision is being made. */
  settled(): Promise<void>;
  /** Its lease's row was deleted with the record of its end, or it does not wait any more. */
  drop(tenantId: string): void;
  /** The most a request may ask for. */
  largest(): { readonly gpus: number; readonly vramBytes: number; readonly cpu: number; readonly memoryBytes: number };
  /** Why no state of this machine could ever serve it. */
  neverReason(needs: Pick<TenantRequest, 'gpus' | 'vramBytes' | 'cpu' | 'memoryBytes'>): string | undefined;
  waiting(viewer: string | null): readonly WaitingView[];
  waitingCount(): number;
  leases(): readonly HeldLease[];
  leaseOf(tenantId: string): HeldLease | undefined;
  devices(): readonly PolicyDevice[];
  tenantsOn(uuid: string): readonly DeviceTenant[];
  /** Bytes on the device where it uses most, now and at its peak. */
  usageOf(lease: HeldLease): { readonly usedBytes: number | undefined; readonly peakBytes: number | undefined };
}
