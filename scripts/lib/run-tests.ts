/** Runs the tests: unit, then browser (each two at a time), then chaos. Started by scripts/test, on the pinned Node.
 *  One PostgreSQL and one Redis serve the whole run. A few files that failed beside others are run once more on their own at the end, and named as
 *  unsteady when they pass then. The last line of stdout is "N passed, N failed". */
import { mkdirSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findTestFiles, selectFiles, unitsOf, type Phase, type TestUnit } from './test-files.ts';
import { runUnit, type UnitResult } from './test-process.ts';
import { startTestServices } from './test-services.ts';

const root = resolve(import.meta.dirname, '../..');
const phases = ['unit', 'browser', 'chaos'] as const satisfies readonly Phase[];
/** Pages wait more than they compute. Chaos tests kill what they know by its machine and its load: they run alone. */
const concurrency = { unit: 2, browser: 2, chaos: 1 } as const;
/** More that fail are no matter of chance or of a busy machine, and are not tried again. */
const SECOND_TRIES = 3;

process.exit(await main().catch(giveUp));

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } });
  const all = findTestFiles(root);
  const files = positionals.length === 0 ? all : selectFiles(root, all, positionals, process.cwd());
  const folder = resolve(root, '.cache/test');
  mkdirSync(folder, { recursive: true });
  const units = unitsOf(root, files, folder).filter((unit) => values.only === undefined || unit.phase === values.only);

  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const services = await startTestServices();
  const options = { folder, env: { ...process.env, ...services.env }, signal: stop.signal };
  const results: UnitResult[] = [];
  let unsteady: string[] = [];
  try {
    for (const phase of phases) {
      const queue = units.filter((unit) => unit.phase === phase);
      // Serial by phase: see `concurrency`.
      results.push(...(await runAll(queue, concurrency[phase], options)));
    }
    unsteady = await tryAgain(results, options);
  } finally {
    await services.stop();
  }
  return conclude(results, unsteady, stop.signal.aborted);
}

/** Runs the failed files again, each alone, and puts what came of it in the place of the first result. @returns titles of those that pass now */
async function tryAgain(results: UnitResult[], options: Parameters<typeof runUnit>[1]): Promise<string[]> {
  const broken = results.filter(isBroken);
  if (broken.length === 0 || broken.length > SECOND_TRIES || options.signal.aborted) return [];
  out('', 'again, alone:');
  const again = await runAll(
    broken.map(({ unit }) => unit),
    1,
    options,
  );
  for (const result of again) results[results.findIndex(({ unit }) => unit === result.unit)] = result;
  return again.filter((result) => !isBroken(result)).map(({ unit }) => unit.title);
}

function isBroken(result: UnitResult): boolean {
  return countOf([result]).failed > 0;
}

async function runAll(queue: readonly TestUnit[], lanes: number, options: Parameters<typeof runUnit>[1]): Promise<UnitResult[]> {
  const results: UnitResult[] = [];
  const waiting = [...queue];
  const lane = async (): Promise<void> => {
    for (let unit = waiting.shift(); unit !== undefined && !options.signal.aborted; unit = waiting.shift()) {
      const result = await runUnit(unit, options);
      results.push(result);
      print(result);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

function countOf(results: readonly UnitResult[]): { passed: number; failed: number; skipped: number } {
  const tests = results.flatMap((result) => result.tests);
  return {
    passed: tests.filter((test) => test.kind === 'pass' && !test.isSkipped).length,
    failed: tests.filter((test) => test.kind === 'fail').length + results.filter((result) => result.fault !== undefined).length,
    skipped: tests.filter((test) => test.isSkipped).length,
  };
}

function print(result: UnitResult): void {
  const { passed, failed, skipped } = countOf([result]);
  const counts = [`${passed} passed`, failed > 0 ? `${failed} FAILED` : '', skipped > 0 ? `${skipped} skipped` : ''].filter((text) => text !== '').join(', ');
  out(`${failed > 0 ? 'FAIL' : 'ok  '} ${result.unit.title} (${counts}, ${(result.ms / 1000).toFixed(1)} s)`);
  for (const note of result.notes) out(`     ${note}`);
  if (failed > 0) printFailures(result);
}

function printFailures(result: UnitResult): void {
  // A hook that fails is told by every test of the file: once is enough.
  const told = new Set<string>();
  for (const test of result.tests.filter((line) => line.kind === 'fail')) {
    const error = test.error ?? '';
    out(`  ✕ ${test.name}`, `    at ${relative(root, test.file)}:${test.line}`, indent(told.has(error) ? 'the same as above' : shorten(error)));
    told.add(error);
  }
  if (result.fault !== undefined) out(`  ✕ the file ${result.fault}`);
  if (result.output.trim() !== '') out('    output:', indent(result.output.trimEnd().split('\n').slice(-40).join('\n')));
}

function conclude(results: readonly UnitResult[], unsteady: readonly string[], isStopped: boolean): number {
  const { passed, failed, skipped } = countOf(results);
  const broken = results.filter(isBroken);
  if (unsteady.length > 0) out('', 'unsteady (failed once, passed alone; the first failure stands above):', ...unsteady.map((title) => `  ${title}`));
  if (broken.length > 0) out('', 'failed:', ...broken.map((result) => `  ${result.unit.title}`));
  if (skipped > 0) out(`${skipped} skipped`);
  if (isStopped) out('stopped before the end');
  if (results.length === 0) out('no test file matched');
  out(`${passed} passed, ${failed} failed`);
  return failed > 0 || isStopped || passed === 0 ? 1 : 0;
}

/** The run itself broke: the last line keeps its form. */
function giveUp(error: unknown): number {
  out(error instanceof Error ? (error.stack ?? error.message) : String(error), '0 passed, 1 failed');
  return 1;
}

/** A list of hundreds says no more than its first lines. */
function shorten(text: string): string {
  const lines = text.split('\n');
  return lines.length <= 60 ? text : [...lines.slice(0, 50), `… ${lines.length - 50} more lines`].join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}

function out(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
