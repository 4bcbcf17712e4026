/** The services of this machine: Studio's own that are here already, and those that people define over the API and in files (defined.ts applies them).
 *  Knows who uses them, and lets the idle ones rest. Never starts a process itself (run-service.ts does). */
import { join } from 'node:path';
import type { Service, ServiceDefinition } from '../contract/services.ts';
import type { Role } from '../contract/values.ts';
import type { Ledger } from '../gpu/tenants.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { nearestName } from '../kernel/nearest.ts';
import type { Database } from '../store/client.ts';
import type { Exit, Say, Services as Supervisor } from '../supervise/service.ts';
import { CLOUDFLARED, cloudflaredDefinition } from './cloudflared.ts';
import { createDefined } from './defined.ts';
import { keepExits, readExits } from './exit-history.ts';
import type { HealthDefaults } from './health-check.ts';
import { createLeftovers } from './leftovers.ts';
import { describeBroken, describeService } from './describe.ts';
import type { Masker, ServiceRun } from './run-service.ts';
import { createRuns, type FollowedLog } from './runs.ts';
import { createUses } from './use.ts';

export interface ServicesParts {
  readonly database: Database;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly log: Logger;
  readonly workspacePath: string;
  readonly workspaceId: string;
  /** Definitions of the configuration. */
  readonly configured: () => readonly unknown[];
  readonly maxConcurrentStarts: number;
  readonly healthDefaults: HealthDefaults;
  /** CLOUDFLARE_TUNNEL_TOKEN. */
  readonly tunnelToken: string | undefined;
  readonly ledger?: Ledger | undefined;
  /** Of an org; null: the first one. */
  readonly readSecret: (orgId: string | null, name: string) => Promise<string | undefined>;
  readonly createMasker: (secrets: readonly string[]) => Masker;
  /** A required one that is down makes health unready, another degrades it. */
  readonly report: (part: string, fault: string | null, isRequired: boolean) => void;
}

/** Where a used service answers, until `done` is called. */
export interface UsedService {
  readonly port: number;
  readonly url: string;
  done(): void;
}

export interface ServiceHost {
  /** Ends what an earlier Studio left, reads the definitions and starts what is enabled. Does not wait for them. */
  start(): Promise<void>;
  /** Stops all that people defined, those first that others wait for last. */
  stop(): Promise<void>;
  /** Reads the definitions again. @returns once what changed is stopped, or begins to start */
  reload(): Promise<void>;
  list(role: Role): readonly Service[];
  /** @throws AppError not_found */
  read(name: string, role: Role): Service;
  definitionOf(name: string): ServiceDefinition | null;
  /** Names that a new definition may wait for, and may not take. */
  names(): readonly string[];
  /** Answers when it runs, or after a moment with how far it is. @throws AppError not_found, conflict */
  command(name: string, verb: 'start' | 'stop' | 'restart'): Promise<void>;
  /** Waits until it answers, starting it when it rests. @throws AppError not_found, conflict when it is stopped; the signal's reason */
  use(
    name: string,
    options: { readonly signal: AbortSignal; readonly onWait?: (wait: { readonly message: string; readonly progress?: number | undefined }) => void },
  ): Promise<UsedService>;
  /** Like `use`, without waiting: undefined while it does not answer (it is woken when it rests). @throws AppError not_found */
  tryUse(name: string): UsedService | undefined;
  /** When anybody used any of them last, ms since 1970. */
  lastUsedMs(): number | undefined;
  /** The file of its log, and who hears of its growth. @throws AppError not_found when it has none */
  logOf(name: string): FollowedLog;
}

/** A quick one is up when the call is answered; of a slow one the caller sees how far it is. */
const ANSWER_MS = 1_500;
const LOOK_MS = 1_000;
const RESCAN_MS = 10_000;

export function createServiceHost(parts: ServicesParts): ServiceHost {
  const { supervisor, clock, log, database } = parts;
  const resting = new Set<string>();
  const uses = createUses(clock);
  const leftovers = createLeftovers({ folder: join(parts.workspacePath, 'run/services'), workspaceId: parts.workspaceId, clock });
  const runs = createRuns({ ...parts, leftovers, onUp: began });
  const own = new Set<string>();
  const defined = createDefined({ ...parts, startRun: runs.start });
  let isStopped = false;
  const endings: (() => void)[] = [];

  function addOwn(exits: ReadonlyMap<string, readonly Exit[]>): void {
    if (parts.tunnelToken === undefined) return;
    const start = async (signal: AbortSignal, say: Say): Promise<ServiceRun> => runs.start(cloudflaredDefinition(process.env['PATH'] ?? ''), null, signal, say);
    void supervisor.add({ name: CLOUDFLARED, required: false, start }, { exits: exits.get(CLOUDFLARED) }).catch(() => undefined);
    own.add(CLOUDFLARED);
  }

  function describe(name: string, role: Role): Service | undefined {
    const status = supervisor.get(name);
    return status === undefined
      ? undefined
      : describeService({ status, defined: defined.of(name), run: runs.of(name), lastUsedMs: uses.lastMs(name), memoryOf: leftovers.memoryOf, role });
  }

  function require(name: string): void {
    if (supervisor.get(name) !== undefined) return;
    const broken = defined.broken().find((one) => one.name === name);
    if (broken !== undefined)
      fail(
        'conflict',
        `The definition of ${name} in ${broken.file} can't be used: ${broken.fault}. Correct the file; it is read again within ${RESCAN_MS / 1_000} s.`,
      );
    const names = supervisor.list().map((service) => service.name);
    fail('not_found', `There is no service "${name.slice(0, 64)}"; did you mean ${nearestName(name, names) || 'none'}?`);
  }

  function usedNow(name: string): UsedService | undefined {
    const started = runs.of(name);
    if (started === undefined || !runs.isUp(name)) return undefined;
    const end = uses.begin(name);
    tellLedger(name);
    return {
      port: started.port,
      url: `http://127.0.0.1:${started.port}`,
      done() {
        end();
        tellLedger(name);
      },
    };
  }

  /** Until somebody uses it, it is there for nobody: who waits for its room may have it. */
  function began(name: string): void {
    resting.delete(name);
    tellLedger(name);
  }

  function tellLedger(name: string): void {
    const lease = runs.of(name)?.lease;
    if (lease === undefined || defined.of(name)?.definition.idle === null) return;
    parts.ledger?.setIdle(lease.id, uses.idleMs(name, 0) === 0 ? null : (uses.lastMs(name) ?? clock.now()));
  }

  function wake(name: string): void {
    if (!resting.has(name) || supervisor.get(name)?.state !== 'stopped') return;
    void supervisor.start(name).catch(() => undefined);
  }

  async function rest(name: string, reason: string): Promise<void> {
    resting.add(name);
    await supervisor
      .stop(name, `${reason}; the next use starts it again`)
      .catch((error: unknown) => log.warn({ service: name, cause: messageOf(error) }, 'a service could not be laid to rest'));
  }

  /** Each second: who idles is laid to rest. */
  function look(): void {
    for (const [name, { definition }] of defined.all()) {
      const status = supervisor.get(name);
      const afterMs = definition.idle?.afterMs;
      if (afterMs === undefined || definition.required || status?.state !== 'running' || status.since === null) continue;
      if (uses.idleMs(name, Date.parse(status.since)) >= afterMs) void rest(name, `nobody used it for ${Math.round(afterMs / 1_000)} s`);
    }
  }

  function repeat(everyMs: number, work: () => void | Promise<void>): void {
    let cancel = (): void => undefined;
    const arm = (): void => {
      cancel = clock.after(everyMs, () => {
        Promise.try(work)
          .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'services could not be looked after; tried again'))
          .finally(() => void (isStopped || arm()));
      });
    };
    arm();
    endings.push(() => cancel());
  }

  return {
    async start() {
      const left = await leftovers.endAll();
      if (left.length > 0) log.warn({ services: left }, 'ended services that an earlier Studio left running');
      const exits = await readExits(database.engine);
      endings.push(keepExits({ sql: database.engine, supervisor, clock, log }));
      endings.push(
        supervisor.onChange(({ name, state, reason, required }) => {
          if (defined.of(name) === undefined && !own.has(name)) return;
          const isDown = required ? state !== 'running' : ['failed', 'backing_off', 'unhealthy'].includes(state);
          parts.report(`service ${name}`, isDown ? (reason ?? `it is ${state}`) : null, required);
        }),
      );
      addOwn(exits);
      parts.ledger?.onEvict('service', async (lease, why) => {
        const name = lease.tenantId.replace(/^service:/, '');
        await rest(name, why.message);
      });
      await defined.begin(supervisor.list().map(({ name }) => name));
      repeat(LOOK_MS, look);
      repeat(RESCAN_MS, defined.rescan);
    },
    async stop() {
      isStopped = true;
      for (const end of endings.reverse()) end();
      await defined.settled();
      const waitFor = new Map<string, Promise<void>>();
      const names = [...defined.all().keys(), ...own];
      const end = (name: string): Promise<void> => {
        const users = names.filter((other) => defined.of(other)?.definition.after.includes(name) === true);
        const done =
          waitFor.get(name) ??
          Promise.all(users.map(end)).then(() =>
            supervisor.remove(name).catch((error: unknown) => log.warn({ service: name, cause: messageOf(error) }, 'a service did not stop')),
          );
        waitFor.set(name, done);
        return done;
      };
      await Promise.all(names.map(end));
    },
    reload: defined.apply,
    list(role) {
      const known = supervisor.list().flatMap(({ name }) => describe(name, role) ?? []);
      return [
        ...known,
        ...defined
          .broken()
          .filter(({ name }) => supervisor.get(name) === undefined)
          .map(describeBroken),
      ];
    },
    read(name, role) {
      const broken = supervisor.get(name) === undefined ? defined.broken().find((one) => one.name === name) : undefined;
      if (broken !== undefined) return describeBroken(broken);
      require(name);
      return describe(name, role) ?? fail('not_found');
    },
    definitionOf: (name) => defined.of(name)?.definition ?? null,
    names: defined.names,
    async command(name, verb) {
      require(name);
      resting.delete(name);
      // Of one that starts slowly the reply says how far it is.
      const done = supervisor[verb](name);
      const late = new AbortController();
      await Promise.race([done, ...(verb === 'stop' ? [] : [clock.sleep(ANSWER_MS, late.signal).catch(() => undefined)])]).finally(() => late.abort());
      done.catch(() => undefined);
    },
    async use(name, { signal, onWait }) {
      require(name);
      for (;;) {
        signal.throwIfAborted();
        const used = usedNow(name);
        if (used !== undefined) return used;
        wake(name);
        const { state, reason, progress } = supervisor.get(name) ?? fail('not_found', `The service ${name} was deleted.`);
        if (['stopped', 'failed'].includes(state) && !resting.has(name))
          throw new AppError('conflict', { message: `The service ${name} is ${state}${reason === undefined ? '' : ` (${reason})`}; start it first.` });
        onWait?.({ message: `the service ${name} is ${state.replace('_', ' ')}${reason === undefined ? '' : `: ${reason}`}`, progress });
        await runs.nextChange(signal);
      }
    },
    tryUse(name) {
      require(name);
      wake(name);
      return usedNow(name);
    },
    lastUsedMs() {
      const times = [...defined.all().keys()].flatMap((name) => uses.lastMs(name) ?? []);
      return times.length === 0 ? undefined : Math.max(...times);
    },
    logOf(name) {
      if (defined.of(name) === undefined && !own.has(name)) {
        require(name);
        fail('not_found', `${name} is Studio's own: what it writes stands in Studio's log, at level debug.`);
      }
      return runs.logOf(name);
    },
  };
}
