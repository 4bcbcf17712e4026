/** Joins what answers on the port: the API, the UI's files, services' own pages, sockets. Part of wire.ts. */
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { CompleteConfig } from './config/schema.ts';
import { createApp, type AppParts } from './http/app.ts';
import { createServicePages } from './http/service-pages.ts';
import { createStaticUi } from './http/static.ts';
import { createUpgrade } from './http/upgrade.ts';
import type { Identity } from './identity/identity.ts';
import type { Realtime } from './realtime/realtime.ts';
import type { ServiceHost } from './services/services.ts';
import { projectRoot } from './supervise/project-root.ts';

export interface HttpWireParts extends Pick<AppParts, 'routes' | 'database' | 'log' | 'clock' | 'isDatabaseAway' | 'isDiskFull' | 'holder' | 'observe'> {
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
  const { allowedHosts } = config;
  const proxy = config.proxyFixEnabled
    ? { for: config.proxyFixFor, proto: config.proxyFixProto, host: config.proxyFixHost, port: config.proxyFixPort, prefix: config.proxyFixPrefix }
    : null;
  const { authenticate, onSessionEnded } = identity;
  const servicePages = createServicePages({
    ...{ host: parts.host, authenticate, onSessionEnded, allowedHosts, proxy, isDraining, clock, log },
    isTrustedOrigin: (origin, host) => app.isTrustedOrigin(origin, host),
  });
  const app = createApp({
    ...{ routes: parts.routes, servicePages, identity, database: parts.database, log, clock, isDraining },
    config: { corsOrigins: config.corsOrigins, allowedHosts, proxy, requestTimeoutMs: config.requestTimeoutS * 1_000 },
    ui: createStaticUi(join(projectRoot(), 'dist/web')),
    isDatabaseAway: parts.isDatabaseAway,
    isDiskFull: parts.isDiskFull,
    holder: parts.holder,
    observe: parts.observe,
  });
  const sockets = createUpgrade({ realtime, authenticate, isTrustedOrigin: app.isTrustedOrigin, allowedHosts, proxy, isDraining, clock, log });
  return {
    fetch: app.fetch,
    badRequest: app.badRequest,
    upgrade: (request, socket, head) => (servicePages.owns(request.url ?? '') ? servicePages.upgrade(request, socket, head) : sockets(request, socket, head)),
    stop: () => servicePages.stop(),
  };
}
