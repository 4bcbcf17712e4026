/** Which test files there are, and how each may run. Pure ones share a process (a Node per file would cost more than they do). */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export type Phase = 'unit' | 'browser' | 'chaos';

export interface TestUnit {
  /** What to run, absolute. */
  readonly entry: string;
  /** How it is named to a person. */
  readonly title: string;
  readonly phase: Phase;
}

/** Every test file of the checkout, relative to `root`, sorted. */
export function findTestFiles(root: string): string[] {
  return globSync(['src/**/*.test.ts', 'web/**/*.test.ts', 'scripts/**/*.test.ts'], { cwd: root }).toSorted();
}

/** What to run for `files` (relative to `root`): the pure ones joined into one unit, written below `folder`. */
export function unitsOf(root: string, files: readonly string[], folder: string): TestUnit[] {
  const isPure = (file: string): boolean => phaseOf(file) === 'unit' && isPureTest(file, readFileSync(join(root, file), 'utf8'));
  const pure = files.filter(isPure);
  const alone = files.filter((file) => !pure.includes(file)).map((file) => ({ entry: join(root, file), title: file, phase: phaseOf(file) }));
  if (pure.length < 2) return [...pure.map((file) => ({ entry: join(root, file), title: file, phase: 'unit' as const })), ...alone];
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, 'pure.test.mjs');
  writeFileSync(entry, sharedEntry(pure.map((file) => join(root, file))));
  return [{ entry, title: `${pure.length} pure test files`, phase: 'unit' }, ...alone];
}

/** One after the other, so that a file that can't be loaded fails alone. */
function sharedEntry(paths: readonly string[]): string {
  return `import { test } from 'node:test';
for (const path of ${JSON.stringify(paths)}) {
  try {
    await import(path);
  } catch (error) {
    test(\`\${path} can be loaded\`, () => {
      throw error;
    });
  }
}
`;
}

function phaseOf(file: string): Phase {
  if (file.endsWith('.e2e.test.ts')) return 'browser';
  return file.endsWith('.chaos.test.ts') ? 'chaos' : 'unit';
}

/** What makes a test need a process of its own: the outside world, the process's own state, hooks that would reach other files. */
const NOT_PURE = [
  /node:(child_process|cluster|dgram|fs|http|https|net|tls|worker_threads|vm)/,
  /from '(pg|ioredis|ws|playwright-core|esbuild|quickjs-emscripten)'/,
  /test\/(app|database|fake-gpu)/,
  /\bprocess\.(env|on|once|exit|chdir|kill|umask)\b/,
  /\bmock\.|globalThis|createServer|spawn/,
  /^(before|after|beforeEach|afterEach)\(/m,
];

const PURE_ROOMS = /^(src\/(contract|kernel|config|engine|nodes|gpu|realtime|identity|store)|web)\//;

/** Whether a test file may share a process. Exported for its test.
 *  LIMIT: reads the test's own text, not what it imports; a pure-looking test of an impure part keeps the shared process busy, no more. */
export function isPureTest(file: string, text: string): boolean {
  return PURE_ROOMS.test(file) && !NOT_PURE.some((pattern) => pattern.test(text));
}

/** Files named on the command line, as they are listed here; a folder means all below it. @throws when one names no test */
export function selectFiles(root: string, all: readonly string[], named: readonly string[], folder: string): string[] {
  return named.flatMap((name) => {
    const path = relative(root, join(folder, name));
    const found = all.filter((file) => file === path || file.startsWith(`${path}/`));
    if (found.length === 0) throw new Error(`${name} is no test file and no folder with tests; test files end in .test.ts, below src, web or scripts.`);
    return found;
  });
}
