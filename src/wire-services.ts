/** Joins the parts of the machine as it stands there: its services, when it is idle, what it costs. Part of wire.ts. */
import type { CompleteConfig } from './config/schema.ts';
import type { Devices } from './gpu/device.ts';
import type { GpuLedger } from './gpu/ledger-port.ts';
import type { Route } from './http/route.ts';
import { costRoutes } from './http/routes/costs.ts';
import { idleRoutes } from './http/routes/idle.ts';
import { serviceRoutes } from './http/routes/services.ts';
import { createMasker } from './jobs/masker.ts';
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/log.ts';
import type { Notify } from './notify/notify.ts';
import type { HealthBoard } from './ops/health.ts';
import { createIdleWatch } from './ops/idle-watch.ts';
import { createMachineCost } from './ops/machine-cost.ts';
import { createRunpod } from './ops/runpod.ts';
import { createServiceCommands } from './services/commands.ts';
import { createServiceHost, type ServiceHost } from './services/services.ts';
import type { Database } from './store/client.ts';
import { readFirstOrg } from './store/orgs.ts';
import type { Services } from './supervise/service.ts';
import type { StorageVerdict } from './supervise/storage.ts';

export interface ServiceWireParts {
  readonly config: CompleteConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: Database;
  readonly devices: Devices;
  readonly ledger: GpuLedger;
  /** Writes what is counted of models. */
  readonly flushUsage: () => Promise<void>;
  readonly supervisor: Services;
  readonly storage: StorageVerdict;
  readonly board: HealthBoard;
  readonly notify: Notify;
  readonly readSecret: (orgId: string | null, name: string) => Promise<string | undefined>;
}

export interface WiredServices {
  readonly host: ServiceHost;
  readonly routes: readonly Route[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function wireServices(parts: ServiceWireParts): WiredServices {
  const { config, clock, log, database, devices, ledger, notify, readSecret } = parts;
  const { workspacePath, workspaceId } = config;
  const host = createServiceHost({
    ...{ database, supervisor: parts.supervisor, ledger, clock, log, workspacePath, workspaceId, readSecret, createMasker },
    configured: () => config.services,
    maxConcurrentStarts: config.maxConcurrentStarts,
    healthDefaults: { timeoutMs: config.healthCheckTimeoutS * 1_000, maxAttempts: config.healthCheckMaxAttempts },
    tunnelToken: config.cloudflareTunnelToken,
    report: (part, fault, isRequired) => parts.board.report(part, fault, isRequired),
  });
  const runpod = createRunpod(config);
  const idle = createIdleWatch({
    ...{ database, clock, log, devices, storage: parts.storage, workspacePath, runpod },
    lastUsedMs: host.lastUsedMs,
    tell: async (message) => {
      const orgId = await readFirstOrg(database.engine);
      return orgId === undefined ? undefined : notify.tellAdmins(orgId, message);
    },
  });
  const cost = createMachineCost({ database, clock, log, devices, ledger, runpod, flushUsage: parts.flushUsage });
  return {
    host,
    routes: [...serviceRoutes({ host, commands: createServiceCommands({ database, clock, host }), clock }), ...idleRoutes(idle), ...costRoutes(cost)],
    async start() {
      await host.start();
      await idle.start();
      await cost.start();
    },
    async stop() {
      await idle.stop();
      await cost.stop();
      await host.stop();
    },
  };
}
