/** Makes a database directory out of the shadow: the newest base backup that is whole, and the log behind it, replayed by PostgreSQL to the last whole record.
 *  Works beside the place it is for and is moved there by one rename: a kill at any point leaves nothing that looks restored.
 *  Only reads the volume. PostgreSQL finds all of the log in pg_wal: no archive command runs. */
import { chown, mkdir, open, readFile, readdir, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../kernel/fail.ts';
import { formatLsn, historyName, parseLsn, SEGMENT_BYTES, segmentName, segmentStart } from '../store/wal-position.ts';
import type { ServiceAccount } from '../supervise/account.ts';
import { startPostgres, type PostgresOptions } from '../supervise/postgres.ts';
import { Refusal } from '../supervise/refusal.ts';
import { listBases, proveBase, requireSpace, type Base } from './bases.ts';
import type { Generation, ShadowState } from './state.ts';
import { BLOCK_BYTES, findBadBlock, listWal, readSums, type WalFile } from './wal-archive.ts';

export interface RestoreOptions {
  readonly shadow: string;
  readonly state: ShadowState;
  /** Made here; it must not be there. The caller moves it where it belongs. */
  readonly folder: string;
  readonly account: ServiceAccount | undefined;
  /** Of the server that replays: dataDir is `folder`. */
  readonly server: Omit<PostgresOptions, 'dataDir' | 'settings' | 'onLine' | 'readyTimeoutMs'>;
  readonly say: (line: string) => void;
}

export interface Restored {
  /** The timeline the directory goes on with, and where that left the one before. */
  readonly timeline: number;
  readonly forkLsn: bigint;
  readonly history: string;
  /** The generation it was restored from. */
  readonly parent: number;
  /** What was found damaged, and what that cost. */
  readonly faults: readonly string[];
}

/** A pause without progress longer than this is no replay any more; 1 GiB of log takes about ten seconds. */
const REPLAY_MS = 60 * 60_000;

/** @throws Refusal when no base backup can be used: a person must decide */
export async function restoreShadow(options: RestoreOptions): Promise<Restored> {
  const { shadow, state, folder, say } = options;
  const faults: string[] = [];
  const tell = (fault: string): void => {
    faults.push(fault);
    say(`WARNING: ${fault}`);
  };
  const bases = await listBases(shadow, tell);
  // Serial, newest first: an older one is only asked when a newer one can't be used.
  for (const base of bases.toReversed()) {
    await rm(folder, { recursive: true, force: true });
    try {
      return await restoreFrom(base, options, faults, tell);
    } catch (error) {
      tell(`the base backup of ${base.mark.takenAt} can't be used (${messageOf(error)})`);
    }
  }
  throw new Refusal(
    'data_directory',
    `The shadow in ${shadow} (system id ${state.systemId}) can't be restored: ${bases.length === 0 ? 'it holds no base backup' : faults.join('; ')}. Restore a backup of Studio, or move ${shadow} away to begin with an empty database; nothing was changed.`,
    { facts: faults },
  );
}

async function restoreFrom(base: Base, options: RestoreOptions, faults: readonly string[], tell: (fault: string) => void): Promise<Restored> {
  const { shadow, state, folder, account, say } = options;
  if (base.mark.systemId !== state.systemId) throw new Error(`it is of another database (system id ${base.mark.systemId}, not ${state.systemId})`);
  const runs = planRuns(base, state, await listWal(shadow));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const walBytes = runs.reduce((sum, run) => sum + Number(run.to - run.from), 0);
  await requireSpace(folder, base.mark.unpackedBytes + walBytes + 4 * SEGMENT_BYTES, 'Restoring the shadow');
  say(`Restoring the base backup of ${base.mark.takenAt} (${mebibytes(base.mark.unpackedBytes)})`);
  await proveBase(
    { path: base.path, bytes: base.mark.bytes, sha256: base.mark.sha256, manifest: Buffer.from(base.mark.manifest, 'utf8') },
    { folder, account, onBytes: percentOf(base.mark.unpackedBytes, (percent) => say(`Restoring the base backup: ${percent} %`)) },
  );
  const pgWal = join(folder, 'pg_wal');
  const placed = await placeRuns(runs, pgWal);
  if (placed.damage !== undefined) tell(placed.damage);
  if (placed.end < base.endLsn) throw new Error(`the log that it needs ends at ${formatLsn(placed.end)} on the volume, before ${formatLsn(base.endLsn)}`);
  await writeFile(join(folder, 'recovery.signal'), '', { mode: 0o600 });
  await giveAll(folder, account);
  const replayed = await replay(options, { from: base.start, to: placed.end });
  const cut = placed.end - replayed.forkLsn;
  if (cut > 0n) say(`The log on the volume ends with ${cut} bytes that are no whole record; nothing that was acknowledged is in them`);
  if (replayed.forkLsn < base.endLsn) throw new Error(`the replay ended at ${formatLsn(replayed.forkLsn)}, before the base backup did`);
  return { ...replayed, parent: placed.life, faults: [...faults] };
}

/** A stretch of the log to take from the volume. */
interface Run {
  readonly life: Generation;
  readonly from: bigint;
  readonly to: bigint;
  readonly files: readonly WalFile[];
}

/** Which bytes of which generations follow the base, without a gap. Pure.
 *  @throws Error when the base lies on a branch that was given up */
export function planRuns(base: Base, state: ShadowState, files: readonly WalFile[]): readonly Run[] {
  const line = findLine(state, files);
  const at = line.findIndex(({ number }) => number === base.generation);
  if (at < 0) throw new Error(`it belongs to generation ${base.generation}, which the newest one does not come from`);
  const runs: Run[] = [];
  for (const life of line.slice(at)) {
    const run = runOf(life, life.number === base.generation ? base.start : parseLsn(life.forkLsn ?? '0/0'), files);
    if (run === undefined) continue;
    const before = runs.at(-1);
    // The first segment of the new timeline holds what the old one has of it.
    if (before !== undefined) runs[runs.length - 1] = { ...before, to: before.to < run.from ? before.to : run.from };
    runs.push(run);
  }
  return runs;
}

/** The newest generation and those that it comes from, oldest first.
 *  A generation counts once its own log goes beyond where it left its parent: until then it has written nothing, and its parent is the whole. */
function findLine(state: ShadowState, files: readonly WalFile[]): readonly Generation[] {
  const byNumber = new Map(state.generations.map((life) => [life.number, life]));
  const parentOf = (life: Generation): Generation | undefined => (life.parent === null ? undefined : byNumber.get(life.parent));
  const hasBegun = (life: Generation): boolean => {
    const fork = parseLsn(life.forkLsn ?? '0/0');
    return (runOf(life, fork, files)?.to ?? 0n) > fork;
  };
  let life = state.generations.at(-1);
  while (life !== undefined && life.parent !== null && !hasBegun(life)) life = parentOf(life);
  const line: Generation[] = [];
  for (; life !== undefined; life = parentOf(life)) line.unshift(life);
  return line;
}

function runOf(life: Generation, start: bigint, files: readonly WalFile[]): Run | undefined {
  const from = segmentStart(start);
  const run = joinFiles(
    from,
    files.filter((file) => file.generation === life.number && file.timeline === life.timeline && file.end > from),
  );
  return run === undefined ? undefined : { life, from, ...run };
}

function joinFiles(from: bigint, files: readonly WalFile[]): { readonly to: bigint; readonly files: readonly WalFile[] } | undefined {
  const used: WalFile[] = [];
  let to = from;
  for (const file of files) {
    // A gap: what follows it can't be replayed.
    if (file.start > to) break;
    used.push(file);
    if (file.end > to) to = file.end;
  }
  return to === from ? undefined : { to, files: used };
}

interface Placed {
  /** Where the good log ends. */
  readonly end: bigint;
  /** The generation it ends in. */
  readonly life: number;
  readonly damage?: string;
}

/** Writes the segments of the runs, each padded with zeros to its full size, and the history of their timelines. */
async function placeRuns(runs: readonly Run[], pgWal: string): Promise<Placed> {
  let [end, life] = [0n, 0];
  for (const run of runs) {
    life = run.life.number;
    if (run.life.history !== '') await writeFile(join(pgWal, historyName(run.life.timeline)), run.life.history, { mode: 0o600 });
    for (let start = run.from; start < run.to; start += BigInt(SEGMENT_BYTES)) {
      const wanted = Number(run.to - start < BigInt(SEGMENT_BYTES) ? run.to - start : BigInt(SEGMENT_BYTES));
      const segment = Buffer.alloc(SEGMENT_BYTES);
      const found = await readSegment(run, start, segment.subarray(0, wanted));
      await writeFile(join(pgWal, segmentName(run.life.timeline, start)), segment, { mode: 0o600 });
      end = start + BigInt(found.good);
      if (found.damage !== undefined) return { end, life, damage: found.damage };
    }
  }
  return { end, life };
}

/** Fills `into` from the run's files and holds it against their checksums; from the first damaged block on it is left empty. */
async function readSegment(run: Run, start: bigint, into: Buffer): Promise<{ readonly good: number; readonly damage?: string }> {
  let done = 0;
  while (done < into.length) {
    const at = start + BigInt(done);
    const file = run.files.find((one) => one.start <= at && at < one.end);
    if (file === undefined) return { good: done };
    const offset = Number(at - file.start);
    const length = Math.min(into.length - done, Number(file.end - at));
    const part = into.subarray(done, done + length);
    const handle = await open(file.path);
    try {
      await readFully(handle, part, offset);
    } finally {
      await handle.close();
    }
    // Files begin at a segment and segments are whole blocks: offset is a block's begin.
    const bad = findBadBlock(part, await readSums(file, offset / BLOCK_BYTES, Math.floor(length / BLOCK_BYTES)));
    if (bad >= 0) {
      const good = done + bad * BLOCK_BYTES;
      into.fill(0, good);
      const lost = Number(run.to - start) - good;
      return {
        good,
        damage: `the log on the volume is damaged at ${formatLsn(start + BigInt(good))} (${file.path}): what was committed after that is lost, at most ${mebibytes(lost)} of log`,
      };
    }
    done += length;
  }
  return { good: done };
}

async function readFully(handle: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error(`the volume gave ${done} of ${into.length} bytes`);
    done += bytesRead;
  }
}

/** PostgreSQL looks for each file of the log with this first, and then in pg_wal: there is nothing elsewhere. */
const NOWHERE = 'false';

async function replay(
  { folder, server, say }: RestoreOptions,
  log: { readonly from: bigint; readonly to: bigint },
): Promise<Omit<Restored, 'faults' | 'parent'>> {
  say(`Replaying ${mebibytes(Number(log.to - log.from))} of log`);
  const percent = percentOf(Number(log.to - log.from), (done) => say(`Replaying the log: ${done} %`));
  let [seen, said] = [log.from, ''];
  const running = await startPostgres({
    ...server,
    dataDir: folder,
    settings: {
      restore_command: NOWHERE,
      recovery_target_timeline: 'latest',
      hot_standby: 'off',
      synchronous_standby_names: '',
      log_startup_progress_interval: '1s',
      // Nothing may work in it before it is where it belongs.
      autovacuum: 'off',
    },
    readyTimeoutMs: REPLAY_MS,
    onLine(line) {
      if (/FATAL|PANIC/.test(line)) said = line;
      const at = /current LSN: ([0-9A-F]+\/[0-9A-F]+)/.exec(line)?.[1];
      if (at === undefined) return;
      percent(Number(parseLsn(at) - seen));
      seen = parseLsn(at);
    },
  }).catch((cause: unknown) => {
    throw new Error(`PostgreSQL could not replay the log: ${said || messageOf(cause)}`, { cause });
  });
  await running.stop({ graceMs: 60_000 });
  return readTimeline(join(folder, 'pg_wal'));
}

/** The newest history file there: the timeline that the replay began. */
async function readTimeline(pgWal: string): Promise<Omit<Restored, 'faults' | 'parent'>> {
  const newest = (await readdir(pgWal))
    .filter((name) => /^[0-9A-F]{8}\.history$/.test(name))
    .toSorted()
    .at(-1);
  if (newest === undefined) throw new Error('PostgreSQL began no new timeline after the replay');
  const history = await readFile(join(pgWal, newest), 'utf8');
  const last = history.trim().split('\n').at(-1)?.split('\t')[1];
  if (last === undefined) throw new Error(`${newest} does not say where its timeline began`);
  return { timeline: Number.parseInt(newest.slice(0, 8), 16), forkLsn: parseLsn(last), history };
}

async function giveAll(folder: string, account: ServiceAccount | undefined): Promise<void> {
  if (account === undefined) return;
  for (const name of ['', 'recovery.signal', 'pg_wal', ...(await readdir(join(folder, 'pg_wal'))).map((entry) => join('pg_wal', entry))]) {
    const path = join(folder, name);
    const { uid } = await stat(path);
    if (uid !== account.uid) await chown(path, account.uid, account.gid);
  }
}

/** Calls `told` at each tenth that is new. */
function percentOf(total: number, told: (percent: number) => void): (bytes: number) => void {
  let [done, last] = [0, 0];
  return (bytes) => {
    done += bytes;
    const tenth = Math.min(9, Math.floor((done / Math.max(1, total)) * 10));
    // Short ones are over before anybody reads.
    if (tenth <= last || total < 64 * 1024 * 1024) return;
    last = tenth;
    told(tenth * 10);
  };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
