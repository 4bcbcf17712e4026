/** Puts things that were made beside in the place of others, and keeps those. Each step is one rename; a journal says which, so that a kill in between is gone on
 *  with at the next start and never leaves half of the one and half of the other. Knows nothing of what it moves. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface Move {
  readonly path: string;
  /** Where what was there goes: on the same file system. */
  readonly aside: string;
  /** What comes there; null: nothing does. */
  readonly fresh: string | null;
}

export interface Swap {
  /** Of what is put in place, for people. */
  readonly id: string;
  readonly at: string;
  readonly moves: readonly Move[];
  readonly state: 'swapping' | 'done';
}

function swapFile(workspacePath: string): string {
  return join(workspacePath, 'restore.json');
}

/** The last swap of the workspace that was not undone. @throws Error when its journal can't be read: nothing may start then */
function readSwap(workspacePath: string): Swap | undefined {
  const path = swapFile(workspacePath);
  if (!existsSync(path)) return undefined;
  try {
    const swap = JSON.parse(readFileSync(path, 'utf8')) as Swap;
    if (Array.isArray(swap.moves) && ['swapping', 'done'].includes(swap.state)) return swap;
  } catch {
    // Told below.
  }
  throw new Error(`${path} tells of a restore and can't be read. Look at it and at the folders before-restore-* beside it, then remove it.`);
}

/** Makes the moves. Once its journal is written it happens, whatever is killed. */
export function swap(workspacePath: string, wanted: Omit<Swap, 'state'>): void {
  write(workspacePath, { ...wanted, state: 'swapping' });
  finishSwap(workspacePath);
}

/** Goes on with a swap that was cut off. @returns what was put in place; undefined: there was none */
export function finishSwap(workspacePath: string): Swap | undefined {
  const found = readSwap(workspacePath);
  if (found?.state !== 'swapping') return undefined;
  for (const { path, aside, fresh } of found.moves) {
    // What was made is gone from beside: this move is done.
    if (fresh !== null && !existsSync(fresh)) continue;
    if (existsSync(path) && !existsSync(aside)) move(path, aside);
    if (fresh !== null) move(fresh, path);
  }
  write(workspacePath, { ...found, state: 'done' });
  return found;
}

/** Puts back what was there before; what had come in its place is kept beside it. @returns undefined: there is nothing to undo */
export function undoSwap(workspacePath: string): Swap | undefined {
  finishSwap(workspacePath);
  const found = readSwap(workspacePath);
  if (found === undefined) return undefined;
  for (const { path, aside } of found.moves.toReversed()) {
    const kept = join(dirname(aside), `restored-${basename(aside)}`);
    if (existsSync(path) && !existsSync(kept)) move(path, kept);
    if (existsSync(aside)) move(aside, path);
  }
  rmSync(swapFile(workspacePath));
  return found;
}

function move(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o711 });
  renameSync(from, to);
  for (const folder of [dirname(to), dirname(from)]) sync(folder);
}

function write(workspacePath: string, state: Swap): void {
  const path = swapFile(workspacePath);
  const file = openSync(`${path}.new`, 'w', 0o600);
  writeSync(file, JSON.stringify(state, undefined, 2));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
  sync(dirname(path));
}

function sync(folder: string): void {
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } catch {
    // Some network file systems refuse fsync on a folder; there is nothing better to do on them.
  } finally {
    closeSync(file);
  }
}
