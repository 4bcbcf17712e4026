/** What the commands say of themselves: `studio help`, `studio COMMAND --help`. Texts only: what a command takes is read in its own file, and a test holds
 *  that both name the same options. */

export interface Manual {
  /** One line of `studio help`. */
  readonly about: string;
  /** After `studio NAME`, one line a form. */
  readonly usage: readonly string[];
  /** `--option` and what it does. */
  readonly options?: readonly (readonly [option: string, about: string])[];
  /** Words that stand where a verb is expected. */
  readonly verbs?: readonly string[];
}

const JSON_OPTION = ['--json', 'facts for programs'] as const;

/** In the order in which help lists them. */
export const manual = {
  start: {
    about: 'run Studio (the default)',
    usage: ['[--background]'],
    options: [
      ['--background', 'let it run on, and come back once it can work'],
      ['--pretty', 'log lines for people, where LOG_FORMAT is not set'],
    ],
  },
  stop: {
    about: 'stop the Studio of this workspace; running jobs go on',
    usage: [''],
    options: [['--service', 'its unit, where systemd keeps it: studio.service']],
  },
  restart: {
    about: 'stop it and start it again as it was; running jobs go on',
    usage: [''],
    options: [['--service', 'its unit, where systemd keeps it: studio.service']],
  },
  reload: { about: 'read the configuration again; tells what needs a restart', usage: ['[--json]'], options: [JSON_OPTION] },
  status: {
    about: 'what runs, on which port',
    usage: ['[--ready] [--json]'],
    options: [['--ready', 'status 1 unless it can work'], JSON_OPTION],
  },
  health: {
    about: 'every part that was looked at, with its reason',
    usage: ['[redis|workers|storage|database] [--json]'],
    options: [JSON_OPTION],
    verbs: ['redis', 'workers', 'storage', 'database'],
  },
  doctor: {
    about: 'look for what could go wrong, each with its remedy',
    usage: ['[--json]', '--url ADDRESS', '--checklist [--json]'],
    options: [
      ['--url', 'a Studio elsewhere: what a proxy in front of it breaks'],
      ['--checklist', 'what to go through before, while and after bringing it into service'],
      JSON_OPTION,
    ],
  },
  workers: { about: 'the processes that run jobs, their queues, and queues without one', usage: ['[--json]'], options: [JSON_OPTION] },
  services: {
    about: 'what runs beside Studio, and how it ended before',
    usage: ['[--json]', 'show NAME [--json]', 'start|stop|restart NAME'],
    options: [JSON_OPTION],
    verbs: ['list', 'show', 'start', 'stop', 'restart'],
  },
  maintenance: {
    about: 'keep people out while something is mended: a warning, then 503 for all but super administrators',
    usage: ['[--json]', 'warn [TEXT]', 'enable [TEXT]', 'disable'],
    options: [JSON_OPTION],
    verbs: ['show', 'warn', 'enable', 'disable'],
  },
  links: { about: 'the addresses of this Studio', usage: ['[--json]'], options: [JSON_OPTION] },
  claim: { about: 'the claim link of the first administrator', usage: [''] },
  'reset-password': { about: 'a temporary password, to be changed at login; without EMAIL for the only user', usage: ['[EMAIL]'] },
  config: {
    about: 'each setting: its value, where it came from, what would change it',
    usage: ['explain [--json]', 'get NAME', 'set NAME VALUE', 'unset NAME', 'table'],
    options: [JSON_OPTION],
    verbs: ['explain', 'get', 'set', 'unset', 'table'],
  },
  wizard: { about: 'asks what a new workspace needs, and writes its .env', usage: [''] },
  db: {
    about: 'the schema, and the version of PostgreSQL',
    usage: [
      'check [--json]: status 0 well, 1 can not be reached, 2 not the schema of this Studio',
      'status [--json]',
      'migrate [--to N] [--dry-run]',
      'rollback [--to N] [--dry-run] [--force]',
      'upgrade-postgres [--old-binaries DIR]',
    ],
    options: [
      ['--to', 'a version of the schema'],
      ['--dry-run', 'tell what would be done'],
      ['--force', 'go back although data goes'],
      ['--old-binaries', 'programs of the older PostgreSQL'],
      JSON_OPTION,
    ],
    verbs: ['check', 'status', 'migrate', 'rollback', 'upgrade-postgres'],
  },
  backup: {
    about: 'backups, proved by restores',
    usage: ['create', 'list', 'verify ID', 'restore ID', 'prune', 'export ID FILE'],
  },
  org: {
    about: 'whole organisations',
    usage: ['list', 'create NAME', 'rename NAME', 'export NAME FILE', 'import FILE', 'purge NAME', 'verify FILE'],
  },
  'import-sqlite': { about: 'take over an earlier studio', usage: ['--sqlite-path F [--truncate-target] [--dry-run]'] },
  token: { about: 'a new API key', usage: ['create [EMAIL] [--name N] [--scopes a,b] [--expires TIME] [--json]'], verbs: ['create'] },
  logs: {
    about: 'what Studio or a service wrote',
    usage: ['[SERVICE] [-f] [-n N] [--since 1h] [--priority warn]', 'level [debug] [--for 10m]'],
    options: [
      ['-f, --follow', 'goes on until Ctrl-C'],
      ['-n, --lines', 'so many, instead of 100'],
      ['--since', '90s, 1h, 2d ago, or a time: 2026-01-31T12:00:00Z'],
      ['--until', 'likewise'],
      ['-p, --priority', 'this level and worse: debug, info, warn, error, or 0 to 7'],
      ['--service', 'postgres, redis, or one of your own'],
      ['--request', 'lines of one request, by its id'],
      ['--text', 'lines that hold it'],
      ['--for', 'how long a level is kept'],
      JSON_OPTION,
    ],
  },
  models: {
    about: 'run models on graphics cards',
    usage: ['add-cuda: for NVIDIA cards, 540 MB', 'add-vulkan: for others, 70 MB'],
    verbs: ['add-cuda', 'add-vulkan'],
  },
  secrets: { about: '256 random bits', usage: ['generate'], verbs: ['generate'] },
  smoke: {
    about: 'log in, run a workflow, see a worker do a job',
    usage: ['[--url URL --token T]', '--url URL --email E'],
    options: [
      ['--url', 'a Studio elsewhere'],
      ['--token', 'an API key; or STUDIO_TOKEN'],
      ['--email', 'a real login, with STUDIO_SMOKE_PASSWORD'],
      ['--unclaimed-ok', 'status 0 also where nobody has claimed it yet'],
    ],
  },
  upgrade: {
    about: 'backup, switch, restart, smoke test; undone when it fails',
    usage: ['FILE'],
    options: [
      ['--sha256', 'its checksum, where none stands beside it'],
      ['--allow-downgrade', 'to an older version'],
      ['--no-backup', 'without one'],
      ['--target', 'the executable that is replaced'],
      ['--service', 'its unit, where systemd keeps it: studio.service'],
    ],
  },
  'install-service': {
    about: 'a hardened systemd unit',
    usage: ['[--user NAME] [--workspace PATH] [--port N]'],
    options: [
      ['--user', 'whom it runs as, made where it is not there: studio'],
      ['--workspace', '/var/lib/studio'],
      ['--port', '8000'],
      ['--memory-max', 'as systemd writes it: 16G'],
      ['--cpu-quota', '400%'],
      ['--root', 'write below this folder: for images'],
      ['--print', 'the unit, and change nothing'],
      ['--no-start', 'write the files only'],
    ],
  },
  uninstall: {
    about: 'take the service away; asks before data',
    usage: ['[--keep-data | --purge]'],
    options: [
      ['--keep-data', 'the workspace stays'],
      ['--purge', 'and so does nothing'],
    ],
  },
  version: { about: 'versions of Studio, Node and PostgreSQL', usage: ['[--json]'], options: [JSON_OPTION] },
} as const satisfies Readonly<Record<string, Manual>>;

export type CommandName = keyof typeof manual;

/** Of one command. */
export function manualText(name: CommandName): string {
  const { about, usage, options = [] }: Manual = manual[name];
  const width = Math.max(0, ...options.map(([option]) => option.length));
  return [
    `studio ${name}: ${about}`,
    '',
    ...usage.map((form) => `  studio ${name}${form === '' ? '' : ` ${form}`}`),
    ...(options.length === 0 ? [] : ['', ...options.map(([option, what]) => `  ${option.padEnd(width)}  ${what}`)]),
    '',
  ].join('\n');
}

/** Of all of them. */
export function helpText(): string {
  const lines = Object.entries(manual).map(([name, { about }]) => `  ${name.padEnd(16)}${about}`);
  return `studio [command]\n\n${lines.join('\n')}\n\nstudio COMMAND --help tells more. Every command takes --config FILE; WORKSPACE_PATH names the workspace.\n`;
}
