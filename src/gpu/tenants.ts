/** What holders of GPU memory say to the ledger and hear from it: jobs and models are tenants alike. Types alone. Sizes are bytes, times ms since 1970. */
import type { WaitReason } from '../contract/instances.ts';

/** What a tenant takes of devices and of the machine. */
export interface Need {
  /** Whole devices; 0 with `vramBytes` above 0 is a share of one device, beside others. */
  readonly gpus: number;
  /** Memory on each of its devices; 0 with whole devices: all of it. */
  readonly vramBytes: number;
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface TenantRequest extends Need {
  /** The job's or the model's id, a service's `service:<name>`: one tenant holds one lease. */
  readonly id: string;
  readonly kind: 'job' | 'model' | 'service';
  /** What people call it; undefined: nothing but its id. */
  readonly name?: string | undefined;
  /** Whose it is; null: the machine's. Others read "another organisation's job". */
  readonly orgId: string | null;
  /** 0 to 100; it ages. */
  readonly priority: number;
  readonly queuedAtMs: number;
  /** How long it runs at most; undefined: nobody knows, nothing is backfilled behind it. */
  readonly limitMs?: number | undefined;
  /** It may be stopped and put back in line for something more important. */
  readonly isPreemptible: boolean;
  /** Never evicted. */
  readonly isPinned: boolean;
}

export interface LeasedDevice {
  readonly uuid: string;
  readonly index: number;
  readonly bytes: number;
}

export interface Lease {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: TenantRequest['kind'];
  readonly devices: readonly LeasedDevice[];
  readonly grantedAtMs: number;
}

/** Why a lease is to be given back. */
export type Eviction =
  | { readonly kind: 'needed'; readonly by: string; readonly message: string }
  | { readonly kind: 'device'; readonly uuid: string; readonly message: string }
  | { readonly kind: 'outgrown'; readonly usedBytes: number; readonly grantedBytes: number; readonly message: string };

export interface Asking {
  readonly signal?: AbortSignal | undefined;
  /** Told at once and whenever it changes. */
  onWait?(reason: WaitReason): void;
  /** What it would do with rather than wait for others that are in use, best first. */
  readonly less?: readonly Need[] | undefined;
  /** It stands in line with `less[index]` now. @param freeBytes what it could have had of a device  @param why it would have waited */
  onLess?(taken: { readonly index: number; readonly freeBytes: number; readonly why: WaitReason }): void;
}

/** One per Studio. Leases live as long as their process and are found again after a restart. */
export interface Ledger {
  /** Waits in the one line of jobs and models. @throws AppError unsatisfiable, naming the largest that could ever be granted; the signal's reason */
  acquire(request: TenantRequest, asking?: Asking): Promise<Lease>;
  /** Whether it would be granted at once in place of this lease, with nobody told to end for it. */
  wouldGrant(request: TenantRequest, insteadOf: string): boolean;
  /** Why it waits. @param viewer the org that asks: others' tenants are not named; null: nobody in particular; default: its own  @returns undefined when it does not wait */
  waitOf(tenantId: string, viewer?: string | null): WaitReason | undefined;
  /** A lease of an earlier Studio whose process lives on; undefined: there is none. */
  find(tenantId: string): Lease | undefined;
  /** The process that holds it: until it is proved gone, the memory counts as taken. */
  recordProcess(leaseId: string, process: { readonly pid: number; readonly started: string }): Promise<void>;
  /** Since when nobody uses it; null: it is used. What idles gives way before anyone waits. */
  setIdle(leaseId: string, sinceMs: number | null): void;
  setPinned(leaseId: string, isPinned: boolean): void;
  /** To be called when its processes are gone. */
  release(leaseId: string): Promise<void>;
  /** The handler ends the tenant and resolves when its processes are gone; the ledger releases the lease then. */
  onEvict(kind: TenantRequest['kind'], handler: (lease: Lease, why: Eviction) => Promise<void>): void;
}
