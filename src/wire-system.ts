/** Joins what concerns the machine as a whole: maintenance, what it is and uses, its configuration. Part of wire.ts. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import packageJson from '../package.json' with { type: 'json' };
import { explainConfig } from './config/explain.ts';
import type { LiveConfig, Reload } from './config/live.ts';
import type { CompleteConfig } from './config/schema.ts';
import type { Route } from './http/route.ts';
import { domainRoutes } from './http/routes/domains.ts';
import { maintenanceRoutes } from './http/routes/maintenance.ts';
import { systemRoutes } from './http/routes/system.ts';
import type { Clock } from './kernel/clock.ts';
import { newId } from './kernel/ids.ts';
import { createDomains } from './ops/domains.ts';
import { createMaintenance, type MaintenanceControl } from './ops/maintenance.ts';
import type { Sizing } from './ops/sizing.ts';
import { createSystemInfo } from './ops/system-info.ts';
import { insertAudit } from './store/audit.ts';
import { readMachineSetting } from './store/settings.ts';
import type { Database } from './store/client.ts';
import { projectRoot } from './supervise/project-root.ts';
import type { Services } from './supervise/service.ts';

interface SystemWireParts {
  readonly config: CompleteConfig;
  readonly live: LiveConfig;
  readonly reload: () => Promise<Reload>;
  readonly database: Database;
  readonly clock: Clock;
  readonly services: Pick<Services, 'list'>;
  readonly sizing: Sizing;
}

interface WiredSystem {
  readonly maintenance: MaintenanceControl;
  /** What people are told while they are kept out; undefined: they are not. */
  notice(): string | undefined;
  /** Somebody called. */
  used(route: string): void;
  readonly routes: readonly Route[];
}

const KEPT_OUT = 'Studio is under maintenance; what runs goes on. Try again later.';
/** They ask all the time, of whom nobody is there. */
const PROBES = /^$|^GET \/(health|metrics|api\/v1\/infrastructure\/|api\/v1\/system\/info)/;

export function wireSystem({ config, live, reload, database, clock, services, sizing }: SystemWireParts): WiredSystem {
  const maintenance = createMaintenance({ database, clock });
  let lastUsedMs = clock.now();
  const info = createSystemInfo({
    ...{ clock, services, sizing, version: packageJson.version, commit: builtFrom(), mode: config.mode, workspacePath: config.workspacePath },
    lastUsedMs: () => lastUsedMs,
  });
  const domains = createDomains({
    ...{ config, clock, services },
    publicOrigin: async () => z.string().safeParse(await readMachineSetting(database.engine, 'publicOrigin')).data ?? null,
  });
  return {
    maintenance,
    notice() {
      const { mode, message } = maintenance.state();
      return mode === 'on' ? (message ?? KEPT_OUT) : undefined;
    },
    used(route) {
      if (!PROBES.test(route)) lastUsedMs = clock.now();
    },
    routes: [
      ...maintenanceRoutes(maintenance, domains.prove),
      ...domainRoutes(domains),
      ...systemRoutes({
        info,
        explain: () => explainConfig(live.loaded(), process.env),
        lastReload: live.last,
        reload,
        audit: (by, { applied, needsRestart, faults }) =>
          insertAudit(database.engine, {
            ...{ id: newId('aud', clock), at: new Date(clock.now()), action: 'machine.reloaded', ...by },
            details: { applied: [...applied], needsRestart: [...needsRestart], faults: faults.length },
          }),
      }),
    ],
  };
}

/** The commit of this build; null from source. */
function builtFrom(): string | null {
  const path = join(projectRoot(), 'dist/build.json');
  if (!existsSync(path)) return null;
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly commit?: string }).commit ?? null;
}
