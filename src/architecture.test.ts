/** Holds the house to src/ARCHITECTURE.md: who imports whom, where SQL stands, what a file looks like, what lies at the top. */
import { deepEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listFiles, readSource, root, type Import, type Source } from './test/source-files.ts';

const files = listFiles();
const code = files.filter((path) => /^(src|web|scripts)\/.*\.tsx?$|^[^/]+\.ts$/.test(path)).map(readSource);
const product = code.filter((source) => source.path.startsWith('src/') && !isTest(source.path));

test('rooms import only what the table of ARCHITECTURE.md allows', () => {
  const table = readTable();
  const faults = product.flatMap((source) => source.imports.flatMap((entry) => faultOf(source, entry, table)));
  deepEqual(faults, []);
});

test('the table of ARCHITECTURE.md names every room, and no room that is not there', () => {
  const rooms = new Set(product.map((source) => roomOf(source.path)));
  const named = new Set(readTable().keys());
  deepEqual(
    [...rooms].filter((room) => !named.has(room)),
    [],
  );
  deepEqual(
    [...named].filter((room) => !['web', 'test'].includes(room) && !rooms.has(room)),
    [],
  );
});

test('packages are imported whole: the build keeps no names of one that is loaded later and is no ES module', () => {
  const later = product.flatMap((source) =>
    source.code.split('\n').flatMap((line, index) => (/\bimport\('[^.]/.test(line) ? [`${source.path}:${index + 1}`] : [])),
  );
  deepEqual(later, []);
});

test('contract imports zod alone, and its values nothing', () => {
  const contract = product.filter((source) => roomOf(source.path) === 'contract');
  deepEqual(
    contract.flatMap((source) =>
      source.imports
        .filter((entry) => entry.file === undefined && entry.specifier !== 'zod')
        .map((entry) => `${source.path}:${entry.line} imports ${entry.specifier}`),
    ),
    [],
  );
  deepEqual(contract.find((source) => source.path === 'src/contract/values.ts')?.imports, []);
});

test('the web takes types from contract, values from contract/values.ts, and nothing else of the server', () => {
  const faults = code
    .filter((source) => source.path.startsWith('web/') && !isTest(source.path))
    .flatMap((source) =>
      source.imports
        .filter(
          (entry) => entry.file?.startsWith('src/') === true && entry.file !== 'src/contract/values.ts' && !(entry.isType && roomOf(entry.file) === 'contract'),
        )
        .map((entry) => `${source.path}:${entry.line} imports ${entry.specifier}`),
    );
  deepEqual(faults, []);
});

/** Reads a stranger's SQLite file, whose tables nobody knows before. */
const FOREIGN_DATABASE = 'src/orgs/sqlite-source.ts';

test('SQL stands in store only, with values as parameters and columns named', () => {
  const own = product.filter(({ path }) => path !== FOREIGN_DATABASE);
  const statements = own.flatMap((source) => source.strings.filter((text) => isSql(text.value)).map((text) => ({ source, text })));
  const outside = statements.filter(({ source }) => roomOf(source.path) !== 'store').map(at);
  deepEqual(outside, []);
  // A hole in a statement holds a constant's name (a list of columns) or one of two literals, never a value.
  const isFixed = (hole: string): boolean => /^[A-Z][A-Z_]*$|^[\w.! ]+\? '[^']*' : '[^']*'$/.test(hole);
  const built = statements.filter(({ source, text }) => !text.holes.every(isFixed) && !isRoleStatement(text.value) && !BUILDERS.includes(source.path)).map(at);
  deepEqual(built, []);
  deepEqual(statements.filter(({ text }) => /\bselect\s+\*/i.test(text.value)).map(at), []);
});

test('time comes from kernel/clock', () => {
  const reads = product
    .filter((source) => source.path !== 'src/kernel/clock.ts' && !isChild(source.path))
    .flatMap((source) => source.code.split('\n').flatMap((line, index) => (/\bDate\.now\(|\bnew Date\(\)/.test(line) ? [`${source.path}:${index + 1}`] : [])));
  deepEqual(reads, []);
});

test('nothing evaluates text as code, and nothing goes to the console', () => {
  const faults = product.flatMap((source) =>
    source.code
      .split('\n')
      .flatMap((line, index) => (/\beval\(|\bnew Function\(|\bconsole\.(log|error|warn|info|debug)\(/.test(line) ? [`${source.path}:${index + 1}`] : [])),
  );
  deepEqual(faults, []);
});

// A test's names say what it holds.
test('every file opens with what it owns', () => {
  const opening: readonly [RegExp, RegExp][] = [
    [/\.(ts|tsx|mjs|js)$/, /^(#!.*\n)?\/\*\*/],
    [/\.css$/, /^(@charset.*\n)?\/\*/],
    [/\.sql$/, /^--/],
    [/\.sh$/, /^(#!.*\n)?#/],
  ];
  const bare = files.filter((path) => {
    const rule = /^(src|web|scripts)\//.test(path) && !/\.gen\.|\.test\.ts$/.test(path) ? opening.find(([name]) => name.test(path)) : undefined;
    return rule !== undefined && !rule[1].test(readFileSync(join(root, path), 'utf8'));
  });
  deepEqual(bare, []);
});

test('no file is longer than 500 lines, and names are kebab-case', () => {
  const long = code.filter((source) => !source.path.includes('.gen.') && source.text.split('\n').length > 501).map((source) => source.path);
  deepEqual(long, []);
  const odd = files
    .filter((path) => /^(src|web|scripts)\//.test(path))
    .filter((path) => !path.split('/').every((part) => /^[a-z0-9_]+(-[a-z0-9_]+)*(\.[a-z0-9-]+)*$|^(README|ARCHITECTURE)\.md$/.test(part)));
  deepEqual(odd, []);
});

test('the top level holds the agreed entries only', () => {
  const agreed = [
    'src',
    'web',
    'scripts',
    'Dockerfile.runpod',
    'build.ts',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'studio.config.ts',
    'README.md',
  ];
  const top = new Set(files.map((path) => path.split('/')[0] ?? ''));
  deepEqual(
    [...top].filter((name) => !agreed.includes(name) && !name.startsWith('.')),
    [],
  );
  ok(top.has('package-lock.json'));
});

test('the lock file names every optional package, also of other platforms: npm 11 installs from no other', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>;
  };
  const missing = Object.entries(packages).flatMap(([at, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isInLock(packages, at, name)),
  );
  deepEqual(missing, []);
  deepEqual(
    Object.keys(packages).filter((at) => packages[at]?.resolved !== undefined),
    [],
  );
});

/** Found as Node finds a package: beside the one that asks, then further up. */
function isInLock(packages: object, at: string, name: string): boolean {
  if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true;
  return at !== '' && isInLock(packages, at.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, ''), name);
}

/** Put statements together from the constant columns of their own tables, once each, or from names of tables that the catalogue gave; values still are parameters. */
const BUILDERS = ['journal-statement', 'migrate-plan', 'org-export', 'org-purge', 'org-storage'].map((name) => `src/store/${name}.ts`);

/** A program of its own, without a clock to be handed. */
function isChild(path: string): boolean {
  return /-(child|worker)\.ts$/.test(path);
}

/** What a room may import: rooms, rooms' types only (`config types`), and single files (`nodes/kit`). */
interface Allowance {
  readonly isAll: boolean;
  readonly rooms: ReadonlySet<string>;
  readonly typesOf: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
}

function readTable(): ReadonlyMap<string, Allowance> {
  const rows = readFileSync(join(root, 'src/ARCHITECTURE.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| [a-z]/.test(line) && !line.startsWith('| room |'));
  return new Map(
    rows.flatMap((row) => {
      const [, names = '', , allowed = ''] = row.split('|').map((cell) => cell.trim());
      return names.split(', ').map((name) => [name, readAllowance(allowed)] as const);
    }),
  );
}

function readAllowance(cell: string): Allowance {
  const words = (cell.split(';')[0] ?? '').split(',').map((word) => word.trim().replace(/ \(.*\)$/, ''));
  return {
    isAll: words.includes('all') || words.includes('everything'),
    rooms: new Set(words.filter((word) => /^[a-z]+$/.test(word))),
    typesOf: new Set(words.flatMap((word) => /^([a-z]+) types$/.exec(word)?.[1] ?? [])),
    files: new Set(words.filter((word) => word.includes('/')).map((word) => `src/${word}.ts`)),
  };
}

/** Files beside the rooms that only start things: nobody imports them. */
const STARTERS = new Set(['main', 'boot', 'wire', 'cli']);

function faultOf(source: Source, entry: Import, table: ReadonlyMap<string, Allowance>): string[] {
  const from = roomOf(source.path);
  if (entry.file === undefined) return [];
  const to = roomOf(entry.file);
  const where = `${source.path}:${entry.line} imports ${entry.specifier}`;
  if (from === 'nodes' && to === 'nodes') return nodesFault(source.path, entry.file) ? [where] : [];
  if (STARTERS.has(to)) return STARTERS.has(from) || from === 'test' ? [] : [where];
  if (to === 'test') return from === 'test' ? [] : [where];
  const allowed = table.get(from);
  if (from === to || allowed?.isAll === true) return [];
  const isAllowed = allowed !== undefined && (allowed.rooms.has(to) || allowed.files.has(entry.file) || (entry.isType && allowed.typesOf.has(to)));
  return isAllowed ? [] : [where];
}

/** A node type reaches the kit (kit.ts, kit-*.ts) and its own folder; the list reaches all of them. */
function nodesFault(from: string, to: string): boolean {
  return from !== 'src/nodes/index.ts' && !/^src\/nodes\/kit(-[a-z]+)?\.ts$/.test(to) && to.split('/')[2] !== from.split('/')[2];
}

/** `src/engine/plan.ts` → engine; `src/main.ts` → main; `src/cli-status.ts` → cli. */
function roomOf(path: string): string {
  const [, second = '', third] = path.split('/');
  return third === undefined ? second.replace(/\.ts$/, '').replace(/^(cli|wire)-.*/, '$1') : second;
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('src/test/') || path.includes('/fixtures/');
}

function isSql(text: string): boolean {
  return /^\s*(select\s[^]*\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+\w+(\s*\([^)]*\))?\s+as\s|(create|alter|drop)\s+(table|role|database|index|policy|schema|user)\s)/i.test(
    text,
  );
}

/** Statements that PostgreSQL takes no parameters for: roles and databases are named by constants, quoted by store/provision. */
function isRoleStatement(text: string): boolean {
  return /^\s*(create|alter|drop)\s+(role|database|user|schema)\s/i.test(text);
}

function at({ source, text }: { readonly source: Source; readonly text: { readonly line: number } }): string {
  return `${source.path}:${text.line}`;
}
