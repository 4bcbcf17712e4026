/** A base backup through PostgreSQL's own protocol (BASE_BACKUP): the data directory as one tar stream, taken while the server works.
 *  Needs no external program. Never writes a file, never verifies: whoever takes the stream does (the manifest holds a SHA-256 of every file).
 *
 *  With `wal: 'included'` the tar holds under pg_wal all of the log that the backup needs, and can be opened by itself; with `'none'` it can only be
 *  opened together with the log from `startLsn` to `endLsn`. The tar ends properly; the manifest is not in it. */
import { Readable } from 'node:stream';
import type pg from 'pg';
import type { Connection } from 'pg';
import { readBackupMessage } from './replication-messages.ts';
import { openReplication, type ProtocolWork, type Replication, type SystemIdentity } from './replication.ts';
import { parseLsn } from './wal-position.ts';

export interface BaseBackupOptions {
  /** Of the role that may replicate: `RoleConnections.replication`. */
  readonly connection: pg.ClientConfig;
  /** For a person who reads backup_label. */
  readonly label: string;
  readonly wal: 'included' | 'none';
  /** KiB a second, 32 to 1,048,576. Default: as fast as it goes. */
  readonly maxRateKib?: number;
  /** Told now and then. `total` is the server's estimate at the start. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface BaseBackupFacts {
  readonly systemId: string;
  readonly timeline: number;
  /** The log is needed from here … */
  readonly startLsn: bigint;
  /** … to here, or the backup can't be opened. */
  readonly endLsn: bigint;
  /** backup_manifest, JSON: path, size and SHA-256 of every file, and a checksum of itself. */
  readonly manifest: Buffer;
}

export interface BaseBackup {
  /** Pauses the server when it is not read. Destroying it ends the backup. Fails with what ended it too early. */
  readonly tar: Readable;
  /** Once the tar has ended: only then the backup is good. Rejects when the tar fails. */
  readonly facts: Promise<BaseBackupFacts>;
}

/** Begins a base backup with a checkpoint at once. @throws Error when the server does not answer */
export async function takeBaseBackup(options: BaseBackupOptions): Promise<BaseBackup> {
  options.signal?.throwIfAborted();
  const replication = await openReplication({ connection: options.connection, name: 'studio_base_backup' });
  try {
    // Keeps the log until the connection ends, however long the backup takes.
    if (options.wal === 'included')
      await replication.createSlot(`studio_base_${process.pid}_${Math.random().toString(36).slice(2, 10)}`, { isTemporary: true });
    return begin(replication, await replication.identify(), options);
  } catch (error) {
    await replication.close();
    throw error;
  }
}

function begin(replication: Replication, { systemId }: SystemIdentity, options: BaseBackupOptions): BaseBackup {
  const facts = Promise.withResolvers<BaseBackupFacts>();
  facts.promise.catch(() => undefined);
  let connection: Connection | undefined;
  let isFinished = false;
  const tar = new Readable({
    highWaterMark: 1024 * 1024,
    read: () => void connection?.stream.resume(),
    destroy(error, done) {
      facts.reject(error ?? new Error('The base backup was given up.'));
      // Under way, it is closed under the server, which then ends the backup.
      if (!isFinished) connection?.stream.destroy();
      void replication.close().then(() => done(error));
    },
  });
  const abort = (): void => void tar.destroy(options.signal?.reason instanceof Error ? options.signal.reason : new Error('The base backup was stopped.'));
  options.signal?.addEventListener('abort', abort, { once: true });
  facts.promise.finally(() => options.signal?.removeEventListener('abort', abort)).catch(() => undefined);
  const work = readBackup(systemId, options, {
    opened: (opened) => (connection = opened),
    data: (bytes) => tar.push(bytes),
    failed: (error) => void tar.destroy(error),
    finished(found) {
      isFinished = true;
      facts.resolve(found);
      tar.push(null);
    },
  });
  replication.submit(work);
  return { tar, facts: facts.promise };
}

interface Sink {
  opened(connection: Connection): void;
  /** @returns false: no more for now */
  data(bytes: Buffer): boolean;
  failed(error: Error): void;
  finished(facts: BaseBackupFacts): void;
}

/** Three results and a copy: where it starts, the tablespaces, the copy, where it ended. */
function readBackup(systemId: string, options: BaseBackupOptions, sink: Sink): ProtocolWork {
  const rows: (readonly (string | null)[])[][] = [];
  const manifest: Buffer[] = [];
  let [archives, total, isManifest, hasFailed] = [0, 0, false, false];
  const fail = (error: Error): void => {
    hasFailed = true;
    sink.failed(error);
  };
  return {
    submit(connection) {
      sink.opened(connection);
      connection.query(command(options));
    },
    handleRowDescription: () => void rows.push([]),
    handleDataRow({ fields }) {
      rows.at(-1)?.push([...fields]);
      // Sizes come in KiB.
      if (rows.length === 2) total += Number(fields[2] ?? 0) * 1_024;
    },
    handleCommandComplete: () => undefined,
    handleCopyData({ chunk }, connection) {
      if (hasFailed) return;
      try {
        const message = readBackupMessage(chunk);
        if (message.kind === 'archive' && ++archives > 1)
          throw new Error(`The database has a tablespace (${message.tablespace}); a base backup of it is not supported.`);
        if (message.kind === 'manifest') isManifest = true;
        if (message.kind === 'progress') options.onProgress?.(Number(message.bytes), Math.max(total, Number(message.bytes)));
        if (message.kind !== 'data') return;
        // A copy: the connection's buffer is used again.
        const bytes = Buffer.from(message.bytes);
        if (isManifest) manifest.push(bytes);
        else if (!sink.data(bytes)) connection.stream.pause();
      } catch (error) {
        fail(error instanceof Error ? error : new Error(String(error)));
      }
    },
    handleError: fail,
    handleReadyForQuery() {
      if (hasFailed) return;
      const [start, , end] = rows.map((result) => result[0]);
      if (typeof start?.[0] !== 'string' || typeof end?.[0] !== 'string' || manifest.length === 0)
        return fail(new Error('The base backup ended without its end.'));
      sink.finished({ systemId, timeline: Number(start[1]), startLsn: parseLsn(start[0]), endLsn: parseLsn(end[0]), manifest: Buffer.concat(manifest) });
    },
  };
}

function command({ label, wal, maxRateKib }: BaseBackupOptions): string {
  const options = [
    `LABEL '${label.replaceAll("'", "''").replaceAll(/[^\x20-\x7e]/g, '?')}'`,
    'PROGRESS true',
    "CHECKPOINT 'fast'",
    `WAL ${wal === 'included'}`,
    'WAIT false',
    "MANIFEST 'yes'",
    "MANIFEST_CHECKSUMS 'SHA256'",
    ...(maxRateKib === undefined ? [] : [`MAX_RATE ${Math.min(1_048_576, Math.max(32, Math.trunc(maxRateKib)))}`]),
  ];
  return `BASE_BACKUP (${options.join(', ')})`;
}
