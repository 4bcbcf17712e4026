/** Joins what answers on the port: the API, the UI's files, services' own pages, sockets. Part of wire.ts. */
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { CompleteConfig } from './config/schema.ts';
import { createApp, type AppParts, type HttpConfig } from './http/app.ts';
import { createServicePages } from './http/service-pages.ts';
import { createStaticUi } from './http/static.ts';
import { createUpgrade } from './http/upgrade.ts';
import type { Identity } from './identity/identity.ts';
import type { Realtime } from './realtime/realtime.ts';
import type { ServiceHost } from './services/services.ts';
import { projectRoot } from './supervise/project-root.ts';

export interface HttpWireParts extends Pick<
  AppParts,
  'routes' | 'database' | 'log' | 'clock' | 'isDatabaseAway' | 'isDiskFull' | 'maintenance' | 'holder' | 'observe' | 'trace'
> {
  readonly config: CompleteConfig;
  readonly identity: Identity;
  readonly realtime: Realtime;
  readonly host: ServiceHost;
  readonly isDraining: () => boolean;
}

export interface WiredHttp {
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** The answer to what could not be read as a request (a bad Host, an odd path). */
  badRequest(): Response;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  stop(): void;
}

export function wireHttp(parts: HttpWireParts): WiredHttp {
  const { config, identity, realtime, isDraining, clock, log } = parts;
  const settings = httpSettings(config);
  const { authenticate, onSessionEnded } = identity;
  const servicePages = createServicePages({
    ...{ host: parts.host, authenticate, onSessionEnded, config: settings, isDraining, clock, log },
    isTrustedOrigin: (origin, host) => app.isTrustedOrigin(origin, host),
  });
  const app = createApp({
    ...{ routes: parts.routes, servicePages, identity, database: parts.database, log, clock, isDraining },
    config: settings,
    ui: createStaticUi(join(projectRoot(), 'dist/web')),
    isDatabaseAway: parts.isDatabaseAway,
    isDiskFull: parts.isDiskFull,
    maintenance: parts.maintenance,
    holder: parts.holder,
    observe: parts.observe,
    trace: parts.trace,
  });
  const sockets = createUpgrade({ realtime, authenticate, isTrustedOrigin: app.isTrustedOrigin, config: settings, isDraining, clock, log });
  return {
    fetch: app.fetch,
    badRequest: app.badRequest,
    upgrade: (request, socket, head) => (servicePages.owns(request.url ?? '') ? servicePages.upgrade(request, socket, head) : sockets(request, socket, head)),
    stop: () => servicePages.stop(),
  };
}

/** As the configuration has it when it is asked: it may be read again. */
function httpSettings(config: CompleteConfig): HttpConfig {
  return {
    get corsOrigins() {
      return config.corsOrigins;
    },
    get allowedHosts() {
      return config.allowedHosts;
    },
    get proxy() {
      const { proxyFixFor, proxyFixProto, proxyFixHost, proxyFixPort, proxyFixPrefix } = config;
      return config.proxyFixEnabled ? { for: proxyFixFor, proto: proxyFixProto, host: proxyFixHost, port: proxyFixPort, prefix: proxyFixPrefix } : null;
    },
    get requestTimeoutMs() {
      return config.requestTimeoutS * 1_000;
    },
  };
}
