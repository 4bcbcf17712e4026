/** Runs the chaos checks against a copy of the sources with one fault seeded, for each fault there is. Never touches the checkout: the copy
 *  lives in a folder of its own and shares the packages and one throwaway PostgreSQL. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { urlOf } from '../database.ts';
import { startTestServer } from '../postgres.ts';
import { root } from '../source-files.ts';
import { mutants, type Edit, type Mutant } from './mutants.ts';

export interface MutantResult {
  readonly name: string;
  /** `killed` is what has to be. */
  readonly outcome: 'killed' | 'survived';
  /** The first words of what the check said. */
  readonly said: string;
  readonly seconds: number;
}

const CHECKS: Readonly<Record<Mutant['check'], string>> = { storm: 'src/test/chaos/storm.test.ts', claims: 'src/test/chaos/claims.test.ts' };
/** Storms for each mutant: the first that turns red ends its check. */
const STORMS = '12';
/** A mutant that makes the engine hang is killed as well. */
const CHECK_LIMIT_MS = 240_000;

/** @param options.only names of mutants; default: all  @throws Error when the checks are red without any fault, or an edit does not fit */
export async function runMutants(options: { readonly only?: readonly string[]; readonly onResult: (result: MutantResult) => void }): Promise<MutantResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'studio-mutants-'));
  const server = await startTestServer();
  const env = { ...process.env, STUDIO_TEST_POSTGRES: urlOf(server.admin), STUDIO_SEED: '1', STUDIO_SEEDS: STORMS };
  const chosen = mutants.filter((mutant) => options.only === undefined || options.only.includes(mutant.name));
  try {
    for (const name of ['src', 'package.json', 'tsconfig.json']) cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const check of new Set(chosen.map((mutant) => mutant.check))) {
      const clean = await runCheck(folder, check, env);
      if (clean.isRed) throw new Error(`${CHECKS[check]} is red without any fault, so it proves nothing: ${clean.said}`);
    }
    const results: MutantResult[] = [];
    // Serial: they share the copy, and the machine.
    for (const mutant of chosen) {
      const restore = seed(folder, mutant.edits);
      const startedAt = performance.now();
      const { isRed, said } = await runCheck(folder, mutant.check, env);
      restore();
      const result: MutantResult = { name: mutant.name, outcome: isRed ? 'killed' : 'survived', said, seconds: (performance.now() - startedAt) / 1000 };
      results.push(result);
      options.onResult(result);
    }
    return results;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns what puts the sources back  @throws Error when a text is not there exactly once */
function seed(folder: string, edits: readonly Edit[]): () => void {
  const before = new Map<string, string>();
  for (const edit of edits) {
    const path = join(folder, 'src', edit.file);
    const text = readFileSync(path, 'utf8');
    const times = text.split(edit.search).length - 1;
    if (times !== 1) throw new Error(`${edit.file} holds ${times} times, not once: ${edit.search}`);
    if (!before.has(path)) before.set(path, text);
    // As a function: `$1` in the text is no reference.
    writeFileSync(
      path,
      text.replace(edit.search, () => edit.replace),
    );
  }
  return () => {
    for (const [path, text] of before) writeFileSync(path, text);
  };
}

function runCheck(folder: string, check: Mutant['check'], env: NodeJS.ProcessEnv): Promise<{ readonly isRed: boolean; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--test', '--test-reporter=tap', CHECKS[check]], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), CHECK_LIMIT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ isRed: code !== 0, said: signal === null ? firstWords(text) : `no end within ${CHECK_LIMIT_MS} ms` });
    });
  });
}

/** The first violation where one is named, else the error. */
function firstWords(text: string): string {
  const line = /violations: \[\s*\n[\s+]*(.+)|^\s*(?:error: '|not ok \d+ - )(.+)$/m.exec(text);
  return (line?.[1] ?? line?.[2] ?? '').slice(0, 160);
}
