/** Keeps the log on the volume up with PostgreSQL: streams, writes, and only then says so, which is what a waiting commit waits for.
 *  Reconnects for as long as it runs. Says nothing to PostgreSQL while the workspace is not held: another Studio may have taken over, and reads
 *  what is on the volume after it did; a commit that this one acknowledged before must be among it, and none after. */
import type pg from 'pg';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { openReplication, type Replication, type SystemIdentity, type WalStream } from '../store/replication.ts';
import { formatLsn, segmentStart } from '../store/wal-position.ts';
import { Diverged, type WalWriter } from './wal-archive.ts';

/** The name that synchronous_standby_names holds. */
export const STANDBY = 'studio_shadow';
export const SLOT = 'studio_shadow';

export interface ReceiverOptions {
  readonly connection: pg.ClientConfig;
  readonly systemId: string;
  readonly timeline: number;
  readonly writer: WalWriter;
  /** The volume's copy wins where both differ: it holds all that was acknowledged. False: the server's does. */
  readonly isSync: boolean;
  /** Whether this process holds the workspace, for certain. */
  readonly mayWrite: () => boolean;
  /** Asked at the begin of each connection. @throws Error when another has taken over since */
  readonly requireWriter: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The log on the volume has a gap: only a new base backup makes it whole again. */
  readonly onGap: (why: string) => void;
  /** True until that is there: what comes after the gap can't be restored, and nothing is acknowledged. */
  readonly hasGap: () => boolean;
}

export interface ReceiverStatus {
  readonly isStreaming: boolean;
  /** On the volume. */
  readonly flushed: bigint | null;
  /** The server's end as heard last. */
  readonly serverEnd: bigint | null;
  /** How long the volume has been behind without a break. */
  readonly lagMs: number;
  /** Why it does not stream, or does not come forward. */
  readonly fault: string | null;
}

export interface Receiver {
  status(): ReceiverStatus;
  /** Resolves once the log up to `lsn` is on the volume. @throws Diverged when it never will be; the signal's reason */
  untilWritten(lsn: bigint, signal?: AbortSignal): Promise<void>;
  /** Ends the stream. What PostgreSQL wrote until then and sent is on the volume. */
  stop(): Promise<void>;
}

/** Held in memory at most; then the server waits. */
const HIGH_BYTES = 8 * 1024 * 1024;
/** Well below wal_sender_timeout (60 s). */
const STATUS_MS = 5_000;
/** A killed PostgreSQL is back within a second, and its commits wait for this one. */
const RETRY_MS = 50;
const SLOW_RETRY_MS = 1_000;
/** A write that takes longer is told. */
const STUCK_MS = 5_000;

interface Live {
  isStreaming: boolean;
  serverEnd: bigint;
  caughtUpAt: number;
  writingSince: number | undefined;
  fault: string | undefined;
  diverged: Diverged | undefined;
}

export function startReceiver(options: ReceiverOptions): Receiver {
  const { clock, log, writer } = options;
  const stopped = new AbortController();
  const live: Live = { isStreaming: false, serverEnd: 0n, caughtUpAt: clock.monotonic(), writingSince: undefined, fault: undefined, diverged: undefined };
  const waiters = new Set<() => void>();
  const wake = (): void => waiters.forEach((waiter) => waiter());

  async function run(): Promise<void> {
    let failures = 0;
    while (!stopped.signal.aborted) {
      try {
        await receive(options, live, stopped.signal, wake, () => (failures = 0));
      } catch (error) {
        if (stopped.signal.aborted) break;
        live.fault = messageOf(error);
        if (error instanceof Diverged) {
          live.diverged = error;
          log.fatal({ reason: live.fault }, 'the shadow and the database differ');
          break;
        }
        log[failures === 0 ? 'warn' : 'debug']({ reason: live.fault }, 'the shadow does not stream');
      }
      live.isStreaming = false;
      wake();
      failures += 1;
      await clock.sleep(failures < 20 ? RETRY_MS : SLOW_RETRY_MS, stopped.signal).catch(() => undefined);
    }
    live.isStreaming = false;
    wake();
  }
  const running = run();

  return {
    status() {
      const flushed = writer.end ?? null;
      const isStuck = live.writingSince !== undefined && clock.monotonic() - live.writingSince > STUCK_MS;
      const stuck = isStuck ? `the volume has not answered a write for ${Math.round((clock.monotonic() - (live.writingSince ?? 0)) / 1_000)} s` : undefined;
      const isBehind = !live.isStreaming || flushed === null || flushed < live.serverEnd;
      return {
        isStreaming: live.isStreaming,
        flushed,
        serverEnd: live.serverEnd === 0n ? null : live.serverEnd,
        lagMs: isBehind ? Math.max(0, Math.round(clock.monotonic() - live.caughtUpAt)) : 0,
        fault: stuck ?? (live.isStreaming ? null : (live.fault ?? null)),
      };
    },
    async untilWritten(lsn, signal) {
      while ((writer.end ?? 0n) < lsn) {
        signal?.throwIfAborted();
        if (live.diverged !== undefined) throw live.diverged;
        const { promise, resolve } = Promise.withResolvers<void>();
        waiters.add(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
        await promise;
        waiters.delete(resolve);
      }
    },
    async stop() {
      stopped.abort(new Error('the shadow is being stopped'));
      await running;
      await writer.close();
    },
  };
}

/** One connection, from its begin to its end. */
async function receive(options: ReceiverOptions, live: Live, signal: AbortSignal, wake: () => void, onStreaming: () => void): Promise<void> {
  requireHeld(options);
  await options.requireWriter();
  const replication = await openReplication({ connection: options.connection, name: STANDBY });
  const onAbort = (): void => void replication.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const identity = await replication.identify();
    await requireSameLog(options, identity);
    const from = await findStart(replication, options);
    live.serverEnd = identity.flushed;
    await pump(options, live, { replication, from, signal, wake, onStreaming });
  } finally {
    signal.removeEventListener('abort', onAbort);
    await replication.close();
  }
}

function requireHeld({ mayWrite }: ReceiverOptions): void {
  if (!mayWrite()) throw new Error('the hold on the workspace was not renewed in time: nothing is acknowledged until it is');
}

async function requireSameLog({ systemId, timeline, writer, isSync }: ReceiverOptions, identity: SystemIdentity): Promise<void> {
  if (identity.systemId !== systemId) throw new Diverged(`PostgreSQL is another database (system id ${identity.systemId}) than the shadow (${systemId}).`, 0n);
  if (identity.timeline !== timeline) throw new Diverged(`PostgreSQL writes timeline ${identity.timeline}, the shadow timeline ${timeline}.`, 0n);
  if (writer.end === undefined || identity.flushed >= writer.end) return;
  // What the volume has and the server does not was never torn: it came from the server.
  if (isSync || identity.flushed < segmentStart(writer.end))
    throw new Diverged(
      `The database's log ends at ${formatLsn(identity.flushed)}, the volume's at ${formatLsn(writer.end)}: the database's own disk has lost something.`,
      identity.flushed,
    );
  await writer.cutAt(identity.flushed);
}

/** Where to stream from: the segment's begin, so that what the volume holds of it is compared. */
async function findStart(replication: Replication, { writer, onGap, log }: ReceiverOptions): Promise<bigint> {
  const found = await replication.readSlot(SLOT);
  // A slot that was outrun (max_slot_wal_keep_size) keeps nothing any more.
  if (found !== undefined && found.restart === null) await replication.dropSlot(SLOT);
  if (found?.restart === undefined || found.restart === null) await replication.createSlot(SLOT);
  const slot = found?.restart ?? (await replication.readSlot(SLOT))?.restart;
  if (slot === undefined || slot === null) throw new Error('PostgreSQL made a replication slot that keeps nothing.');
  const { end } = writer;
  if (end === undefined) return segmentStart(slot);
  if (segmentStart(slot) <= segmentStart(end)) return segmentStart(end);
  const why = `the log from ${formatLsn(end)} to ${formatLsn(slot)} was removed before the volume had it`;
  log.error({ reason: why }, 'the shadow has a gap');
  await writer.skipTo(segmentStart(slot));
  onGap(why);
  return segmentStart(slot);
}

interface Pump {
  readonly replication: Replication;
  readonly from: bigint;
  readonly signal: AbortSignal;
  readonly wake: () => void;
  readonly onStreaming: () => void;
}

/** Messages come in, batches go out: while one is being synced the next gathers. */
async function pump(options: ReceiverOptions, live: Live, { replication, from, signal, wake, onStreaming }: Pump): Promise<void> {
  const { clock, writer, timeline } = options;
  let queue: { readonly start: bigint; readonly bytes: Buffer }[] = [];
  let [held, isPaused, isWanted, isOver] = [0, false, false, false];
  let arrived = Promise.withResolvers<void>();
  const stream: WalStream = replication.stream({ slot: SLOT, from, timeline, now: () => clock.now() }, (message) => {
    if (message.serverEnd > live.serverEnd) live.serverEnd = message.serverEnd;
    if (message.kind === 'wal') {
      // A copy: the connection's buffer is used again.
      queue.push({ start: message.start, bytes: Buffer.from(message.bytes) });
      held += message.bytes.length;
      if (held > HIGH_BYTES && !isPaused) {
        isPaused = true;
        stream.pause();
      }
    } else isWanted ||= message.wantsReply;
    arrived.resolve();
  });
  const report = (): void => {
    requireHeld(options);
    const written = writer.end ?? from;
    // 0 says nothing: who waits goes on waiting, and the slot stays where it is.
    const flushed = options.hasGap() ? 0n : written;
    stream.report({ written, flushed });
    if (flushed >= live.serverEnd) live.caughtUpAt = clock.monotonic();
  };
  const over = stream.ended.finally(() => {
    isOver = true;
    arrived.resolve();
  });
  over.catch(() => undefined);
  try {
    report();
    live.isStreaming = true;
    live.fault = undefined;
    wake();
    while (!isOver && !signal.aborted) {
      const idle = new AbortController();
      // Also said while nothing comes: the server takes a silent client for dead.
      await Promise.race([arrived.promise, clock.sleep(STATUS_MS, AbortSignal.any([idle.signal, signal])).catch(() => undefined)]);
      idle.abort();
      arrived = Promise.withResolvers<void>();
      if (isOver) arrived.resolve();
      const batch = queue;
      [queue, held] = [[], 0];
      if (isPaused) {
        isPaused = false;
        stream.resume();
      }
      if (batch.length > 0) {
        requireHeld(options);
        live.writingSince = clock.monotonic();
        await appendAll(options, batch);
        live.writingSince = undefined;
      }
      isWanted = false;
      report();
      // Not before: a volume that is full takes connections, and fails with the first write.
      onStreaming();
      wake();
    }
    await over;
  } finally {
    live.writingSince = undefined;
    live.isStreaming = false;
  }
}

/** What follows without a break is one write and one sync. */
async function appendAll({ writer, isSync, log }: ReceiverOptions, batch: readonly { readonly start: bigint; readonly bytes: Buffer }[]): Promise<void> {
  const [first] = batch;
  if (first === undefined) return;
  let next = first.start;
  for (const { start, bytes } of batch) {
    if (start !== next) throw new Error(`PostgreSQL sent ${formatLsn(start)} after ${formatLsn(next)}.`);
    next += BigInt(bytes.length);
  }
  const bytes = batch.length === 1 ? first.bytes : Buffer.concat(batch.map((part) => part.bytes));
  try {
    await writer.append(first.start, bytes);
  } catch (error) {
    // Commits do not wait for the volume: the server's own copy is the newer one.
    if (!(error instanceof Diverged) || isSync) throw error;
    log.warn({ reason: error.message }, "the end of the log on the volume is replaced by the server's");
    await writer.cutAt(error.at);
    await writer.append(first.start, bytes);
  }
}
