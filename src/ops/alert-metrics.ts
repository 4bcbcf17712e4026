/** What Prometheus reads of Studio's own alerts. */
import { Gauge, type Registry } from 'prom-client';

/** One rule: how many things it complains of now. */
export interface AlertFigures {
  readonly rule: string;
  readonly firing: number;
}

export function registerAlertMetrics(registry: Registry, alerts: () => readonly AlertFigures[]): void {
  new Gauge({
    name: 'studio_alerts_firing',
    help: "Studio's own alerts that are open, by rule",
    labelNames: ['rule'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { rule, firing } of alerts()) this.set({ rule }, firing);
    },
  });
}
