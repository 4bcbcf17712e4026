/** What each look at the devices means for those who hold them: who uses more than it was granted is told and then ended, who sits on a lost device is ended.
 *  Looks at them more often while somebody holds or wants one. */
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Devices, Gpu } from './device.ts';
import type { Evictor } from './evictor.ts';
import type { Leases } from './leases.ts';
import type { LedgerDevices } from './ledger-devices.ts';
import type { Outgrown, Share } from './outgrown.ts';
import { gib } from './policy-reasons.ts';

export interface DeviceWatch {
  /** @returns whether there is more or less to give than before */
  look(gpus: readonly Gpu[]): boolean;
  /** Tells tenants of a lost device to end, and those that idle on one that takes nobody new. */
  leave(): Promise<void>;
  /** Whether somebody holds devices or waits for some. */
  use(isUsed: boolean): void;
}

export interface DeviceWatchParts {
  readonly devices: Pick<Devices, 'last' | 'use'>;
  readonly seen: LedgerDevices;
  readonly outgrown: Outgrown;
  readonly leases: Pick<Leases, 'all' | 'get'>;
  readonly evictor: Evictor;
  /** A line for a job's log. */
  readonly tellJob: (jobId: string, line: string) => void;
  readonly log: Logger;
}

export function createDeviceWatch(parts: DeviceWatchParts): DeviceWatch {
  const { devices, seen, leases, evictor, log } = parts;
  let unuse: (() => void) | undefined;

  function tell(share: Share): void {
    const { tenantId, usedBytes, grantedBytes } = share;
    log.warn({ tenantId, usedBytes, grantedBytes }, 'a tenant uses more than it was granted');
    if (leases.get(share.leaseId)?.kind === 'job') parts.tellJob(tenantId, `the job ${textOf(share)}; if it stays so, it is ended`);
  }

  function end(shares: readonly Share[]): void {
    const evictions = shares.flatMap((share) => {
      const lease = leases.get(share.leaseId);
      if (lease === undefined || lease.isLeaving) return [];
      const { usedBytes = 0, grantedBytes } = share;
      return [{ lease, why: { kind: 'outgrown', usedBytes, grantedBytes, message: `it ${textOf(share)}` } as const }];
    });
    void evictor.tell(evictions).catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'a tenant that outgrew its share could not be told to end'));
  }

  return {
    look(gpus) {
      const before = JSON.stringify(seen.list());
      seen.look(gpus);
      const { told, ended } = parts.outgrown.judge(
        leases.all().map((lease) => ({
          leaseId: lease.id,
          tenantId: lease.tenantId,
          isWhole: lease.isWhole,
          grantedBytes: lease.devices[0]?.bytes ?? 0,
          usedBytes: seen.usedBy(lease.tenantId),
        })),
      );
      told.forEach(tell);
      end(ended);
      return before !== JSON.stringify(seen.list());
    },
    async leave() {
      const bad = new Map(devices.last().flatMap((gpu) => (gpu.state === 'ok' ? [] : [[gpu.uuid, gpu] as const])));
      if (bad.size === 0) return;
      await evictor.tell(
        leases.all().flatMap((lease) => {
          const gpu = lease.devices.map((device) => bad.get(device.uuid)).find((one) => one !== undefined);
          const isToGo = gpu !== undefined && !lease.isLeaving && (gpu.state === 'lost' || (lease.idleSinceMs !== null && !lease.isPinned));
          if (!isToGo) return [];
          const message = `GPU ${gpu.index} ${gpu.state === 'lost' ? 'was lost' : 'takes nobody any more'}: ${gpu.reason ?? 'no reason is known'}`;
          return [{ lease, why: { kind: 'device', uuid: gpu.uuid, message } as const }];
        }),
      );
    },
    use(isUsed) {
      if (isUsed) unuse ??= devices.use();
      else {
        unuse?.();
        unuse = undefined;
      }
    },
  };
}

function textOf(share: Pick<Share, 'usedBytes' | 'grantedBytes'>): string {
  return `uses ${gib(share.usedBytes ?? 0)} of GPU memory; ${gib(share.grantedBytes)} were granted`;
}
