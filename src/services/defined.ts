/** The services that are defined now: rows, files and the configuration joined, and given to the supervisor as they change. Applied one after the
 *  other, so that no service is ever started twice. Never decides that one rests (services.ts does). */
import { join } from 'node:path';
import type { ServiceDefinition } from '../contract/services.ts';
import { listServiceRows } from '../store/services.ts';
import type { Exit, Say } from '../supervise/service.ts';
import { readDefinitionFiles } from './definition-files.ts';
import { joinDefinitions, type BrokenService, type DefinedService, type Definitions } from './definition.ts';
import { readExits } from './exit-history.ts';
import type { Runs } from './runs.ts';
import type { ServicesParts } from './services.ts';

export interface Defined {
  /** @param builtIn services that are here already: their names are taken */
  begin(builtIn: readonly string[]): Promise<void>;
  /** Reads everything again. @returns once what changed is stopped, or begins to start */
  apply(): Promise<void>;
  /** The same, when a file changed. */
  rescan(): Promise<void>;
  /** Resolves when nothing is being applied. */
  settled(): Promise<void>;
  of(name: string): DefinedService | undefined;
  all(): ReadonlyMap<string, DefinedService>;
  broken(): readonly BrokenService[];
  /** Of all, those that are here already included. */
  names(): readonly string[];
}

export function createDefined(
  parts: Pick<ServicesParts, 'database' | 'supervisor' | 'log' | 'workspacePath' | 'configured' | 'report'> & { readonly startRun: Runs['start'] },
): Defined {
  const { database, supervisor, log } = parts;
  const folder = join(parts.workspacePath, 'services');
  let definitions: Definitions = { services: new Map(), broken: [], required: new Map() };
  let builtIn: readonly string[] = [];
  let stamp = '';
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work);
    turn = next.catch(() => undefined);
    return next;
  };

  /** Gives them to the supervisor, which starts and restarts them. */
  function add(
    definition: ServiceDefinition,
    options: { readonly orgId: string | null; readonly exits: readonly Exit[] | undefined; readonly isWanted: boolean },
  ): void {
    const { name, required, restart } = definition;
    const spec = { name, required, restart, start: (signal: AbortSignal, say: Say) => parts.startRun(definition, options.orgId, signal, say) };
    // The first failure is told by the supervisor, which tries again.
    void supervisor.add(spec, { exits: options.exits, isWanted: options.isWanted, reason: options.isWanted ? undefined : 'disabled' }).catch(() => undefined);
  }

  async function applyNow(): Promise<void> {
    const [rows, files, exits] = await Promise.all([
      listServiceRows(database.engine),
      readDefinitionFiles(folder, parts.configured()),
      readExits(database.engine),
    ]);
    const joined = joinDefinitions(rows, files.entries, builtIn);
    const next: Definitions = { ...joined, broken: [...joined.broken, ...files.broken] };
    for (const { name, file, fault } of next.broken) log.warn({ service: name, file, fault }, 'the definition of a service can not be used');
    const before = definitions;
    definitions = next;
    stamp = files.stamp;
    for (const name of builtIn) supervisor.setRequired(name, name === 'postgres' || (next.required.get(name) ?? false));
    const isSame = (name: string): boolean => JSON.stringify(before.services.get(name)) === JSON.stringify(next.services.get(name));
    const gone = [...before.services.keys()].filter((name) => !isSame(name));
    const wasWanted = new Map(gone.map((name) => [name, !['stopped', 'failed'].includes(supervisor.get(name)?.state ?? 'stopped')]));
    await Promise.all(gone.map((name) => supervisor.remove(name)));
    for (const name of gone) if (!next.services.has(name)) parts.report(`service ${name}`, null, false);
    for (const [name, { definition, orgId }] of next.services) {
      if (before.services.has(name) && isSame(name)) continue;
      const was = before.services.get(name)?.definition;
      // A change restarts what runs; what was stopped by hand stays so, unless this very change enables it.
      const isWanted = was === undefined || was.enabled !== definition.enabled ? definition.enabled : (wasWanted.get(name) ?? false) && definition.enabled;
      add(definition, { orgId, exits: exits.get(name), isWanted });
    }
  }

  const apply = (): Promise<void> => inTurn(applyNow);

  return {
    begin(names) {
      builtIn = names;
      return apply();
    },
    apply,
    async rescan() {
      const files = await readDefinitionFiles(folder, []);
      if (files.stamp !== stamp) await apply();
    },
    settled: async () => void (await turn),
    of: (name) => definitions.services.get(name),
    all: () => definitions.services,
    broken: () => definitions.broken,
    names: () => [...builtIn, ...definitions.services.keys()],
  };
}
