/** Joins what watches Studio: metrics, logs, alerts. Part of wire.ts. */
import type { Config } from './config/schema.ts';
import type { LogLevel } from './contract/values.ts';
import type { Route } from './http/route.ts';
import { alertRoutes } from './http/routes/alerts.ts';
import { logRoutes } from './http/routes/logs.ts';
import type { Clock } from './kernel/clock.ts';
import { createEgress } from './kernel/egress.ts';
import { messageOf } from './kernel/fail.ts';
import { newId } from './kernel/ids.ts';
import type { Logger } from './kernel/log.ts';
import type { Notify } from './notify/notify.ts';
import { createAlerts, type Alerts } from './ops/alerts.ts';
import { createLogLevel } from './ops/log-level.ts';
import type { LogOutput } from './ops/log-output.ts';
import { createMachineLogs, type LogRanges } from './ops/machine-logs.ts';
import type { Metrics, MetricsParts } from './ops/metrics.ts';
import type { Vitals } from './ops/vitals.ts';
import type { WorkMeter } from './ops/work-meter.ts';
import type { ServiceHost } from './services/services.ts';
import { insertAudit } from './store/audit.ts';
import type { Database } from './store/client.ts';
import type { Listen } from './store/listen.ts';
import { readFirstOrg } from './store/orgs.ts';

export interface WatchingWireParts extends Omit<MetricsParts, 'alerts' | 'logLines' | 'sql'> {
  readonly config: Pick<Config, 'workspacePath'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly output: LogOutput;
  readonly database: Database;
  readonly listen: Listen;
  readonly host: Pick<ServiceHost, 'logOf'>;
  readonly meter: WorkMeter;
  readonly vitals: Vitals;
  readonly notify: Pick<Notify, 'tellAdmins' | 'tellNow'>;
  /** Of an org: what alerts may be posted to. */
  readonly allowedHosts: (orgId: string) => Promise<readonly string[]>;
}

export interface Watching {
  /** Loaded at the first use: prom-client is not needed for the start. */
  readonly metrics: () => Promise<Metrics>;
  observeRequest(answered: Parameters<Metrics['observeRequest']>[0]): void;
  observeGpuWait(waitMs: number): void;
  /** Logs of the machine for the socket. */
  readonly logRanges: LogRanges;
  readonly routes: readonly Route[];
  /** The configuration says another level. */
  relevel(level: LogLevel): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Requests of the first moment are not counted, and the start is not slowed. */
const METRICS_AFTER_MS = 500;

export function wireWatching(parts: WatchingWireParts): Watching {
  const { config, clock, log, output, database, host } = parts;
  const level = createLogLevel({ database, log, clock, listen: parts.listen });
  const logs = createMachineLogs({
    ...{ output, level, workspacePath: config.workspacePath },
    onService(name, listener) {
      try {
        return host.logOf(name).onChange(listener);
      } catch {
        // Defined no more: its file is still there to be read.
        return undefined;
      }
    },
  });
  const alerts = wireAlerts(parts);
  let metrics: Metrics | undefined;
  let loading: Promise<Metrics> | undefined;
  const make = async (): Promise<Metrics> => {
    const { createMetrics } = await import('./ops/metrics.ts');
    return (metrics = createMetrics({ ...parts, sql: database.engine, alerts: alerts.figures, logLines: output.counts }));
  };
  // What failed (no file descriptor left) is tried again with the next use.
  const load = (): Promise<Metrics> => (loading ??= make().catch((error: unknown) => ((loading = undefined), Promise.reject(error))));
  const loadSoon = (use: (loaded: Metrics) => void): void =>
    void load().then(use, (error: unknown) => log.warn({ cause: messageOf(error) }, 'the metrics could not be loaded; tried again with their next use'));
  clock.after(METRICS_AFTER_MS, () => loadSoon(() => undefined));
  return {
    metrics: load,
    observeRequest: (answered) => metrics?.observeRequest(answered),
    observeGpuWait: (waitMs) => loadSoon((loaded) => loaded.observeGpuWait(waitMs)),
    logRanges: logs.ranges,
    routes: [
      ...alertRoutes(alerts),
      ...logRoutes({
        logs,
        audit: (by, details) => insertAudit(database.engine, { id: newId('aud', clock), at: new Date(clock.now()), action: 'logs.level_set', ...by, details }),
      }),
    ],
    relevel(wanted) {
      level.reconfigure(wanted).catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the log level of the configuration is not in force'));
    },
    async start() {
      await level.start();
      await alerts.start();
    },
    async stop() {
      level.stop();
      await alerts.stop();
    },
  };
}

/** Alerts of the machine are told to the administrators of its first organisation. */
function wireAlerts(parts: WatchingWireParts): Alerts {
  const { database, clock, log, vitals, watched, meter, notify } = parts;
  // Remembered: it is asked when the database does not answer.
  let allowed: readonly string[] = [];
  const http = createEgress({ allowedHosts: async () => allowed, clock });
  return createAlerts({
    ...{ database, clock, log, vitals, watched, meter, gpus: parts.gpus },
    async tell(message, targets) {
      const orgId = await readFirstOrg(database.engine);
      if (orgId === undefined) return undefined;
      allowed = await parts.allowedHosts(orgId);
      return notify.tellAdmins(orgId, message, targets);
    },
    tellNow: (message, targets) => notify.tellNow(message, targets, http),
  });
}
