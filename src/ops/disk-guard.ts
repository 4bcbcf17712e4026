/** Watches the disks that hold what must be kept: their room, and whether they can be written at all (disk-probe.ts). Before one is full, calls that would add to it are refused (507); a file of ballast keeps room
 *  back that is given away when something else fills the disk, so that PostgreSQL starts and an administrator can delete.
 *  Never deletes anything but its own ballast. One thing to know: room returns without a restart, and what waited for it is woken. */
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { probeDisk, type ProbeFault } from './disk-probe.ts';
import type { HealthBoard } from './health.ts';

/** What a disk has, bytes; null where the file system does not count files. */
export interface DiskRoom {
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeFiles: number | null;
}

/** low: told. full: nothing is added. spent: the ballast is given away too. */
export type DiskLevel = 'ok' | 'low' | 'full' | 'spent';

const MIB = 2 ** 20;
const LOOK_MS = 1_000;
/** Of a full disk PostgreSQL still needs some: a WAL segment is 16 MiB, and a checkpoint frees them only after it wrote. */
const FULL_BYTES = 128 * MIB;
const LOW_BYTES = 1_024 * MIB;
const SPENT_BYTES = 24 * MIB;
const BALLAST_BYTES = 256 * MIB;
/** Small disks keep smaller reserves: these parts of the whole. */
const PART = { low: 0.1, full: 0.04, spent: 0.01, ballast: 0.05 } as const;
const FEW_FILES = { low: 5_000, full: 500, spent: 100 } as const;
const CHUNK = MIB;
/** A disk that takes longer to say what it has does not answer. */
const SILENT_MS = 5_000;
/** How often it is written to, and how much: little while all is well; while the database is down as much as that needs to start. With SILENT_MS: a disk
 *  that hangs is named within 12 s, also when nothing else writes to it. */
const PROBE_MS = 6_000;
const PROBE_BYTES = 64 * 1_024;
/** After a limit that the file system does not tell: the reserve and what is kept free must both find room again. Each try is a large write. */
const AGAIN_MS = { first: 2_000, most: 30_000 } as const;
/** A mebibyte of ballast that is on the disk in this time holds up nobody; after a slower one the disk rests for so many times as long. */
const QUICK_MS = 20;
const REST = 4;
/** The start is not slowed by it. */
const BALLAST_AFTER_MS = 30_000;

/** Bytes below which each level begins, and what the ballast takes. Pure. */
export function reservesOf(totalBytes: number): { readonly low: number; readonly full: number; readonly spent: number; readonly ballast: number } {
  const part = (most: number, share: number): number => Math.min(most, Math.round(totalBytes * share));
  return {
    low: part(LOW_BYTES, PART.low),
    full: part(FULL_BYTES, PART.full),
    spent: part(SPENT_BYTES, PART.spent),
    ballast: part(BALLAST_BYTES, PART.ballast),
  };
}

/** The level that `room` means after `before`: a level is left only when there is half as much again, so that it does not flicker. Pure. */
export function levelOf(room: DiskRoom, before: DiskLevel): DiskLevel {
  const reserves = reservesOf(room.totalBytes);
  for (const level of ['spent', 'full', 'low'] as const) {
    const slack = RANK[before] >= RANK[level] ? 1.5 : 1;
    const isFew = room.freeFiles !== null && room.freeFiles < FEW_FILES[level] * slack;
    if (room.freeBytes < reserves[level] * slack || isFew) return level;
  }
  return 'ok';
}

const RANK: Readonly<Record<DiskLevel, number>> = { ok: 0, low: 1, full: 2, spent: 3 };

export interface DiskGuard {
  /** True while nothing may be added. */
  isFull(): boolean;
  stop(): Promise<void>;
}

interface GuardParts {
  /** Folders that must keep room; several on one disk count once. */
  readonly folders: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: Pick<HealthBoard, 'report' | 'downMs'>;
  /** A disk that was full has room again. */
  readonly onRoom: () => void;
  /** For tests: what a folder's disk has. */
  readonly measure?: (folder: string) => Promise<DiskRoom>;
  readonly probe?: (folder: string, bytes: number) => Promise<ProbeFault | undefined>;
}

interface Disk {
  readonly folder: string;
  readonly ballast: string;
  level: DiskLevel;
  hasBallast: boolean;
  /** A look that is under way, and since when. */
  looking: Promise<void> | undefined;
  /** The ballast is being written. */
  filling: Promise<void> | undefined;
  lookedAtMs: number;
  /** What the last write met. */
  fault: ProbeFault | undefined;
  nextProbeMs: number;
  againMs: number;
}

/** Looks once before it returns, then every second. */
export async function guardDisks(parts: GuardParts): Promise<DiskGuard> {
  const { clock, board } = parts;
  const disks = await disksOf(parts.folders);
  const ballastFromMs = clock.monotonic() + BALLAST_AFTER_MS;
  const ending = new AbortController();
  let cancel = (): void => undefined;

  async function look(): Promise<void> {
    await Promise.all(disks.map((disk) => lookInTime(disk, parts, { mayFill: clock.monotonic() >= ballastFromMs, signal: ending.signal })));
    const faults = disks.flatMap((disk) => faultOf(disk, clock) ?? []);
    board.report('disk', faults.length === 0 ? null : faults.join('; '), false);
  }
  async function loop(): Promise<void> {
    await look();
    if (!ending.signal.aborted) cancel = clock.after(LOOK_MS, () => void (looking = loop()));
  }
  let looking = loop();
  await looking;
  return {
    isFull: () => disks.some(({ level }) => RANK[level] >= RANK.full),
    async stop() {
      ending.abort();
      cancel();
      await looking;
      for (const { filling } of disks) await filling; // Serial: each ends with the signal.
    },
  };
}

async function disksOf(folders: readonly string[]): Promise<Disk[]> {
  const seen = new Map<number, Disk>();
  for (const folder of folders) {
    const { dev } = await stat(folder); // Serial: two folders.
    const ballast = join(folder, '.ballast');
    if (seen.has(dev)) continue;
    const fresh = { looking: undefined, filling: undefined, lookedAtMs: 0, fault: undefined, nextProbeMs: 0, againMs: AGAIN_MS.first } as const;
    seen.set(dev, { ...fresh, folder, ballast, level: 'ok', hasBallast: await exists(ballast) });
  }
  return [...seen.values()];
}

/** Waits no longer than a disk may take; a look that takes longer goes on, and no other begins beside it. */
async function lookInTime(disk: Disk, parts: GuardParts, how: { readonly mayFill: boolean; readonly signal: AbortSignal }): Promise<void> {
  const { clock, log } = parts;
  if (disk.looking === undefined) {
    disk.lookedAtMs = clock.monotonic();
    disk.looking = lookAt(disk, parts, how)
      .catch((error: unknown) => log.warn({ folder: disk.folder, cause: messageOf(error) }, 'the room on a disk can not be told'))
      .finally(() => (disk.looking = undefined));
  }
  const late = new AbortController();
  await Promise.race([disk.looking, clock.sleep(SILENT_MS, AbortSignal.any([late.signal, how.signal])).catch(() => undefined)]);
  late.abort();
}

async function lookAt(disk: Disk, parts: GuardParts, { mayFill, signal }: { readonly mayFill: boolean; readonly signal: AbortSignal }): Promise<void> {
  const { measure = measureRoom, log, onRoom } = parts;
  const room = await measure(disk.folder);
  const before = disk.level;
  const told = levelOf(room, before);
  if (RANK[told] < RANK.full) await probeIfDue(disk, parts, reservesOf(room.totalBytes));
  disk.level = disk.fault?.kind === 'full' ? 'spent' : told;
  if (disk.level !== before)
    log[RANK[disk.level] > RANK.low ? 'error' : 'warn']({ folder: disk.folder, before, now: disk.level, ...room }, 'the room on a disk changed');
  // It may have been made a moment ago.
  if (disk.level === 'spent' && (disk.hasBallast || (await exists(disk.ballast)))) {
    await rm(disk.ballast, { force: true });
    disk.hasBallast = false;
    log.error({ folder: disk.folder }, 'the disk is full: its reserve was given away so that deleting still works');
    onRoom();
    return;
  }
  if (RANK[before] >= RANK.full && RANK[disk.level] < RANK.full) onRoom();
  const reserves = reservesOf(room.totalBytes);
  // Only where it leaves what is told as low far away.
  if (mayFill && disk.level === 'ok' && !disk.hasBallast && reserves.ballast > 0 && room.freeBytes > reserves.ballast + 2 * reserves.low)
    fillSlowly(disk, reserves.ballast, { clock: parts.clock, signal });
}

/** Writes to it, when that is due: soon while the database is down, for that may be why; with more in between after a limit that is not told. */
async function probeIfDue(disk: Disk, { clock, log, board, probe = probeDisk }: GuardParts, reserves: ReturnType<typeof reservesOf>): Promise<void> {
  const isDown = board.downMs('database') > 0;
  const now = clock.monotonic();
  if (now < disk.nextProbeMs && !(isDown && disk.fault === undefined && now >= disk.nextProbeMs - PROBE_MS + LOOK_MS)) return;
  const wasFull = disk.fault?.kind === 'full';
  const fault = await probe(disk.folder, wasFull ? reserves.ballast + reserves.full : isDown ? reserves.spent : PROBE_BYTES);
  if (fault?.reason !== disk.fault?.reason)
    log[fault === undefined ? 'warn' : 'error']({ folder: disk.folder, reason: fault?.reason }, 'whether a disk can be written changed');
  disk.fault = fault;
  disk.againMs = wasFull && fault !== undefined ? Math.min(disk.againMs * 2, AGAIN_MS.most) : AGAIN_MS.first;
  disk.nextProbeMs = clock.monotonic() + (fault === undefined ? PROBE_MS : disk.againMs);
}

/** What must be done, for health; undefined when nothing. */
function faultOf({ folder, level, hasBallast, looking, lookedAtMs, fault }: Disk, clock: Clock): string | undefined {
  if (looking !== undefined && clock.monotonic() - lookedAtMs >= SILENT_MS)
    return `${folder} does not answer: what needs it waits. It goes on by itself when the volume is back.`;
  if (fault?.kind === 'failing')
    return `${folder} can not be written (${fault.reason}): what needs it waits or is refused until it can. Nothing that was accepted is lost.`;
  if (level === 'ok') return undefined;
  if (level === 'low') return `${folder} has little room left: delete what is not needed, or enlarge the volume`;
  const hidden = fault === undefined ? '' : ` (${fault.reason}, which its file system does not tell)`;
  const reserve = level === 'spent' && !hasBallast ? ' The reserve is used up.' : '';
  return `${folder} is full${hidden}: new work, uploads and downloads are refused until there is room. Delete files, models or old runs, or enlarge the volume.${reserve}`;
}

interface Filling {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Beside the looks, which go on; not for a disk that something else fills meanwhile. */
function fillSlowly(disk: Disk, bytes: number, how: Filling): void {
  disk.filling ??= makeBallast(disk.ballast, bytes, { ...how, mayGoOn: () => !how.signal.aborted && disk.level === 'ok' }).then(async () => {
    disk.hasBallast = await exists(disk.ballast);
    disk.filling = undefined;
  });
}

/** Real blocks, whole or not at all: a compressing file system takes zeros for nothing. Most of the time the disk is left to others: written at once, it would
 *  hold up every commit on a slow disk for a minute. @returns whether it is there now */
async function makeBallast(path: string, bytes: number, { clock, signal, mayGoOn }: Filling & { readonly mayGoOn: () => boolean }): Promise<boolean> {
  const draft = `${path}.new`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      const chunk = crypto.getRandomValues(Buffer.allocUnsafe(65_536));
      const block = Buffer.concat(Array.from({ length: CHUNK / chunk.length }, () => chunk));
      for (let written = 0; written < bytes && mayGoOn(); written += CHUNK) {
        const beganMs = clock.monotonic();
        await file.write(block, 0, Math.min(CHUNK, bytes - written));
        await file.datasync();
        const tookMs = clock.monotonic() - beganMs;
        if (tookMs > QUICK_MS) await clock.sleep(tookMs * REST, signal).catch(() => undefined);
      }
    } finally {
      await file.close();
    }
    if (!mayGoOn()) throw new Error('stopped');
    await rename(draft, path);
    return true;
  } catch {
    // No room after all, or Studio stops: a later look tries again.
    await rm(draft, { force: true });
    return false;
  }
}

async function measureRoom(folder: string): Promise<DiskRoom> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(folder);
  // Some file systems have no table of files, or say nothing about it.
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, freeFiles: files > 0 ? ffree : null };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
