/** Where each class of data lies, for the report on it: folders by the configuration, servers by their addresses, and whatever else stands in the workspace.
 *  Looks at disks; changes nothing. One thing to know: a folder that no class claims is shown as `other`, so that the report can't leave one out. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Compliance } from '../contract/compliance.ts';
import type { CompleteConfig } from '../config/schema.ts';
import { shadowFolder } from '../shadow/layout.ts';
import { dropPathOf, readDisk, type StorageVerdict } from '../supervise/storage.ts';

type Place = Compliance['places'][number];

export interface PlaceParts {
  readonly config: CompleteConfig;
  readonly storage: StorageVerdict;
  readonly backups: { readonly label: string; readonly isLocal: boolean };
  /** Where environments of Python jobs are. */
  readonly environmentsPath: string;
}

interface Wanted {
  readonly class: Place['class'];
  readonly path: string;
  readonly plan?: Place['plan'];
  readonly note?: string | undefined;
}

/** Small files that Studio writes and takes away again. */
const NOT_SHOWN = /^(claim-url$|\.(env|probe-|pg-initdb-|restore-probe-|doctor-))/;

export async function listPlaces(parts: PlaceParts): Promise<Place[]> {
  const { config, storage } = parts;
  const inWorkspace = (name: string): string => join(config.workspacePath, name);
  const logNote = config.logSink === 'syslog' ? `also sent to ${config.logSyslog}` : config.logSink === 'stdout' ? 'also written to stdout' : undefined;
  const drop = config.dropFolder ? dropPathOf(config, storage) : undefined;
  const folders: Wanted[] = [
    { class: 'files', path: inWorkspace('files'), note: 'files, artifacts and large outputs, by content' },
    { class: 'files', path: inWorkspace('inbox'), note: 'files dropped for triggers' },
    { class: 'jobs', path: join(config.sharedPath, 'jobs'), note: 'working folders and logs of jobs' },
    ...(drop === undefined ? [] : [{ class: 'jobs' as const, path: drop, note: 'jobs dropped as files' }]),
    { class: 'logs', path: inWorkspace('logs'), note: logNote },
    { class: 'models', path: inWorkspace('models') },
    { class: 'environments', path: parts.environmentsPath, note: 'Python environments of jobs, made again when they are missing' },
    { class: 'keys', path: inWorkspace('.env'), note: 'what is not given by the environment; readable by its owner alone where the volume keeps modes' },
    { class: 'state', path: inWorkspace('run'), note: 'locks and records of this run' },
  ];
  const local = await Promise.all([...databasePlaces(parts), ...folders, ...backupFolder(parts)].map((one) => placeOf(one, parts)));
  const claimed = new Set(local.map(({ where }) => basename(where)));
  const rest = readdirSync(config.workspacePath, { withFileTypes: true }).filter((entry) => !claimed.has(entry.name) && !NOT_SHOWN.test(entry.name));
  const others = await Promise.all(rest.map((entry) => placeOf({ class: 'other', path: inWorkspace(entry.name) }, parts)));
  return [...elsewhere(parts), ...local, ...others];
}

function databasePlaces({ config, storage }: PlaceParts): Wanted[] {
  if (config.database.kind === 'managed') return [];
  const note = storage.banner ?? storage.reasons[0];
  const main: Wanted = { class: 'database', path: storage.dataDir, plan: storage.plan, note };
  return storage.plan === 'shadow'
    ? [main, { class: 'database_copy', path: shadowFolder(config.workspacePath), note: 'base backups and the log since' }]
    : [main];
}

function backupFolder({ backups }: PlaceParts): Wanted[] {
  return backups.isLocal ? [{ class: 'backups', path: backups.label }] : [];
}

function elsewhere({ config, backups }: PlaceParts): Place[] {
  const away = { kept: 'elsewhere', disk: null } as const;
  return [
    ...(config.database.kind === 'managed'
      ? [{ ...away, class: 'database' as const, where: new URL(config.database.url).host, plan: 'managed' as const, note: null }]
      : []),
    config.redis.kind === 'managed'
      ? { ...away, class: 'queue', where: new URL(config.redis.url).host, plan: null, note: null }
      : {
          class: 'queue',
          where: 'Redis of this machine',
          kept: 'memory',
          plan: null,
          disk: null,
          note: 'wake-ups and counters; nothing in it is written down',
        },
    ...(backups.isLocal ? [] : [{ ...away, class: 'backups' as const, where: backups.label, plan: null, note: null }]),
  ];
}

async function placeOf({ class: name, path, plan, note }: Wanted, { config, storage }: PlaceParts): Promise<Place> {
  const isOnVolume = [config.workspacePath, config.sharedPath].some((root) => path.startsWith(`${root}/`)) && storage.wanted !== 'ephemeral';
  const disk = await readDisk(path).catch(() => null);
  return { class: name, where: path, kept: isOnVolume ? 'volume' : 'machine', plan: plan ?? null, disk, note: note ?? null };
}
