/** The subcommands of `studio`, by name. Each loads only what it needs. */
import { messageOf } from '../kernel/fail.ts';
import type { Command } from './command.ts';

/** In the order in which help lists them. */
const COMMANDS: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> = {
  start: { about: 'run Studio in the foreground (the default)', load: () => Promise.reject(new Error('start is run by cli.ts')) },
  status: { about: 'what runs, on which port [--json] [--ready: fails unless it can work]', load: async () => (await import('./status.ts')).status },
  doctor: {
    about: 'look for what could go wrong, each with its remedy [--url ADDRESS: through a proxy] [--json]',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  claim: { about: 'show the claim link of the first administrator', load: async () => (await import('./claim.ts')).claim },
  'reset-password': {
    about: '[EMAIL]: a temporary password, to be changed at login; without EMAIL for the only user',
    load: async () => (await import('./reset-password.ts')).resetPassword,
  },
  config: { about: 'explain: each key, its value and where it came from [--json]', load: async () => (await import('./config.ts')).config },
  db: { about: 'check | status | migrate | rollback [--to N] [--dry-run]', load: async () => (await import('./db.ts')).db },
  backup: {
    about: 'create | list | verify ID | restore ID | prune | export ID FILE: backups, proved by restores',
    load: async () => (await import('./backup.ts')).backup,
  },
  org: { about: 'list | create | rename | export | import | purge | verify: whole organisations', load: async () => (await import('./org.ts')).org },
  'import-sqlite': {
    about: '--sqlite-path F [--truncate-target] [--dry-run]: take over an earlier studio',
    load: async () => (await import('./import-sqlite.ts')).importSqliteCommand,
  },
  token: { about: 'create [EMAIL] [--name N] [--scopes a,b]: a new API key', load: async () => (await import('./token.ts')).token },
  logs: {
    about: 'what Studio or a service wrote [-f] [-n N] [--since 1h] [--priority warn] [--service NAME] | level [debug] [--for 10m]',
    load: async () => (await import('./logs.ts')).logs,
  },
  models: { about: 'add-cuda | add-vulkan: run models on graphics cards', load: async () => (await import('./models.ts')).models },
  secrets: { about: 'generate: 256 random bits', load: async () => (await import('./secrets.ts')).secrets },
  smoke: { about: 'log in, run a workflow, see a worker do a job [--url URL --token T]', load: async () => (await import('./smoke.ts')).smoke },
  upgrade: { about: 'FILE: backup, switch, restart, smoke test; undone when it fails', load: async () => (await import('./upgrade.ts')).upgrade },
  'install-service': {
    about: 'a hardened systemd unit [--user NAME] [--workspace P] [--port N] [--print]',
    load: async () => (await import('./install-service.ts')).installService,
  },
  uninstall: { about: 'take the service away; asks before data [--keep-data | --purge]', load: async () => (await import('./uninstall.ts')).uninstall },
  version: { about: 'versions of Studio, Node and PostgreSQL', load: async () => (await import('./version.ts')).version },
};

/** @returns the exit status: 0 done, 1 refused or failed, 2 wrong use */
export async function runCommand(name: string, args: readonly string[]): Promise<number> {
  if (['help', '--help', '-h'].includes(name)) {
    process.stdout.write(helpText());
    return 0;
  }
  const command = name === '--version' ? COMMANDS['version'] : COMMANDS[name];
  if (command === undefined) {
    process.stderr.write(`studio: there is no command ${name}.\n\n${helpText()}`);
    return 2;
  }
  try {
    return await (
      await command.load()
    )(args);
  } catch (error) {
    const isWrongUse = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`studio: ${messageOf(error)}\n`);
    return isWrongUse ? 2 : 1;
  }
}

function helpText(): string {
  const lines = Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(16)}${about}`);
  return `studio [command]\n\n${lines.join('\n')}\n\nEvery command takes --config FILE; WORKSPACE_PATH names the workspace.\n`;
}
