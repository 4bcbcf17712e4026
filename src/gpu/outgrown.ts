/** Who uses more memory of a device than was granted: told first, and told to end when it stays so. Also keeps the most that each tenant ever used. */
import type { Clock } from '../kernel/clock.ts';

/** Contexts and kernels of the driver take some on top of what a program asks for: until here a tenant is told and left alone. */
const SLACK_PART = 0.05;
const SLACK_BYTES = 512 * 1024 ** 2;
/** Time to give back what a peak took. */
const GRACE_MS = 10_000;

export interface Share {
  readonly leaseId: string;
  readonly tenantId: string;
  /** On each of its devices. */
  readonly grantedBytes: number;
  readonly isWhole: boolean;
  readonly usedBytes: number | undefined;
}

export interface Outgrown {
  /** @returns what is to be done now */
  judge(shares: readonly Share[]): { readonly told: readonly Share[]; readonly ended: readonly Share[] };
  /** Undefined: the driver never told. */
  peakOf(leaseId: string): number | undefined;
}

export function createOutgrown(clock: Pick<Clock, 'monotonic'>): Outgrown {
  let peaks = new Map<string, number>();
  let toldAt = new Map<string, number>();
  return {
    peakOf: (leaseId) => peaks.get(leaseId) || undefined,
    judge(shares) {
      const now = clock.monotonic();
      peaks = new Map(shares.map((share) => [share.leaseId, Math.max(peaks.get(share.leaseId) ?? 0, share.usedBytes ?? 0)]));
      const over = shares.filter((share) => !share.isWhole && (share.usedBytes ?? 0) > share.grantedBytes);
      const told = over.filter((share) => !toldAt.has(share.leaseId));
      toldAt = new Map(over.map((share) => [share.leaseId, toldAt.get(share.leaseId) ?? now]));
      const ended = over.filter((share) => (share.usedBytes ?? 0) > limitOf(share.grantedBytes) && now - (toldAt.get(share.leaseId) ?? now) >= GRACE_MS);
      return { told, ended };
    },
  };
}

function limitOf(grantedBytes: number): number {
  return grantedBytes + Math.max(SLACK_BYTES, grantedBytes * SLACK_PART);
}
