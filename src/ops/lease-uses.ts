/** Notes what models and services hold of the machine, and for how much of that time somebody used them. Looks at the leases every few seconds; what lies between
 *  two looks is lost when a tenant goes. Never asks the ledger for anything else. */
import type { GpuLedger } from '../gpu/ledger-port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Sql } from '../store/client.ts';
import { addMachineUses, type MachineUseDelta } from '../store/machine-uses.ts';

export interface LeaseUses {
  /** Looks at who holds what now. */
  look(): void;
  /** Writes what was seen. @throws what the database says; nothing is forgotten then */
  write(): Promise<void>;
}

export interface LeaseUseParts {
  readonly ledger: Pick<GpuLedger, 'leases' | 'devices' | 'largest'>;
  readonly sql: Sql;
  readonly clock: Clock;
}

export function createLeaseUses({ ledger, sql, clock }: LeaseUseParts): LeaseUses {
  let seen = new Map<string, MachineUseDelta>();
  let lookedAtMs: number | undefined;
  const add = (use: MachineUseDelta): void => {
    const before = seen.get(use.leaseId);
    seen.set(use.leaseId, before === undefined ? use : { ...use, busyMs: before.busyMs + use.busyMs });
  };
  return {
    look() {
      const nowMs = clock.now();
      const sinceMs = lookedAtMs ?? nowMs;
      lookedAtMs = nowMs;
      const { cpu, memoryBytes } = ledger.largest();
      const totals = new Map(ledger.devices().map(({ uuid, totalBytes }) => [uuid, totalBytes]));
      for (const lease of ledger.leases()) {
        if (lease.kind === 'job') continue;
        const fromMs = Math.max(sinceMs, lease.grantedAtMs);
        const part = Math.max(cpu === 0 ? 0 : lease.cpu / cpu, memoryBytes === 0 ? 0 : lease.memoryBytes / memoryBytes);
        add({
          ...{ leaseId: lease.id, kind: lease.kind, tenantId: lease.tenantId, orgId: lease.orgId, grantedAtMs: lease.grantedAtMs, seenAtMs: nowMs },
          gpus: lease.isWhole
            ? lease.devices.length
            : lease.devices.reduce((sum, { uuid, bytes }) => sum + Math.min(1, bytes / (totals.get(uuid) ?? bytes)), 0),
          part: Math.min(1, part),
          busyMs: Math.max(0, (lease.idleSinceMs ?? nowMs) - fromMs),
        });
      }
    },
    async write() {
      const uses = seen;
      seen = new Map();
      try {
        await addMachineUses(sql, [...uses.values()]);
      } catch (error) {
        for (const use of uses.values()) add(use);
        throw error;
      }
    },
  };
}
