/** The packages of the lock file: which of them one needs at run time, and what the lock says of them. Reads package-lock.json and looks what is installed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LockEntry {
  readonly version: string;
  readonly license?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type Lock = ReadonlyMap<string, LockEntry>;

/** By path: `node_modules/zod`. Without the project itself. */
export function readLock(root: string): Lock {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockEntry> };
  return new Map(Object.entries(packages).filter(([path]) => path !== ''));
}

/** Paths of these packages and of all that they need, as far as installed and made for this machine. */
export function closureOf(root: string, lock: Lock, names: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string | undefined): void => {
    const entry = path === undefined ? undefined : lock.get(path);
    if (path === undefined || entry === undefined || found.has(path) || !isFor(entry) || !existsSync(join(root, path))) return;
    found.add(path);
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) visit(findFrom(lock, path, name));
  };
  for (const name of names) visit(`node_modules/${name}`);
  return [...found];
}

/** "@jitl/quickjs-ffi-types" of "node_modules/x/node_modules/@jitl/quickjs-ffi-types". */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** As Node finds a package: beside the one that asks, then further up. */
function findFrom(lock: Lock, from: string, name: string): string | undefined {
  for (let at = from; ;) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
    if (lock.has(path)) return path;
    if (at === '') return undefined;
    at = at.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '');
  }
}

function isFor({ os, cpu }: LockEntry): boolean {
  return (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true);
}
