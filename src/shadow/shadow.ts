/** The shadow of a database whose directory is on the machine's own disk: base backups and the log since, on the volume, from which any machine
 *  starts again. `begin` returns once everything in the database can be restored; what is promised at which moment: README.md beside this file.
 *  Never touches the database's directory but for its mark (prepare.ts does), and never a base backup before a newer one is proven. */
import { rm } from 'node:fs/promises';
import type pg from 'pg';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import { openReplication, type SystemIdentity } from '../store/replication.ts';
import { Refusal } from '../supervise/refusal.ts';
import { listBases } from './bases.ts';
import { bytesOfWal, findGap, keepBases, renew, requireWriter, walSince, type Running } from './keep-bases.ts';
import { baseFolder, walFolder } from './layout.ts';
import { STANDBY, startReceiver } from './receiver.ts';
import { newMarker, readMarker, readState, writeMarker, writeState, writerOf, type Generation, type ShadowState } from './state.ts';
import { openWalWriter } from './wal-archive.ts';

export interface ShadowSettings {
  /** sync: a commit waits until its log is on the volume. */
  readonly mode: 'sync' | 'async';
  /** A new base backup after so long, or so much log. */
  readonly baseHours: number;
  readonly baseWalBytes: number;
  readonly keepBases: number;
}

export interface ShadowOptions extends ShadowSettings {
  readonly shadow: string;
  readonly dataDir: string;
  /** Default: as below. */
  readonly keptLogMib?: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this process holds the workspace, for certain. */
  readonly mayWrite: () => boolean;
  /** Another has taken the shadow over: nothing more may be written. */
  readonly onFenced: (holder: string) => void;
  readonly say: (line: string) => void;
}

export interface ShadowStatus {
  readonly mode: 'sync' | 'async';
  readonly generation: number;
  readonly isStreaming: boolean;
  /** What a loss of this machine would cost now; null while the database's own end is not known. */
  readonly lagBytes: number | null;
  readonly lagMs: number;
  readonly bases: number;
  readonly lastBaseAt: string | null;
  /** Since the newest base backup: what a restore replays. */
  readonly walBytes: number;
  /** On the volume, base backups and log together. */
  readonly bytes: number;
  /** Why the volume falls behind; in the mode sync commits wait for it. */
  readonly fault: string | null;
  /** Why a restore would be long, or impossible. */
  readonly baseFault: string | null;
}

export interface Shadow {
  /** What PostgreSQL starts with. */
  readonly settings: Readonly<Record<string, string>>;
  /** Streams, and takes the first base backup. To be awaited before anything is acknowledged.
   *  @throws Diverged when the database has lost what the volume holds; Error when the volume or the server fails */
  begin(connection: pg.ClientConfig): Promise<void>;
  /** Null before `begin`. */
  status(): ShadowStatus | null;
  /** The volume has room again: a base backup that failed is tried again now. */
  onRoom(): void;
  /** After the server has ended: it waits until what it wrote last is on the volume. */
  stop(): Promise<void>;
}

/** The log that PostgreSQL keeps for a volume that does not answer, before it goes on without; then a new base backup is made. */
const KEPT_LOG_MIB = 2_048;

export function createShadow(options: ShadowOptions): Shadow {
  const { mode } = options;
  const stopped = new AbortController();
  let running: Running | undefined;
  let loop: Promise<void> = Promise.resolve();

  async function end(): Promise<void> {
    const ending = running;
    running = undefined;
    await ending?.receiver.stop();
  }

  return {
    settings: {
      max_slot_wal_keep_size: `${options.keptLogMib ?? KEPT_LOG_MIB}MB`,
      // Fewer bytes over the network, for a little of the processor.
      wal_compression: 'on',
      ...(mode === 'sync' && { synchronous_standby_names: STANDBY, synchronous_commit: 'on' }),
    },
    async begin(connection) {
      await end();
      const identity = await identify(connection);
      const state = await openState(options, identity);
      const life = state.generations.at(-1);
      if (life === undefined) throw new Error('The shadow has no generation.');
      const opened = await open(options, { connection, state, life });
      running = opened;
      await opened.receiver.untilWritten(identity.flushed, stopped.signal);
      if (!opened.state.isComplete || opened.gap !== undefined) {
        options.say('Making the first base backup of the database on the volume');
        await renew(options, opened, { signal: stopped.signal });
      }
      loop = keepBases(options, opened, stopped.signal, () => running === opened);
    },
    status: () => (running === undefined ? null : statusOf(options, running)),
    onRoom() {
      if (running === undefined || running.failures === 0) return;
      running.notBeforeMs = 0;
      running.look();
    },
    async stop() {
      stopped.abort(new Error('the shadow is being stopped'));
      await loop.catch(() => undefined);
      await end();
    },
  };
}

async function identify(connection: pg.ClientConfig): Promise<SystemIdentity> {
  const replication = await openReplication({ connection, name: 'studio_shadow_look' });
  try {
    return await replication.identify();
  } finally {
    await replication.close();
  }
}

/** The state that this directory may go on with, or that of a new shadow. */
async function openState({ shadow, dataDir, clock }: ShadowOptions, identity: SystemIdentity): Promise<ShadowState> {
  const [state, marker] = [await readState(shadow), await readMarker(dataDir)];
  if (state?.isComplete === true) {
    if (state.writer.id === marker?.id && state.systemId === identity.systemId) return state;
    throw new Refusal(
      'data_directory',
      `${shadow} belongs to another copy of the database than ${dataDir} (it was taken over by ${state.writer.host}). Start again; nothing was changed.`,
    );
  }
  // Nothing in it was ever proven.
  for (const folder of [baseFolder(shadow), walFolder(shadow)]) await rm(folder, { recursive: true, force: true });
  const own = marker ?? newMarker(null);
  if (marker === undefined) await writeMarker(dataDir, own);
  const life: Generation = { number: 1, timeline: identity.timeline, parent: null, forkLsn: null, history: '', startedAt: new Date(clock.now()).toISOString() };
  const fresh: ShadowState = { format: 1, systemId: identity.systemId, writer: writerOf(own.id, clock.now()), isComplete: false, generations: [life] };
  await writeState(shadow, fresh);
  return fresh;
}

interface Opening {
  readonly connection: pg.ClientConfig;
  readonly state: ShadowState;
  readonly life: Generation;
}

async function open(options: ShadowOptions, { connection, state, life }: Opening): Promise<Running> {
  const { shadow, clock, log, mode, mayWrite } = options;
  const writer = await openWalWriter(shadow, { generation: life.number, timeline: life.timeline });
  const receiver = startReceiver({
    connection,
    systemId: state.systemId,
    timeline: life.timeline,
    writer,
    isSync: mode === 'sync',
    mayWrite,
    requireWriter: () => requireWriter(options, state.writer.id),
    clock,
    log,
    onGap(why) {
      opened.gap = why;
      opened.look();
    },
    hasGap: () => opened.gap !== undefined,
  });
  const bases = await listBases(shadow, (fault) => log.warn({ reason: fault }, 'a base backup was passed over'));
  const opened: Running = {
    ...{ connection, receiver, writer, life, state },
    bases,
    walFileBytes: await bytesOfWal(shadow),
    gap: await findGap(shadow, life, bases.at(-1)),
    baseFault: undefined,
    failures: 0,
    notBeforeMs: 0,
    look: () => undefined,
  };
  return opened;
}

function statusOf({ mode, mayWrite }: ShadowOptions, running: Running): ShadowStatus {
  const { receiver, life, bases, gap, baseFault, walFileBytes, writer } = running;
  const { isStreaming, flushed, serverEnd, lagMs, fault } = receiver.status();
  const newest = bases.at(-1);
  const unheld = mayWrite() ? undefined : 'the hold on the workspace is not sure';
  return {
    mode,
    generation: life.number,
    isStreaming,
    lagBytes: flushed === null || serverEnd === null ? null : Math.max(0, Number(serverEnd - flushed)),
    lagMs,
    bases: bases.length,
    lastBaseAt: newest?.mark.takenAt ?? null,
    walBytes: walSince(running, newest),
    bytes: walFileBytes + writer.written + bases.reduce((sum, base) => sum + base.mark.bytes, 0),
    fault: fault ?? (isStreaming ? undefined : 'PostgreSQL and the volume are not connected') ?? unheld ?? null,
    baseFault: (gap === undefined ? undefined : `${gap}; a new base backup is being made`) ?? baseFault ?? null,
  };
}
