/** Builds the UI into dist/web: hashed, split, precompressed files and the page that starts them.
 *  Runs alone (`node scripts/build-web.ts`) and from build.ts. Never writes a half-made folder: it builds beside and swaps.
 *
 *  The page holds two placeholders that the server fills per response: `{{base}}`, the relative way from the requested path up to
 *  the UI's root (`./`, `../`, `../../` …, so that the UI works under any path prefix), and `{{nonce}}`, the style nonce of the
 *  response's CSP. A comment `preloads` says what each page's own scripts import, so that the server can name them all at once. Everything under `assets/` is named by its content and may be cached for ever. */
import { build } from 'esbuild';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { BuildOptions, Metafile } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
// The whole first load, signed in: what one waits for on a slow line. UI design, "Budget".
const FIRST_LOAD_LIMIT_BYTES = 80 * 1024;
// What is loaded when it is first needed: everything that holds the library of that name, together.
const LAZY_LIMITS = [
  { name: 'the drawing of graphs', holds: 'node_modules/@xyflow/', limitBytes: 90 * 1024 },
  { name: 'the code editor', holds: 'node_modules/@codemirror/', limitBytes: 140 * 1024 },
] as const;
const COMPRESSIBLE = new Set(['.js', '.css', '.svg', '.json', '.txt']);

/** What was built. Sizes in bytes; the first load is the page's scripts with everything they import at once. */
export interface WebBuild {
  readonly outDir: string;
  /** The sources that were bundled, relative to the project. */
  readonly inputs: readonly string[];
  readonly firstLoadJsGzip: number;
  readonly firstLoadCssGzip: number;
  readonly chunks: readonly { readonly name: string; readonly gzip: number; readonly first: boolean }[];
}

const react = {
  react: 'preact/compat',
  'react-dom': 'preact/compat',
  'react-dom/client': 'preact/compat/client',
  'react/jsx-runtime': 'preact/jsx-runtime',
};

function options(outDir: string): BuildOptions {
  return {
    absWorkingDir: root,
    outdir: join(outDir, 'assets'),
    bundle: true,
    minify: true,
    sourcemap: false,
    metafile: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    alias: react,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.woff2': 'file', '.svg': 'file' },
    legalComments: 'linked',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
    tsconfig: join(root, 'web/tsconfig.json'),
  };
}

/** Builds the UI. @throws when esbuild refuses the sources, or the first load is over its limit. */
export async function buildWeb(outDir: string = join(root, 'dist/web')): Promise<WebBuild> {
  const next = `${outDir}.next-${process.pid}`;
  await rm(next, { recursive: true, force: true });
  const app = await build({ ...options(next), entryPoints: { main: join(root, 'web/main.tsx') }, format: 'esm', splitting: true });
  // A blocking script of its own: the theme must stand before the first paint, and the CSP allows no inline script.
  const theme = await build({ ...options(next), entryPoints: { theme: join(root, 'web/theme-boot.ts') }, format: 'iife' });
  const outputs = { ...app.metafile?.outputs, ...theme.metafile?.outputs };
  const first = firstLoad(outputs);
  await writePage(next, first, await preloadsOf(outputs, first));
  const sizes = await compress(join(next, 'assets'));
  checkLazy(outputs, sizes);
  await swap(next, outDir);
  return { ...report(outDir, first, sizes), inputs: Object.keys({ ...app.metafile?.inputs, ...theme.metafile?.inputs }) };
}

/** @throws when what is loaded lazily has grown over its limit */
function checkLazy(outputs: Metafile['outputs'], sizes: ReadonlyMap<string, number>): void {
  for (const { name, holds, limitBytes } of LAZY_LIMITS) {
    const files = Object.entries(outputs).filter(([file, output]) => file.endsWith('.js') && Object.keys(output.inputs).some((input) => input.includes(holds)));
    const bytes = files.reduce((total, [file]) => total + (sizes.get(file.slice(file.lastIndexOf('/') + 1)) ?? 0), 0);
    if (bytes > limitBytes) throw new Error(`${name} takes ${bytes} bytes of gzipped JS; the limit is ${limitBytes}. Keep code of pages out of its chunk.`);
  }
}

interface FirstLoad {
  readonly entry: string;
  readonly theme: string;
  readonly scripts: readonly string[];
  readonly styles: readonly string[];
  readonly fonts: readonly string[];
}

function firstLoad(outputs: Metafile['outputs']): FirstLoad {
  const names = Object.keys(outputs);
  const entryOf = (source: string): string => {
    const found = names.find((name) => outputs[name]?.entryPoint === source && name.endsWith('.js'));
    if (found === undefined) throw new Error(`the build made no output for ${source}`);
    return found;
  };
  const entry = entryOf('web/main.tsx');
  const css = outputs[entry]?.cssBundle;
  const fonts = names.filter((name) => /(?:inter|jetbrains-mono)-latin-wght-normal-[^/]*\.woff2$/.test(name));
  return {
    entry: fileName(entry),
    theme: fileName(entryOf('web/theme-boot.ts')),
    scripts: [...staticImports(outputs, entry)].map(fileName),
    styles: css === undefined ? [] : [fileName(css)],
    fonts: fonts.map(fileName),
  };
}

/** Of a page's path: the scripts it imports beyond those of the first load; `wide` ones are for wide screens only. */
interface Preloads {
  readonly path: string;
  readonly scripts: readonly string[];
  readonly wide: readonly string[];
}

/** Read from the map of pages: a browser would find what a script imports only when it has the script, one after the other. */
async function preloadsOf(outputs: Metafile['outputs'], first: FirstLoad): Promise<readonly Preloads[]> {
  const source = await readFile(join(root, 'web/shell/pages.ts'), 'utf8');
  const chunks = new Map(Object.entries(outputs).flatMap(([name, { entryPoint }]) => (entryPoint === undefined ? [] : [[entryPoint, name]])));
  const reached = (module: string): readonly string[] => {
    const entry = chunks.get(`web/${module}`);
    return entry === undefined ? [] : [...staticImports(outputs, entry)].map(fileName).filter((name) => !first.scripts.includes(name));
  };
  return [...source.matchAll(/path: '([^']+)',\s+load:.*?(?=path: '|\n\];)/gs)].map(([text, path = '']) => {
    const [page = [], ...others] = [...text.matchAll(/import\('\.\.\/([^']+)'\)/g)].map(([, module = '']) => reached(module));
    return { path, scripts: page, wide: [...new Set(others.flat())].filter((name) => !page.includes(name)) };
  });
}

/** What a script imports at once, itself first. */
function staticImports(outputs: Metafile['outputs'], entry: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const item of outputs[name]?.imports ?? []) if (item.kind === 'import-statement' && !item.external) visit(item.path);
  };
  visit(entry);
  return reached;
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function writePage(outDir: string, first: FirstLoad, preloads: readonly Preloads[]): Promise<void> {
  const page = await readFile(join(root, 'web/index.html'), 'utf8');
  const tags = [
    `<script src="assets/${first.theme}"></script>`,
    ...first.fonts.map((name) => `<link rel="preload" href="assets/${name}" as="font" type="font/woff2" crossorigin>`),
    ...first.styles.map((name) => `<link rel="stylesheet" href="assets/${name}">`),
    ...first.scripts.filter((name) => name !== first.entry).map((name) => `<link rel="modulepreload" href="assets/${name}">`),
    `<!-- preloads ${JSON.stringify(preloads)} -->`,
    `<script type="module" src="assets/${first.entry}"></script>`,
  ];
  const filled = page.replace('<!-- assets -->', tags.join('\n    '));
  if (filled === page) throw new Error('web/index.html has no <!-- assets --> mark');
  await mkdir(outDir, { recursive: true });
  await writeFile(join(outDir, 'index.html'), filled);
}

/** Writes `.br` and `.gz` beside each file that shrinks by it. @returns name → gzipped bytes */
async function compress(folder: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const names = (await readdir(folder)).filter((name) => COMPRESSIBLE.has(extname(name)));
  await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(folder, name));
      const [br, gz] = await Promise.all([
        promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
        promisify(gzip)(bytes, { level: 9 }),
      ]);
      await Promise.all([writeFile(join(folder, `${name}.br`), br), writeFile(join(folder, `${name}.gz`), gz)]);
      sizes.set(name, gz.length);
    }),
  );
  return sizes;
}

async function swap(next: string, outDir: string): Promise<void> {
  const old = `${outDir}.old-${process.pid}`;
  await mkdir(dirname(outDir), { recursive: true });
  if (existsSync(outDir)) await rename(outDir, old);
  await rename(next, outDir);
  await rm(old, { recursive: true, force: true });
}

function report(outDir: string, first: FirstLoad, sizes: ReadonlyMap<string, number>): Omit<WebBuild, 'inputs'> {
  const initial = new Set([...first.scripts, first.theme]);
  const chunks = [...sizes].filter(([name]) => name.endsWith('.js')).map(([name, size]) => ({ name, gzip: size, first: initial.has(name) }));
  const sum = (names: Iterable<string>): number => [...names].reduce((total, name) => total + (sizes.get(name) ?? 0), 0);
  const result = { outDir, firstLoadJsGzip: sum(initial), firstLoadCssGzip: sum(first.styles), chunks: chunks.toSorted((a, b) => b.gzip - a.gzip) };
  if (result.firstLoadJsGzip > FIRST_LOAD_LIMIT_BYTES) {
    throw new Error(`the first load is ${result.firstLoadJsGzip} bytes of gzipped JS; the limit is ${FIRST_LOAD_LIMIT_BYTES}. Load a page or library lazily.`);
  }
  return result;
}

if (import.meta.main) {
  const built = await buildWeb();
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;
  const lines = [
    `web: ${relative(root, built.outDir)}, first load ${kib(built.firstLoadJsGzip)} JS + ${kib(built.firstLoadCssGzip)} CSS gzipped`,
    ...built.chunks.map((chunk) => `  ${chunk.first ? '*' : ' '} ${chunk.name} ${kib(chunk.gzip)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
