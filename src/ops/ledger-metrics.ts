/** What Prometheus reads of the ledger: how long requests for devices waited, what is granted of each device, who waits. */
import { Gauge, Histogram, type Registry } from 'prom-client';
import type { GpuLedger } from '../gpu/ledger-port.ts';

export type LedgerFigures = Pick<GpuLedger, 'leases' | 'devices' | 'waitingCount'>;

/** @returns called with how long a request for devices waited, from when it could run until it was granted */
export function registerLedgerMetrics(registry: Registry, ledger: LedgerFigures): (waitMs: number) => void {
  const registers = [registry];
  const waits = new Histogram({
    name: 'gpu_wait_seconds',
    help: 'From when a request for devices could run until it was granted',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600],
    registers,
  });
  const each = (name: string, help: string, valueOf: (uuid: string) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['gpu', 'uuid'],
      registers,
      collect() {
        this.reset();
        for (const { index, uuid } of ledger.devices()) this.set({ gpu: String(index), uuid }, valueOf(uuid));
      },
    });
  const on = (uuid: string): readonly { readonly bytes: number }[] =>
    ledger.leases().flatMap((lease) => lease.devices.filter((device) => device.uuid === uuid));
  each('studio_gpu_leased_bytes', 'Memory of the device that is granted', (uuid) => on(uuid).reduce((sum, device) => sum + device.bytes, 0));
  each('studio_gpu_leases', 'Tenants of the device', (uuid) => on(uuid).length);
  each(
    'studio_gpu_external_bytes',
    'Memory used by what Studio did not start',
    (uuid) => ledger.devices().find((device) => device.uuid === uuid)?.externalBytes ?? 0,
  );
  new Gauge({
    name: 'studio_grants_waiting',
    help: 'Jobs, models and services that wait for devices, cores or memory',
    registers,
    collect() {
      this.set(ledger.waitingCount());
    },
  });
  return (waitMs) => waits.observe(waitMs / 1_000);
}
