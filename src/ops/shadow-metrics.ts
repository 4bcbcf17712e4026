/** Metrics of the database's shadow on the volume beside how far it is behind (part-metrics.ts): how long a restore would take, and whether it can.
 *  Absent under other plans. */
import { Gauge, type Registry } from 'prom-client';
import type { HealthBoard } from './health.ts';

type Shadow = NonNullable<ReturnType<HealthBoard['shadow']>>;

const FIGURES: readonly (readonly [string, string, (shadow: Shadow) => number | null])[] = [
  ['studio_shadow_streaming', '1 while the log reaches the volume', (shadow) => Number(shadow.isStreaming)],
  ['studio_shadow_wal_bytes', 'Log since the newest base backup', (shadow) => shadow.walBytes],
  ['studio_shadow_bytes', 'Base backups and log on the volume', (shadow) => shadow.bytes],
  ['studio_shadow_faults', 'What is wrong with the shadow, counted', (shadow) => shadow.faults.length],
];

/** @param read null under other plans */
export function registerShadowMetrics(registry: Registry, read: HealthBoard['shadow']): void {
  for (const [name, help, figure] of FIGURES) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const shadow = read();
        const value = shadow === null ? null : figure(shadow);
        if (value === null) this.reset();
        else this.set(value);
      },
    });
  }
}
