/** The versioned folder of the single executable: made once, whole or not at all (written beside, synced, renamed), and made again when something of it
 *  is gone. Removes what killed starts left, and versions that nobody has run for a day. */
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, lstatSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { isAlive, identify, listProcessIds, pidNamespace, readArguments } from '../kernel/process-identity.ts';
import { writePack, type Pack } from './pack.ts';
import { writePlainNode } from './plain-node.ts';

export interface UnpackParts {
  /** Where versions lie side by side. */
  readonly base: string;
  readonly pack: Pack;
  readonly bytes: () => Uint8Array;
  /** This program: Node is in it. */
  readonly executable: string;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

const NODE = 'bin/node';
/** Written last; its time says when the version was last started. */
const MARK = 'unpacked';
const FRESH = '.unpacking-';
const VERSION = 'studio-';
/** A version that was started within it may be wanted again: an upgrade is undone, a job of it still ends. */
const KEPT_MS = 24 * 3_600_000;

/** @returns the folder of this version @throws the system's error: no space, no right */
export async function ensureUnpacked(parts: UnpackParts): Promise<string> {
  const { base, pack, clock } = parts;
  const home = join(base, `${VERSION}${pack.id}`);
  if (!isWhole(home, pack)) await unpack(parts, home);
  const now = clock.now() / 1_000;
  utimesSync(join(home, MARK), now, now);
  for (const name of readdirSync(base)) {
    const path = join(base, name);
    if (name.startsWith(FRESH) ? isAbandoned(path, clock) : name.startsWith(VERSION) && path !== home && isUnused(path, clock)) remove(path);
  }
  return home;
}

export function nodeOf(home: string): string {
  return join(home, NODE);
}

/** Each file there, with its size: what cleans temporary folders takes single files. */
function isWhole(home: string, pack: Pack): boolean {
  try {
    const isSame = pack.files.every(({ path, bytes }) => statSync(join(home, path)).size === bytes);
    return isSame && readFileSync(join(home, MARK), 'utf8') === pack.id && statSync(join(home, NODE)).size > 0;
  } catch {
    return false; // Not there.
  }
}

async function unpack(parts: UnpackParts, home: string): Promise<void> {
  const { base, pack, clock } = parts;
  const began = clock.monotonic();
  parts.say(`unpacking ${pack.id} to ${home} (once a version) …`);
  const fresh = join(base, freshName());
  try {
    await mkdir(fresh, { mode: 0o755 });
    await mkdir(join(fresh, 'bin'), { mode: 0o755 });
    await Promise.all([writePack(pack, parts.bytes(), fresh), writePlainNode(parts.executable, join(fresh, NODE))]);
    await writeMark(fresh, pack.id);
    putInPlace(fresh, home, pack);
  } finally {
    remove(fresh);
  }
  parts.say(`unpacked in ${((clock.monotonic() - began) / 1_000).toFixed(1)} s`);
}

/** What is there and not whole goes aside first. Of two starts at once one renames, and the other uses that. */
function putInPlace(fresh: string, home: string, pack: Pack): void {
  for (let tries = 0; ; tries++) {
    try {
      return renameSync(fresh, home);
    } catch (error) {
      if (isWhole(home, pack)) return;
      if (tries === 3) throw error;
      const aside = `${fresh}-aside`;
      try {
        renameSync(home, aside);
      } catch {
        continue; // Another start has put it away.
      }
      remove(aside);
    }
  }
}

async function writeMark(folder: string, id: string): Promise<void> {
  const file = await open(join(folder, MARK), 'wx', 0o644);
  try {
    await file.writeFile(id);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Names who writes it: pid namespace, pid, start time. */
function freshName(): string {
  return `${FRESH}${pidNamespace().replace(/\D/g, '')}-${process.pid}-${identify(process.pid)?.started ?? 0}`;
}

function isAbandoned(path: string, clock: Clock): boolean {
  const [, namespace, pid, started] = /^\.unpacking-(\d*)-(\d+)-(\d+)(-aside)?$/.exec(basename(path)) ?? [];
  if (pid === undefined || started === undefined) return false;
  if (namespace === pidNamespace().replace(/\D/g, '')) return !isAlive({ pid: Number(pid), started });
  return isOlder(path, clock);
}

function isOlder(path: string, clock: Clock): boolean {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts !== undefined && clock.now() - facts.mtimeMs > KEPT_MS;
}

/** No process of it is to be seen, and nobody started it for a day: also who stands in another container and is not seen. */
function isUnused(home: string, clock: Clock): boolean {
  return isOlder(join(home, MARK), clock) && !listProcessIds().some((pid) => runsFrom(pid, `${home}/`));
}

function runsFrom(pid: number, prefix: string): boolean {
  const linked = ['exe', 'cwd'].some((name) => `${linkOf(`/proc/${pid}/${name}`)}/`.startsWith(prefix));
  return linked || readArguments(pid).some((word) => word.startsWith(prefix));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // Gone, or another user's.
  }
}

/** Renamed first: half a version must not look like one. */
function remove(path: string): void {
  rmSync(join(path, MARK), { force: true });
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}
