/** What the verbs of `scripts/chaos` share: which state of the code ran, lines on the screen, a line in a ledger. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../src/test/source-files.ts';

/** Of the code as it is now: a campaign runs for long, and the tree may change meanwhile. */
export interface Version {
  readonly commit: string;
  /** The tree had changes that the commit does not hold. */
  readonly isDirty: boolean;
}

export function versionOf(): Version {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  return { commit: git('rev-parse', '--short', 'HEAD'), isDirty: git('status', '--porcelain', '--', 'src', 'package-lock.json') !== '' };
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** @throws Error that names the option */
export function wholeNumber(name: string, value: string, from = 0): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < from) throw new Error(`--${name} takes a whole number from ${from}, not "${value}"`);
  return number;
}

/** Says the entry, and keeps it in `scripts/chaos-<name>-ledger.jsonl` when that is asked for. */
export function record(name: string, entry: Readonly<Record<string, unknown>>, isKept: boolean): void {
  const line = JSON.stringify(entry);
  say(line);
  if (isKept) appendFileSync(join(root, `scripts/chaos-${name}-ledger.jsonl`), `${line}\n`);
}

/** The last lines, and the exit. */
export function conclude(what: string, faults: readonly string[]): never {
  for (const fault of faults.slice(0, 50)) say(fault);
  say(faults.length === 0 ? `chaos of ${what}: clean` : `chaos of ${what}: BROKEN`);
  process.exit(faults.length === 0 ? 0 : 1);
}
