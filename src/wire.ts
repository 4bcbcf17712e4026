/** Joins the parts into the application: who is handed what stands here and nowhere else. Starts nothing of the machine (boot.ts did);
 *  what it starts it stops, in reverse. */
import type { Redis } from 'ioredis';
import packageJson from '../package.json' with { type: 'json' };
import type { CompleteConfig } from './config/schema.ts';
import type { LiveConfig, Reload } from './config/live.ts';
import type { LoadedConfig } from './config/load.ts';
import { createFiles } from './files/files.ts';
import { createInbox } from './files/inbox.ts';
import { createUploads } from './files/uploads.ts';
import { createCredentials } from './credentials/credentials.ts';
import { createCommit } from './identity/commit.ts';
import { createRevocations } from './identity/revocation.ts';
import { createOrgs } from './orgs/orgs.ts';
import { announceOrgWork } from './orgs/progress.ts';
import type { Clock } from './kernel/clock.ts';
import { createEgress, type Egress } from './kernel/egress.ts';
import type { EgressConnections } from './kernel/egress-connections.ts';
import { messageOf } from './kernel/fail.ts';
import type { Logger } from './kernel/log.ts';
import type { DiskGuard } from './ops/disk-guard.ts';
import type { HealthBoard } from './ops/health.ts';
import { announceMachine } from './ops/announcements.ts';
import { createInfrastructure } from './ops/infrastructure.ts';
import type { LogOutput } from './ops/log-output.ts';
import type { Sizing } from './ops/sizing.ts';
import { createVitals } from './ops/vitals.ts';
import { createPatrol } from './ops/patrol.ts';
import { shadowFigures } from './ops/shadow-figures.ts';
import { createWatched } from './ops/watched.ts';
import { createWorkMeter } from './ops/work-meter.ts';
import { createWorkSampler } from './ops/work-sample.ts';
import { createNotify } from './notify/notify.ts';
import { createRealtime } from './realtime/realtime.ts';
import { SEAT_LIMITS } from './realtime/seats.ts';
import type { Database } from './store/client.ts';
import { createListener } from './store/listen.ts';
import { readFirstOrg } from './store/orgs.ts';
import type { RoleConnections } from './store/provision.ts';
import type { BootProgress } from './supervise/boot-progress.ts';
import type { StudioProgram } from './supervise/own-program.ts';
import type { Services } from './supervise/service.ts';
import type { StorageVerdict } from './supervise/storage.ts';
import { wireBackups } from './wire-backups.ts';
import { complianceRoutesOf } from './wire-compliance.ts';
import { wireGpus } from './wire-gpus.ts';
import { wireHttp, type WiredHttp } from './wire-http.ts';
import { wireIdentity } from './wire-identity.ts';
import { lifeOf } from './wire-life.ts';
import { logSource } from './wire-logs.ts';
import { wireModels } from './wire-models.ts';
import { routesOf } from './wire-routes.ts';
import { wireRunData } from './wire-run-data.ts';
import { wireServices } from './wire-services.ts';
import { wireSystem } from './wire-system.ts';
import { gatewayTrace, grantTrace, requestTrace, wireTracing } from './wire-tracing.ts';
import { wireWatching } from './wire-watching.ts';
import { wireWork } from './wire-work.ts';

export interface WireParts {
  readonly config: CompleteConfig;
  readonly loaded: LoadedConfig;
  readonly log: Logger;
  readonly output: LogOutput;
  readonly clock: Clock;
  readonly database: Database;
  readonly connections: RoleConnections;
  readonly redis: Redis | undefined;
  readonly services: Services;
  readonly storage: StorageVerdict;
  /** How large the pools are. */
  readonly sizing: Sizing;
  readonly disk: Pick<DiskGuard, 'isFull'>;
  readonly board: HealthBoard;
  readonly progress: BootProgress;
  /** The configuration as it is read again. */
  readonly live: LiveConfig;
  readonly reload: () => Promise<Reload>;
  /** How to start this very program. */
  readonly program: StudioProgram;
}

export interface Wired extends Pick<WiredHttp, 'fetch' | 'badRequest' | 'upgrade'> {
  /** Takes no new work; what runs goes on for now. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** A killed PostgreSQL is back within a second or two: until then a call waits for it, or is told by its lost connection. */
const AWAY_MS = 3_000;

export async function wire(parts: WireParts): Promise<Wired> {
  const { config, log, clock, database } = parts;
  let isDraining = false;
  const listener = createListener({ connect: parts.connections.engine, clock, log });
  const { identity, ...identityLife } = wireIdentity({
    ...{ config, database, clock, log, board: parts.board, listen: listener.listen },
    files: () => files,
    engine: () => engine,
    realtime: () => realtime,
  });
  const realtime = createRealtime({
    ...{ database, redis: parts.redis, listen: listener.listen, clock, log },
    logs: logSource({ jobs: () => jobs, watching: () => watching, host: () => services.host }),
  });
  const files = createFiles({ database, workspacePath: config.workspacePath, clock, log, onDamaged: () => patrol.look() });
  const patrol = createPatrol({
    ...{ clock, log, board: parts.board, content: files.content, sql: database.engine },
    // A shadow reads every page itself, daily.
    replication: config.database.kind === 'embedded' && parts.storage.plan !== 'shadow' ? parts.connections.replication : undefined,
  });
  const inbox = createInbox({ database, files, workspacePath: config.workspacePath, clock, log });
  const uploads = createUploads({ database, files, workspacePath: config.workspacePath, clock, log });
  const tracing = await wireTracing({ config, clock, log });
  const meter = createWorkMeter(clock);
  const vitals = createVitals({ clock, sql: database.engine, redis: parts.redis, workspacePath: config.workspacePath });
  const watched = createWatched();
  if (parts.storage.plan === 'shadow') watched.offerShadow(() => shadowFigures(parts.board.shadow()));
  const { devices, ledger, ...gpus } = await wireGpus({
    ...{ config, clock, log, database },
    onGranted(waitMs, lease) {
      watching.observeGpuWait(waitMs);
      grantTrace(tracing, waitMs, lease);
    },
    work: createWorkSampler({ clock, vitals, meter }),
  });
  const httpOf = (orgId: string, connections?: EgressConnections): Egress =>
    createEgress({ allowedHosts: async () => (await identity.settings.of(orgId)).allowedHosts, clock, connections });
  // What it ends is heard of by notification, here as in other processes.
  const commit = createCommit({ database, clock, revocations: createRevocations({ log }) });
  const credentials = createCredentials({ sql: database.engine, clock, log, commit, cipher: identity.cipher, httpOf });
  const notify = createNotify({
    database,
    clock,
    log,
    settingsOf: identity.settings.of,
    httpOf,
    secrets: identity.secrets,
    smtp: { url: config.smtpUrl, from: config.smtpFrom },
  });
  /** The machine's own read those of the first org. */
  const readSecret = async (orgId: string | null, name: string): Promise<string | undefined> => {
    const org = orgId ?? (await readFirstOrg(database.engine));
    return org === undefined ? undefined : identity.secrets.read(org, name);
  };
  const models = wireModels({
    config,
    clock,
    log,
    database,
    files,
    devices,
    ledger,
    identity,
    httpOf,
    readSecret,
    onDownloaded: meter.downloaded,
    trace: gatewayTrace(tracing),
  });
  const { engine, jobs, triggers, callbacks, previewer, sandbox } = wireWork({
    ...{ config, clock, log, database, files, identity, credentials, ledger, meter, notify, httpOf, tracing, storage: parts.storage },
    downloadsOf: models.downloadsOf,
    modelsOf: models.modelsOf,
  });
  const services = wireServices({
    ...{ config, clock, log, database, devices, ledger, notify, readSecret, flushUsage: models.flushUsage },
    supervisor: parts.services,
    storage: parts.storage,
    board: parts.board,
  });
  const stopAnnouncing = announceMachine({ database, services: parts.services, board: parts.board, devices, clock, log });

  const backups = wireBackups({ ...parts, watched, studioVersion: packageJson.version });
  const orgs = createOrgs({
    ...{ database, clock, files, workspacePath: config.workspacePath, isServing: true },
    commit,
    secrets: identity.secrets,
    cipher: identity.cipher,
    studioVersion: packageJson.version,
    secret: config.credentialEncryptionKey,
    onProgress: announceOrgWork({ database, log }),
  });
  const { runData, retention, orgStorage } = wireRunData({ config, database, clock, log, files, storage: parts.storage, board: parts.board });
  const system = wireSystem({ config, live: parts.live, reload: parts.reload, database, clock, services: parts.services, sizing: parts.sizing });
  const compliance = complianceRoutesOf({
    ...{ config, live: parts.live, clock, database, retention, storage: parts.storage, cipher: identity.cipher, version: packageJson.version },
  });
  const infrastructure = createInfrastructure({
    runData: () => runData.summary ?? null,
    board: parts.board,
    clock,
    sql: database.engine,
    redis: parts.redis,
    services: parts.services,
    workspacePath: config.workspacePath,
    version: packageJson.version,
    sockets: () => ({ open: realtime.connections, limit: SEAT_LIMITS.inAll }),
    maintenance: system.maintenance.state,
  });
  const watching = wireWatching({
    ...{ config, database, clock, log, ledger, meter, vitals, watched, version: packageJson.version, output: parts.output, listen: listener.listen },
    shadow: () => parts.board.shadow(),
    ...{ notify, host: services.host },
    allowedHosts: async (orgId) => (await identity.settings.of(orgId)).allowedHosts,
    sockets: () => realtime.connections,
    engine: () => engine.stats,
    isReady: () => parts.board.overall().httpStatus === 200,
    runData: () => runData.summary,
    gpus: devices.last,
    models: models.figures,
    traces: tracing?.figures,
  });

  parts.live.onChange(['debug', 'logLevel'], () => watching.relevel(config.logLevel));
  parts.live.onChange(
    ['services'],
    () => void services.host.reload().catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'services could not be read again')),
  );

  const routes = routesOf({
    ...{
      identity,
      orgs,
      credentials,
      notify,
      engine,
      triggers,
      jobs,
      previewer,
      callbacks,
      files,
      uploads,
      runData,
      retention,
      orgStorage,
      infrastructure,
      backups,
      watching,
      tracing,
      realtime,
      clock,
    },
    board: parts.board,
    more: [...gpus.routes, ...services.routes, ...models.routes, ...system.routes, ...compliance],
  });
  const http = wireHttp({
    ...{ config, identity, realtime, routes, database, clock, log, host: services.host },
    isDraining: () => isDraining,
    isDatabaseAway: () => parts.board.downMs('database') > AWAY_MS,
    isDiskFull: parts.disk.isFull,
    maintenance: system.notice,
    holder: () => engine.ownerId,
    trace: requestTrace(tracing),
    observe: (answered) => {
      meter.requestAnswered(answered.status);
      system.used(answered.route);
      watching.observeRequest(answered);
    },
  });

  const life = lifeOf({
    ...{
      files,
      uploads,
      engine,
      realtime,
      gpus,
      jobs,
      triggers,
      inbox,
      runData,
      retention,
      backups,
      models,
      notify,
      services,
      watching,
      patrol,
      sandbox,
      previewer,
      http,
    },
    log,
    maintenance: system.maintenance,
    identity: identityLife,
    channels: [stopAnnouncing, identityLife.stop, () => listener.stop(), vitals.stop, () => tracing?.stop()],
  });
  await life.start();
  return {
    fetch: http.fetch,
    badRequest: http.badRequest,
    upgrade: http.upgrade,
    drain() {
      isDraining = true;
      return life.drain();
    },
    stop: life.stop,
  };
}
