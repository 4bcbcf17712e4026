/** What runs of the defined services: starts one for the supervisor with everything a run needs, knows the current run and the log of each.
 *  Never decides that one should run. */
import { join } from 'node:path';
import type { ServiceDefinition } from '../contract/services.ts';
import type { Say } from '../supervise/service.ts';
import { CLOUDFLARED, TUNNEL_SECRET } from './cloudflared.ts';
import type { Leftovers } from './leftovers.ts';
import { runService, type ServiceRun } from './run-service.ts';
import { createServiceLog, type ServiceLog } from './service-log.ts';
import type { ServicesParts } from './services.ts';
import { createStarts } from './starts.ts';

/** The file of a log, and who hears of its growth. */
export interface FollowedLog {
  readonly path: string;
  /** When its lines were written: see kernel/log-times.ts. */
  readonly timesPath: string;
  /** @returns a function that ends it */
  onChange(listener: () => void): () => void;
}

export interface Runs {
  start(definition: ServiceDefinition, orgId: string | null, signal: AbortSignal, say: Say): Promise<ServiceRun>;
  /** The current run; undefined while there is none. */
  of(name: string): ServiceRun | undefined;
  isUp(name: string): boolean;
  logOf(name: string): FollowedLog;
  /** Resolves with the next change of any service, or after a moment. */
  nextChange(signal: AbortSignal): Promise<void>;
}

const LOOK_MS = 1_000;

export function createRuns(parts: ServicesParts & { readonly leftovers: Leftovers; readonly onUp: (name: string) => void }): Runs {
  const { supervisor, clock } = parts;
  const current = new Map<string, ServiceRun>();
  const logs = new Map<string, { readonly log: ServiceLog; readonly listeners: Set<() => void> }>();
  const starts = createStarts(parts.maxConcurrentStarts);
  const isUp = (name: string): boolean => ['running', 'unhealthy'].includes(supervisor.get(name)?.state ?? '');

  function logFor(name: string): { readonly log: ServiceLog; readonly listeners: Set<() => void> } {
    const known = logs.get(name);
    if (known !== undefined) return known;
    const listeners = new Set<() => void>();
    const path = join(parts.workspacePath, 'logs/services', `${name}.log`);
    const made = { log: createServiceLog(path, { log: parts.log, now: clock.now, onWrite: () => listeners.forEach((listener) => listener()) }), listeners };
    logs.set(name, made);
    return made;
  }

  async function waitForOthers(names: readonly string[], signal: AbortSignal, say: Say): Promise<void> {
    for (const name of names) {
      while (!isUp(name)) {
        const other = supervisor.get(name);
        if (other?.state === 'stopped') void supervisor.start(name).catch(() => undefined);
        const state = other === undefined ? 'is not there' : `is ${other.state.replace('_', ' ')}${other.reason === undefined ? '' : ` (${other.reason})`}`;
        say('waiting', `for ${name}, which ${state}`);
        await nextChange(signal);
      }
    }
  }

  async function nextChange(signal: AbortSignal): Promise<void> {
    const changed = Promise.withResolvers<void>();
    const end = supervisor.onChange(() => changed.resolve());
    await Promise.race([changed.promise, clock.sleep(LOOK_MS, signal)]).finally(end);
  }

  return {
    async start(definition, orgId, signal, say) {
      const { name } = definition;
      const started = await runService(
        {
          ...parts,
          definition,
          log: logFor(name).log,
          starts,
          defaults: parts.healthDefaults,
          readSecret: (secret) => (name === CLOUDFLARED && secret === TUNNEL_SECRET ? Promise.resolve(parts.tunnelToken) : parts.readSecret(orgId, secret)),
          waitForOthers: (waiting, tell) => waitForOthers(definition.after, waiting, tell),
          isEvictable: definition.idle !== null,
        },
        signal,
        say,
      );
      current.set(name, started);
      parts.onUp(name);
      void started.exited.then(() => current.get(name) === started && current.delete(name));
      return started;
    },
    of: (name) => current.get(name),
    isUp,
    logOf(name) {
      const { log, listeners } = logFor(name);
      return {
        path: log.path,
        timesPath: log.timesPath,
        onChange(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      };
    },
    nextChange,
  };
}
