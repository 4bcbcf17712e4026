/** A share of the seeds of a test run: one file a process, so that they use every core. They run in a child: the test runner keeps track of every
 *  promise, and these are tens of millions. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { root } from '../source-files.ts';

/** Seeds of a whole test run are 1 to PARTS × SEEDS. */
const PARTS = 4;
const SEEDS = 5_000;

/** Runs the seeds of part `part` (1-based). @throws AssertionError that tells which seed failed, how, and how to run it again */
export async function assertSeeds(part: number): Promise<void> {
  assert.ok(part >= 1 && part <= PARTS);
  const args = [join(root, 'scripts/lib/simulate.ts'), '--from', String(1 + (part - 1) * SEEDS), '--seeds', String(SEEDS)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  assert.equal(code, 0, said);
  assert.match(said, new RegExp(`${SEEDS} seeds .* 0 failures`));
}
