/** Base backups for as long as Studio runs: a new one by age, by the log that a restore would replay, after a gap and after a restore; the ones before go
 *  only when it is proven. Never fills the volume: a failed one is tried again after a while, and at once when there is room. */
import type pg from 'pg';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import { listBases, pruneBases, requireSpace, takeBase, type Base } from './bases.ts';
import { formatLsn } from '../store/wal-position.ts';
import { baseFolder } from './layout.ts';
import type { Receiver } from './receiver.ts';
import type { ShadowOptions } from './shadow.ts';
import { readState, writeState, type Generation, type ShadowState } from './state.ts';
import { listWal, type WalWriter } from './wal-archive.ts';

/** How often it looks whether a new base backup is due, and how long after failed ones it tries again: each reads the whole database. */
const LOOK_MS = 15_000;
const FAILED = { baseMs: 4_000, factor: 2, maxMs: 120_000, jitter: 0 };
/** What a new one needs of the volume, as a multiple of the one before. */
const GROWTH = 1.25;
/** Base backups beside the work: the disk and the network belong to that. */
const BESIDE_WORK_KIB = 48 * 1_024;
/** A shadow that streams. */
export interface Running {
  readonly connection: pg.ClientConfig;
  readonly receiver: Receiver;
  readonly writer: WalWriter;
  readonly life: Generation;
  state: ShadowState;
  bases: readonly Base[];
  walFileBytes: number;
  gap: string | undefined;
  baseFault: string | undefined;
  /** Of base backups in a row, and until when none is tried. */
  failures: number;
  notBeforeMs: number;
  /** Looks at once whether one is due. */
  look: () => void;
}

/** Takes a base backup, and only when it is proven lets go of what it replaces. */
export async function renew(options: ShadowOptions, running: Running, limits: { readonly maxRateKib?: number; readonly signal: AbortSignal }): Promise<void> {
  const { shadow, clock, log } = options;
  const since = clock.monotonic();
  let told = 0;
  const before = running.bases.at(-1);
  // One that fills the volume would stop the log, and with it every commit.
  if (before !== undefined) await requireSpace(baseFolder(shadow), before.mark.bytes * GROWTH, 'A base backup');
  const base = await takeBase({
    ...limits,
    shadow,
    generation: running.life.number,
    connection: running.connection,
    now: () => clock.now(),
    untilWritten: (lsn) => running.receiver.untilWritten(lsn, limits.signal),
    onProgress(done, total) {
      const tenth = Math.floor((done / Math.max(1, total)) * 10);
      if (tenth > told && total > 256 * 2 ** 20) options.say(`Base backup: ${tenth * 10} %`);
      told = Math.max(told, tenth);
    },
  });
  await requireWriter(options, running.state.writer.id);
  await pruneBases(shadow, options.keepBases);
  running.bases = await listBases(shadow);
  running.walFileBytes = (await bytesOfWal(shadow)) - running.writer.written;
  const oldest = running.bases[0]?.generation ?? running.life.number;
  const generations = running.state.generations.filter((life) => life.number >= oldest);
  if (!running.state.isComplete || generations.length !== running.state.generations.length) {
    running.state = { ...running.state, isComplete: true, generations };
    await writeState(shadow, running.state);
  }
  running.gap = undefined;
  log.info({ ms: Math.round(clock.monotonic() - since), bytes: base.mark.bytes, generation: base.generation }, 'base backup of the shadow made');
}

/** Until the signal, or until another has taken this one's place. */
export async function keepBases(options: ShadowOptions, running: Running, signal: AbortSignal, isCurrent: () => boolean): Promise<void> {
  const { clock, log } = options;
  for (;;) {
    await untilNextLook(clock, running, signal);
    if (signal.aborted || !isCurrent()) return;
    if (!isDue(options, running) || clock.monotonic() < running.notBeforeMs) continue;
    try {
      await renew(options, running, { maxRateKib: BESIDE_WORK_KIB, signal });
      running.baseFault = undefined;
      running.failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      running.baseFault = `no new base backup: ${messageOf(error)}`;
      log.warn({ reason: messageOf(error) }, 'a base backup of the shadow failed; the ones before are kept');
      running.failures += 1;
      running.notBeforeMs = clock.monotonic() + backoffDelayMs(FAILED, running.failures, 0);
    }
  }
}

async function untilNextLook(clock: Clock, running: Running, signal: AbortSignal): Promise<void> {
  const called = new AbortController();
  running.look = () => called.abort();
  const waitMs = running.failures === 0 ? LOOK_MS : Math.min(LOOK_MS, Math.max(1, running.notBeforeMs - clock.monotonic()));
  await clock.sleep(waitMs, AbortSignal.any([signal, called.signal])).catch(() => undefined);
}

/** By age, by the log a restore would replay, after a gap, and after a restore: what it came from may be damaged. */
function isDue({ baseHours, baseWalBytes, clock }: ShadowOptions, running: Running): boolean {
  const newest = running.bases.at(-1);
  if (newest === undefined || running.gap !== undefined || newest.generation !== running.life.number) return true;
  return clock.now() - Date.parse(newest.mark.takenAt) > baseHours * 3_600_000 || walSince(running, newest) > baseWalBytes;
}

export function walSince({ writer }: Running, base: Base | undefined): number {
  return base === undefined || writer.end === undefined ? 0 : Math.max(0, Number(writer.end - base.start));
}

/** @throws Error when the volume says that another directory writes now */
export async function requireWriter({ shadow, onFenced }: ShadowOptions, id: string): Promise<void> {
  const state = await readState(shadow);
  if (state?.writer.id === id) return;
  const holder = state === undefined ? 'nobody: its state was removed' : state.writer.host;
  onFenced(holder);
  throw new Error(`the shadow was taken over by ${holder}`);
}

export async function bytesOfWal(shadow: string): Promise<number> {
  return (await listWal(shadow)).reduce((sum, file) => sum + Number(file.end - file.start), 0);
}

/** Of a process that was killed between a gap and the base backup that makes up for it. @returns what is missing since the newest base backup */
export async function findGap(shadow: string, life: Generation, newest: Base | undefined): Promise<string | undefined> {
  if (newest === undefined || newest.generation !== life.number) return undefined;
  let end: bigint | undefined;
  for (const file of await listWal(shadow)) {
    if (file.generation !== life.number || file.timeline !== life.timeline || file.end < newest.start) continue;
    if (end !== undefined && file.start > end) return `the log from ${formatLsn(end)} to ${formatLsn(file.start)} is not on the volume`;
    end = file.end;
  }
  return undefined;
}
