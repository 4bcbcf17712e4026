/** The leases that are held now: found again at the start, noted as their tenants' facts change, freed when no process of the tenant is left.
 *  Never grants: the ledger writes new ones in the transaction that lets their tenants begin, and adds them here. */
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { listLeases, noteLease, releaseLeaseOf } from '../store/gpu-leases.ts';
import { findLeaseProcesses, isProvedGone } from './lease-processes.ts';
import type { HeldLease } from './ledger-port.ts';
import type { DeviceTenant } from './usage.ts';

export interface Leases {
  /** Finds those of an earlier Studio, and frees what nobody lives under. */
  start(): Promise<void>;
  all(): readonly HeldLease[];
  get(leaseId: string): HeldLease | undefined;
  of(tenantId: string): HeldLease | undefined;
  /** The same, and somebody answers for it from now on. */
  takeUp(tenantId: string): HeldLease | undefined;
  tenantsOn(uuid: string): readonly DeviceTenant[];
  add(lease: HeldLease): void;
  change(leaseId: string, facts: Partial<HeldLease>): void;
  /** Writes down what changed. */
  note(leaseId: string): Promise<void>;
  /** Deletes the row. To be called when its processes are gone. */
  release(leaseId: string): Promise<void>;
  /** Its row was deleted. */
  forget(leaseId: string): void;
  /** Frees what was found, nobody took up, and nobody lives under any more. */
  freeGone(): Promise<void>;
}

export interface LeasesParts {
  readonly database: Database;
  readonly machine: string;
  readonly log: Logger;
  /** There is room that was not there before. */
  readonly onFreed: () => void;
}

export function createLeases({ database, machine, log, onFreed }: LeasesParts): Leases {
  const held = new Map<string, HeldLease>();
  /** Of an earlier Studio, and nobody asked for them yet. */
  const found = new Set<string>();
  const all = (): readonly HeldLease[] => [...held.values()];
  const of = (tenantId: string): HeldLease | undefined => all().find((lease) => lease.tenantId === tenantId);
  const free = (tenantId: string): Promise<void> => database.engine.transaction((sql) => releaseLeaseOf(sql, tenantId));

  function forget(leaseId: string): void {
    held.delete(leaseId);
    found.delete(leaseId);
    onFreed();
  }

  async function release(leaseId: string): Promise<void> {
    const lease = held.get(leaseId);
    if (lease === undefined) return;
    await free(lease.tenantId);
    database.announce();
    forget(leaseId);
  }

  return {
    all,
    of,
    forget,
    release,
    get: (leaseId) => held.get(leaseId),
    async start() {
      const stored = await listLeases(database.engine, machine);
      const left = await findLeaseProcesses(database.engine, stored);
      for (const lease of stored) {
        if (isProvedGone(lease, left)) {
          // Serial: each is its own transaction, and few are left behind.
          await free(lease.tenantId);
          log.info({ leaseId: lease.id, tenantId: lease.tenantId }, 'a lease whose processes are gone was freed');
          continue;
        }
        held.set(lease.id, { ...lease, isLeaving: lease.leaving !== null, isFenced: false });
        if (lease.kind !== 'job') found.add(lease.id);
      }
    },
    takeUp(tenantId) {
      const lease = of(tenantId);
      if (lease !== undefined) found.delete(lease.id);
      return lease;
    },
    tenantsOn: (uuid) =>
      all().flatMap((lease) => {
        const device = lease.devices.find((one) => one.uuid === uuid);
        return device === undefined
          ? []
          : [{ kind: lease.kind, id: lease.tenantId, orgId: lease.orgId, name: lease.name, bytes: device.bytes, pid: lease.process?.pid }];
      }),
    add: (lease) => void held.set(lease.id, lease),
    change(leaseId, facts) {
      const lease = held.get(leaseId);
      if (lease !== undefined) held.set(leaseId, { ...lease, ...facts });
    },
    async note(leaseId) {
      const lease = held.get(leaseId);
      if (lease !== undefined) await noteLease(database.engine, lease);
    },
    async freeGone() {
      if (found.size === 0) return;
      const stored = all().filter((lease) => found.has(lease.id));
      const left = await findLeaseProcesses(database.engine, stored);
      for (const lease of stored) if (isProvedGone(lease, left)) await release(lease.id);
    },
  };
}
