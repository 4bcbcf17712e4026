/** The subcommands of `studio`, by name. Each loads only what it needs; what each says of itself stands in manual.ts. */
import { messageOf } from '../kernel/fail.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { WrongUse, type Command } from './command.ts';
import { helpText, manualText, type CommandName } from './manual.ts';

const COMMANDS: Readonly<Record<CommandName, () => Promise<Command>>> = {
  start: async () => (await import('./start-background.ts')).startBackground,
  stop: async () => (await import('./stop.ts')).stop,
  restart: async () => (await import('./stop.ts')).restart,
  reload: async () => (await import('./reload.ts')).reload,
  status: async () => (await import('./status.ts')).status,
  health: async () => (await import('./health.ts')).health,
  doctor: async () => (await import('./doctor.ts')).doctor,
  workers: async () => (await import('./workers.ts')).workers,
  services: async () => (await import('./services.ts')).services,
  maintenance: async () => (await import('./maintenance.ts')).maintenance,
  links: async () => (await import('./links.ts')).links,
  claim: async () => (await import('./claim.ts')).claim,
  'reset-password': async () => (await import('./reset-password.ts')).resetPassword,
  config: async () => (await import('./config.ts')).config,
  wizard: async () => (await import('./wizard.ts')).wizard,
  db: async () => (await import('./db.ts')).db,
  backup: async () => (await import('./backup.ts')).backup,
  org: async () => (await import('./org.ts')).org,
  'import-sqlite': async () => (await import('./import-sqlite.ts')).importSqliteCommand,
  token: async () => (await import('./token.ts')).token,
  logs: async () => (await import('./logs.ts')).logs,
  models: async () => (await import('./models.ts')).models,
  secrets: async () => (await import('./secrets.ts')).secrets,
  smoke: async () => (await import('./smoke.ts')).smoke,
  upgrade: async () => (await import('./upgrade.ts')).upgrade,
  'install-service': async () => (await import('./install-service.ts')).installService,
  uninstall: async () => (await import('./uninstall.ts')).uninstall,
  version: async () => (await import('./version.ts')).version,
};

const HELP = ['--help', '-h'];

/** @returns the exit status: 0 done, 1 refused or failed, 2 wrong use */
export async function runCommand(given: string, args: readonly string[]): Promise<number> {
  const isHelp = ['help', ...HELP].includes(given);
  const name = given === '--version' ? 'version' : isHelp ? args[0] : given;
  if (isHelp && name === undefined) return show(helpText());
  if (!isCommand(name)) {
    process.stderr.write(`studio: there is no command ${name}${didYouMean(name ?? '', Object.keys(COMMANDS)) || '.'} studio help lists them.\n`);
    return 2;
  }
  const words = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  if (isHelp || words.some((word) => HELP.includes(word))) return show(manualText(name));
  try {
    return await (
      await COMMANDS[name]()
    )(args);
  } catch (error) {
    process.stderr.write(`studio: ${messageOf(error)}\n`);
    return error instanceof WrongUse ? 2 : 1;
  }
}

function isCommand(name: string | undefined): name is CommandName {
  return name !== undefined && Object.hasOwn(COMMANDS, name);
}

function show(text: string): number {
  process.stdout.write(text);
  return 0;
}
