/** Joins the parts of models: the catalogue, downloads, engines here and elsewhere, the gateway and what it counts. Part of wire.ts. */
import { join } from 'node:path';
import type { CompleteConfig } from './config/schema.ts';
import type { Files } from './files/files.ts';
import type { Devices } from './gpu/device.ts';
import type { GpuLedger } from './gpu/ledger-port.ts';
import { openAiError, publicError } from './http/errors.ts';
import type { Route } from './http/route.ts';
import { gatewayRoutes, type GatewayRouteParts } from './http/routes/gateway.ts';
import { modelLifeRoutes } from './http/routes/model-life.ts';
import { modelLimitRoutes } from './http/routes/model-limits.ts';
import { modelRoutes } from './http/routes/models.ts';
import type { Identity } from './identity/identity.ts';
import { createUids } from './jobs/uids.ts';
import type { Clock } from './kernel/clock.ts';
import type { Egress } from './kernel/egress.ts';
import { createEgressConnections, type EgressConnections } from './kernel/egress-connections.ts';
import type { Logger } from './kernel/log.ts';
import { createCatalogue } from './models/catalogue.ts';
import { createDownloadSteps } from './models/download-steps.ts';
import { createDownloads } from './models/downloads.ts';
import { createEstimates } from './models/estimates.ts';
import { createGatewayLimits } from './models/gateway-limits.ts';
import { createUsageMeter } from './models/gateway-usage.ts';
import { createGateway } from './models/gateway.ts';
import { createMachineModels } from './models/machine-models.ts';
import { createModelFolder } from './models/model-folder.ts';
import { createRemoteEngines } from './models/remote.ts';
import { createStepModels } from './models/step-models.ts';
import { createLeftovers, MARK } from './services/leftovers.ts';
import type { Database } from './store/client.ts';

export interface ModelWireParts {
  readonly config: CompleteConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: Database;
  readonly files: Files;
  readonly devices: Devices;
  readonly ledger: GpuLedger;
  readonly identity: Identity;
  readonly httpOf: (orgId: string, connections?: EgressConnections) => Egress;
  readonly readSecret: (orgId: string | null, name: string) => Promise<string | undefined>;
  /** Hears of the bytes of models that come. */
  readonly onDownloaded: (bytes: number) => void;
  readonly trace: GatewayRouteParts['trace'];
}

export interface WiredModels {
  /** What steps of an org may ask of models. */
  readonly downloadsOf: ReturnType<typeof createDownloadSteps>;
  readonly modelsOf: ReturnType<typeof createStepModels>;
  readonly figures: ReturnType<typeof createMachineModels>['figures'];
  readonly routes: readonly Route[];
  /** Writes what is counted of them. */
  readonly flushUsage: () => Promise<void>;
  start(): Promise<void>;
  drain(): void;
  stop(): Promise<void>;
  /** Writes down what was counted last: when nobody asks any more. */
  stopCounting(): Promise<void>;
}

export function wireModels(parts: ModelWireParts): WiredModels {
  const { config, clock, log, database, files, devices, ledger, identity, httpOf, readSecret } = parts;
  const { workspacePath, workspaceId } = config;
  const folder = createModelFolder(workspacePath);
  const catalogue = createCatalogue({ database, clock, log, folder, files });
  const downloads = createDownloads({
    ...{ database, clock, log, folder, catalogue },
    httpOf: (orgId) => httpOf(orgId),
    secrets: identity.secrets,
    endpoint: config.hfEndpoint,
    token: config.hfToken,
    onBytes: parts.onDownloaded,
  });
  // Each organisation has its own: they were opened under its rules.
  const kept = new Map<string, EgressConnections>();
  const egressOf = (orgId: string): Egress => {
    const connections = kept.get(orgId) ?? createEgressConnections(clock);
    kept.set(orgId, connections);
    return httpOf(orgId, connections);
  };
  const remote = createRemoteEngines({ egressOf, secrets: identity.secrets, clock, random: Math.random });
  const left = createLeftovers({ folder: join(workspacePath, 'run', 'models'), workspaceId: `models.${workspaceId}`, clock });
  // Of the same users as jobs: the kernel keeps two from taking one.
  const users = process.getuid?.() === 0 ? createUids() : undefined;
  const models = createMachineModels({
    users,
    ...{ database, clock, log, ledger, devices, remote, readSecret, folder, workspacePath },
    records: { ...left, environmentOf: (id) => ({ [MARK]: left.markOf(id) }) },
  });
  const usage = createUsageMeter({ sql: database.engine, clock, log });
  const limits = createGatewayLimits({ sql: database.engine, clock, log });
  const gateway = createGateway({
    models,
    limits,
    usage,
    clock,
    errorBody: (error, requestId) => openAiError(publicError(error, { log, requestId, route: '/v1' })),
  });
  return {
    downloadsOf: createDownloadSteps({ downloads, sql: database.engine, log }),
    modelsOf: createStepModels({ gateway, settings: identity.settings, clock }),
    figures: models.figures,
    flushUsage: usage.flush,
    routes: [
      ...modelRoutes({ catalogue, downloads, estimates: createEstimates({ devices }), life: models }),
      ...modelLifeRoutes({ life: models, clock, log }),
      ...modelLimitRoutes({ apiKeys: identity.apiKeys, limits }),
      ...gatewayRoutes({ gateway, settings: identity.settings, sql: database.engine, flushUsage: usage.flush, trace: parts.trace }),
    ],
    async start() {
      await catalogue.check();
      await downloads.start();
      await models.start();
      usage.start();
      limits.start();
    },
    drain: () => models.drain(),
    async stop() {
      await downloads.stop();
      await models.stop();
      remote.stop();
      for (const connections of kept.values()) connections.close();
    },
    async stopCounting() {
      await usage.stop();
      await limits.stop();
    },
  };
}
