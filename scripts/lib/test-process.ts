/** Runs one test unit in a Node of its own and tells what happened. Owns the process group: nothing of it outlives the run. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestUnit } from './test-files.ts';
import type { TestLine } from './test-reporter.ts';

export interface UnitResult {
  readonly unit: TestUnit;
  readonly tests: readonly TestLine[];
  /** What its tests said: seeds, figures. */
  readonly notes: readonly string[];
  /** Beside failed tests: the file could not be loaded, hung, or declared nothing. */
  readonly fault: string | undefined;
  /** Last lines of stdout and stderr. */
  readonly output: string;
  readonly ms: number;
}

/** Longest that one file may take. Far above what any needs: it only ends a hang. */
const LIMIT_MS = { unit: 600_000, browser: 600_000, chaos: 1_800_000 } as const;
const KEPT_OUTPUT = 16_384;

export async function runUnit(
  unit: TestUnit,
  options: { readonly folder: string; readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<UnitResult> {
  const lines = join(options.folder, `${process.pid}-${unit.title.replaceAll(/[^A-Za-z0-9]+/g, '-')}.jsonl`);
  const startedAt = performance.now();
  const ended = await runProcess(unit, lines, options);
  const all = readLines(lines);
  rmSync(lines, { force: true });
  const tests = all.filter((line) => line.kind === 'pass' || line.kind === 'fail');
  return {
    unit,
    tests,
    notes: all.filter((line) => line.kind === 'note').map((line) => line.name),
    fault: faultOf(ended, all, tests),
    output: ended.output,
    ms: performance.now() - startedAt,
  };
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly isTimeout: boolean;
  readonly output: string;
}

function runProcess(unit: TestUnit, lines: string, options: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal }): Promise<Ended> {
  const reporter = join(import.meta.dirname, 'test-reporter.ts');
  const args = ['--test-force-exit', `--test-reporter=${reporter}`, `--test-reporter-destination=${lines}`, unit.entry];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    let isTimeout = false;
    const keep = (chunk: string): void => {
      output = (output + chunk).slice(-KEPT_OUTPUT);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const killGroup = (): void => {
      if (child.pid !== undefined) tryKill(-child.pid);
    };
    const timer = setTimeout(() => {
      isTimeout = true;
      killGroup();
    }, LIMIT_MS[unit.phase]);
    options.signal.addEventListener('abort', killGroup, { once: true });
    child.once('error', reject);
    child.once('exit', () => {
      // What a test left behind in its group would hold the pipes open.
      killGroup();
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', killGroup);
      resolve({ code, signal, isTimeout, output });
    });
  });
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already gone: what was wanted.
  }
}

function readLines(path: string): TestLine[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as TestLine);
}

function faultOf(ended: Ended, all: readonly TestLine[], tests: readonly TestLine[]): string | undefined {
  if (ended.isTimeout) {
    const isDone = (line: TestLine): boolean => tests.some((test) => test.name === line.name && test.line === line.line && test.file === line.file);
    const open = all.filter((line) => line.kind === 'start' && !isDone(line)).map((line) => `"${line.name}"`);
    return `did not end within its limit and was killed; still open: ${open.join(', ') || 'nothing'}`;
  }
  if (tests.some((test) => test.kind === 'fail')) return undefined;
  if (ended.code !== 0) return `ended with ${ended.signal ?? `status ${ended.code}`} outside of any test`;
  return tests.length === 0 ? 'declares no test' : undefined;
}
