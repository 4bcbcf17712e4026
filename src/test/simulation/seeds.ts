/** A share of the seeds of a test run: one file a process, so that they use every core. */
import assert from 'node:assert/strict';
import { describe, simulate } from './simulate.ts';

/** Seeds of a whole test run are 1 to PARTS × SEEDS. */
const PARTS = 4;
const SEEDS = 5_000;

/** Runs the seeds of part `part` (1-based). @throws AssertionError that tells which seed failed, how, and how to run it again */
export async function assertSeeds(part: number): Promise<void> {
  assert.ok(part >= 1 && part <= PARTS);
  const { failures } = await simulate(1 + (part - 1) * SEEDS, SEEDS);
  assert.equal(failures.length, 0, failures.map(describe).join('\n\n'));
}
