/** `studio version`: what was built, from what, and the programs it runs. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listMigrations } from '../store/migrations.ts';
import { locatePostgres } from '../supervise/postgres-binaries.ts';
import { projectRoot } from '../supervise/project-root.ts';
import { findRedis } from '../supervise/redis.ts';
import { print, printJson, readArguments, type Command } from './command.ts';

/** `studio version --json`. Null: not known, or not there. */
export interface Versions {
  readonly studio: string;
  readonly node: string;
  readonly postgresql: string;
  readonly redis: string | null;
  readonly commit: string | null;
  readonly builtAt: string | null;
  readonly target: string;
  /** The newest migration it brings: a database that is further can't be used by it. */
  readonly schema: number;
}

export const version: Command = async (args) => {
  const { values } = readArguments(args, { json: { type: 'boolean' } });
  const versions = readVersions();
  if (values.json === true) printJson(versions);
  else for (const [name, value] of Object.entries(versions)) print(`${name} ${value ?? 'none'}`);
  return 0;
};

/** Of this program. */
export function readVersions(): Versions {
  const root = projectRoot();
  const built = readJson(join(root, 'dist/build.json'));
  const redis = findRedis(root);
  return {
    studio: built['studio'] ?? readJson(join(root, 'package.json'))['version'] ?? 'unknown',
    node: process.versions.node,
    postgresql: locatePostgres(undefined).version,
    redis: redis === undefined ? null : (/v=(\S+)/.exec(spawnSync(redis, ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? null),
    commit: built['commit'] ?? null,
    builtAt: built['builtAt'] ?? null,
    target: `${process.platform}-${process.arch}`,
    schema: listMigrations().at(-1)?.version ?? 0,
  };
}

function readJson(path: string): Record<string, string | undefined> {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, string | undefined>) : {};
}
