/** `studio db status|migrate|rollback` (check: db-check.ts): the schema, also while Studio does not run. Rolling back under a running Studio is refused, and so is
 *  one that would lose data, unless `--force` says that this is meant. */
import { label, migrate, migrationStatus, type MigrationStatus } from '../store/migrate.ts';
import { lossLine, planMigration, type MigrationPlan } from '../store/migrate-plan.ts';
import { print, printJson, readArguments, readConfig, WrongUse, wrongVerb, type Command } from './command.ts';
import { check } from './db-check.ts';
import { withWorkspace, type WorkspaceDatabase } from './workspace.ts';

export const db: Command = async (args) => {
  const { values, positionals } = readArguments(args, {
    to: { type: 'string' },
    json: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    force: { type: 'boolean' },
    'old-binaries': { type: 'string' },
  });
  const [verb] = positionals;
  if (verb === 'upgrade-postgres') return (await import('./db-upgrade.ts')).upgradePostgres(await readConfig(values.config), values['old-binaries']);
  if (values.to !== undefined && !/^\d+$/.test(values.to)) throw new WrongUse(`--to takes the number of a version, not "${values.to}".`);
  if (verb === 'check') return check(await readConfig(values.config), values.json === true);
  const run = verb === undefined ? undefined : VERBS[verb];
  if (run === undefined) throw wrongVerb('db', verb);
  return withWorkspace(await readConfig(values.config), (workspace) =>
    run(workspace, {
      to: values.to === undefined ? undefined : Number(values.to),
      json: values.json === true,
      isDryRun: values['dry-run'] === true,
      isForced: values.force === true,
    }),
  );
};

interface Wanted {
  readonly to: number | undefined;
  readonly json: boolean;
  readonly isDryRun: boolean;
  readonly isForced: boolean;
}

const VERBS: Readonly<Record<string, (workspace: WorkspaceDatabase, wanted: Wanted) => Promise<number>>> = {
  async status({ connections }, { json }) {
    const status = await migrationStatus({ owner: connections.owner });
    if (json) printJson(status);
    else for (const line of statusLines(status)) print(line);
    return 0;
  },
  async migrate({ connections: { owner } }, { to, isDryRun }) {
    const { version, newest } = await migrationStatus({ owner });
    const target = to ?? newest;
    if (target < version)
      throw new Error(`The schema is at version ${version}, above ${target}. To go back: studio db rollback --to ${target} (try --dry-run first).`);
    if (isDryRun) return tellPlan(await planMigration({ owner, target }));
    return tellRan(await migrate({ owner, target }));
  },
  async rollback({ connections: { owner }, isServing }, { to, isDryRun, isForced }) {
    if (isServing) throw new Error('Studio runs: stop it first, a rollback takes tables away from under it.');
    const { version } = await migrationStatus({ owner });
    const target = to ?? Math.max(0, version - 1);
    if (target > version) throw new Error(`The schema is at version ${version}, below ${target}. To go up: studio db migrate --to ${target}.`);
    const plan = await planMigration({ owner, target });
    if (isDryRun) return tellPlan(plan);
    if (plan.losses.length > 0 && !isForced) {
      throw new Error(
        `Nothing was changed: going back to version ${target} would lose data.\n${lossLines(plan).join('\n')}\nMake a backup (studio backup create), then run it again with --force.`,
      );
    }
    return tellRan(await migrate({ owner, target }));
  },
};

function tellPlan(plan: MigrationPlan): number {
  print(plan.steps.length === 0 ? `Nothing to do: the schema is at version ${plan.from}.` : `Would go from version ${plan.from} to ${plan.to}:`);
  for (const step of plan.steps) print(`  ${step}`);
  if (plan.losses.length > 0) print(`Would lose, and needs --force:\n${lossLines(plan).join('\n')}`);
  else if (plan.to < plan.from) print('Would lose no data.');
  return 0;
}

function tellRan({ ran, version }: { readonly ran: readonly string[]; readonly version: number }): number {
  print(ran.length === 0 ? `Nothing to do: the schema is at version ${version}.` : `${ran.join('\n')}\nThe schema is at version ${version}.`);
  return 0;
}

function lossLines({ losses }: MigrationPlan): readonly string[] {
  return losses.map((loss) => `  ${lossLine(loss)}`);
}

function statusLines(status: MigrationStatus): readonly string[] {
  return [
    `Version ${status.version} of ${status.newest}`,
    ...status.applied.map((migration) => `  applied  ${label(migration)}  ${migration.appliedAt.toISOString()}`),
    ...status.pending.map((migration) => `  pending  ${label(migration)}`),
  ];
}
