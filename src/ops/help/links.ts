/** Where help stands for what can go wrong: each alert, health reason, refusal of a start and finding of the doctor names a page. Pure; a test holds that no link is dead. */
import type { AlertRule } from '../../contract/values.ts';
import type { RefusalKind } from '../../supervise/refusal.ts';

export const HELP_BASE = '/docs/troubleshooting';

/** The address of a page. */
export function helpPath(slug: string): string {
  return `${HELP_BASE}/${slug}`;
}

/** The page of a public error code: each has one of its own. */
export function errorHelp(code: string): string {
  return helpPath(code.replaceAll('_', '-'));
}

export const alertHelp: Readonly<Record<AlertRule, string>> = {
  api: 'slow',
  database: 'database',
  redis: 'redis',
  workers: 'stuck-pending',
  jobs: 'stuck-pending',
  disk: 'disk',
  backup: 'backup',
  backup_proof: 'backup',
  gpu: 'gpu',
  gpu_hot: 'gpu',
  errors: 'failing-work',
};

export const refusalHelp: Readonly<Record<RefusalKind, string>> = {
  data_directory: 'data-directory',
  database_version: 'data-directory',
  foreign_server: 'database',
  workspace_locked: 'workspace',
  workspace_unusable: 'workspace',
  port_taken: 'api-does-not-start',
  config: 'configuration',
  missing_program: 'api-does-not-start',
  gate: 'api-does-not-start',
};

/** Parts that health names; others (a service, by its name) lead to `services`. */
const PARTS: Readonly<Record<string, string>> = {
  database: 'database',
  redis: 'redis',
  workers: 'stuck-pending',
  storage: 'disk',
  disk: 'disk',
  'run data': 'disk',
  secrets: 'secrets',
  shadow: 'database',
  backups: 'backup',
};

/** @param part as health names it: `database`, `service postgres`, … */
export function partHelp(part: string): string {
  return helpPath(PARTS[part] ?? 'services');
}

/** What the doctor looks at; others lead to `health`. */
const FINDINGS: Readonly<Record<string, string>> = {
  hardware: 'machine',
  pools: 'machine',
  storage: 'disk',
  'database directory': 'data-directory',
  port: 'api-does-not-start',
  postgresql: 'database',
  redis: 'redis',
  'open files': 'machine',
  gpu: 'gpu',
  clock: 'machine',
  'clock of the volume': 'machine',
  keys: 'secrets',
  'drop folder': 'configuration',
  traces: 'traces',
};

/** @param name of a finding of the doctor */
export function findingHelp(name: string): string {
  return helpPath(FINDINGS[name] ?? 'health');
}
