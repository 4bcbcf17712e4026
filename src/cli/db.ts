/** `studio db check|status|migrate|rollback`: the schema, also while Studio does not run. Rolling back under a running Studio is refused. */
import { migrate, migrationStatus, type MigrationStatus } from '../store/migrate.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';
import { withWorkspace, type WorkspaceDatabase } from './workspace.ts';

const USAGE = 'studio: db check | db status [--json] | db migrate [--to N] | db rollback [--to N]\n';

export const db: Command = async (args) => {
  const { values, positionals } = readArguments(args, { to: { type: 'string' }, json: { type: 'boolean' } });
  const [verb] = positionals;
  const run = verb === undefined ? undefined : VERBS[verb];
  if (run === undefined || (values.to !== undefined && !/^\d+$/.test(values.to))) {
    process.stderr.write(USAGE);
    return 2;
  }
  return withWorkspace(await readConfig(values.config), (workspace) =>
    run(workspace, { to: values.to === undefined ? undefined : Number(values.to), json: values.json === true }),
  );
};

interface Wanted {
  readonly to: number | undefined;
  readonly json: boolean;
}

const VERBS: Readonly<Record<string, (workspace: WorkspaceDatabase, wanted: Wanted) => Promise<number>>> = {
  async check({ connections }) {
    const status = await migrationStatus({ owner: connections.owner });
    print(
      status.pending.length === 0
        ? `The schema is up to date (version ${status.version}).`
        : `The schema lacks ${status.pending.map(label).join(', ')}. Run: studio db migrate`,
    );
    return status.pending.length === 0 ? 0 : 1;
  },
  async status({ connections }, { json }) {
    const status = await migrationStatus({ owner: connections.owner });
    if (json) printJson(status);
    else for (const line of statusLines(status)) print(line);
    return 0;
  },
  async migrate({ connections }, { to }) {
    const { ran, version } = await migrate({ owner: connections.owner, ...(to === undefined ? {} : { target: to }) });
    print(ran.length === 0 ? `Nothing to do: the schema is at version ${version}.` : `${ran.join('\n')}\nThe schema is at version ${version}.`);
    return 0;
  },
  async rollback({ connections, isServing }, { to }) {
    if (isServing) throw new Error('Studio runs: stop it first, a rollback takes tables away from under it.');
    const { version } = await migrationStatus({ owner: connections.owner });
    const result = await migrate({ owner: connections.owner, target: to ?? Math.max(0, version - 1) });
    print(`${result.ran.join('\n')}\nThe schema is at version ${result.version}.`);
    return 0;
  },
};

function statusLines(status: MigrationStatus): readonly string[] {
  return [
    `Version ${status.version} of ${status.newest}`,
    ...status.applied.map((migration) => `  applied  ${label(migration)}  ${migration.appliedAt.toISOString()}`),
    ...status.pending.map((migration) => `  pending  ${label(migration)}`),
  ];
}

function label({ version, name }: { readonly version: number; readonly name: string }): string {
  return `${String(version).padStart(4, '0')}_${name}`;
}
